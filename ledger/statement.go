package ledger

import (
	"hullmark/proto"
	"hullmark/record"
)

// statements judges the statements of one or more repositories: revocations or
// lifts, each signed by the threshold of a role (docs/spec.md, "revoke and lift").
// As for a publish, the first half knows the header only and ends with the
// submitter's signature.
func (t *transaction) statements(action record.Action) error {
	subjects, err := t.loadParties(action)
	if err != nil {
		return err
	}
	// An operator who pays may carry anybody's signed statements.
	var payer *record.Operator
	if t.env.Header.Payer != "" {
		if payer, err = t.payer(); err != nil {
			return err
		}
	}
	for _, s := range subjects {
		have := s.repo.RevocationSequence
		if action == record.ActionLift {
			have = s.repo.LiftSequence
		}
		if err := checkNext(s.scopes[0], have); err != nil {
			return err
		}
	}
	if err := t.takeQuota(subjects, payer); err != nil {
		return err
	}
	if err := t.takeWork(statementWork(t.size, subjects)); err != nil {
		return err
	}
	if err := t.verifySubmitter(); err != nil {
		return err
	}

	var body proto.Statements
	if err := proto.Unmarshal(t.env.Body, &body); err != nil {
		return record.Reject(record.CodeMalformed, "%v", err)
	}
	if len(body.GetStatements()) != len(subjects) {
		return record.Reject(record.CodeScopeMismatch, "%d statements for %d repositories", len(body.GetStatements()), len(subjects))
	}
	for i, b := range body.GetStatements() {
		if subjects[i].root, err = t.loadRoot(subjects[i].repo); err != nil {
			return err
		}
		if err := t.statement(subjects[i], action, b); err != nil {
			return err
		}
	}
	return nil
}

// loadParties loads what it takes to know the submitter: one repository for each
// scope.
func (t *transaction) loadParties(action record.Action) ([]*subject, error) {
	kind := record.ScopeRevocation
	if action == record.ActionLift {
		kind = record.ScopeLift
	}
	var out []*subject
	for _, c := range t.env.Header.Scopes {
		if c.Kind != kind {
			return nil, record.Reject(record.CodeScopeMismatch, "a %s claims %s", action, c)
		}
		s, err := t.loadSubject(c)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// statementWork is what statements are compared with, in bytes: the roots, and
// three times their own size on top of the size that counts anyway. A digest takes
// no more than 33 bytes of a statement and as much writing as a tag, which takes
// more than 100 of a file.
func statementWork(size int, subjects []*subject) int {
	work := 3 * size
	for _, s := range subjects {
		root, _ := s.repo.Role(record.RoleRoot)
		work += int(root.FileSize)
	}
	return work
}

// statement judges and applies one statement.
func (t *transaction) statement(s *subject, action record.Action, b []byte) error {
	st, err := record.DecodeSignedStatement(b)
	if err != nil {
		return record.Reject(record.CodeMalformed, "%v", err)
	}
	if st.Action != action || st.Scope() != s.scopes[0] {
		return record.Reject(record.CodeScopeMismatch, "a %s for %s, number %d, where the scope has %s, number %d",
			st.Action, st.Scope(), st.Sequence, s.scopes[0], s.scopes[0].Number)
	}
	if st.Binding.Ledger != t.ledger.id || st.RecoveryCount != s.repo.RecoveryCount {
		return record.Reject(record.CodeWrongBinding, "statement made for ledger %s after %d recoveries; this is %s after %d",
			st.Binding.Ledger, st.RecoveryCount, t.ledger.id, s.repo.RecoveryCount)
	}
	if st.Through > s.repo.RevocationSequence {
		return record.Reject(record.CodeFutureScope, "lift through revocation %d, the ledger has %d", st.Through, s.repo.RevocationSequence)
	}
	// Whoever may sign the role's next file may sign its statements: the root's
	// word is needed, the role's stored file is not.
	if !s.repo.Effective(record.RoleRoot, t.block.Time) {
		return record.Reject(record.CodeRoleNotEffective, "the root of %s expired %s; rotate it first", s.name, s.root.Expires)
	}
	if err := st.Verify(t.verifier, s.root); err != nil {
		return rejectMetadata(err)
	}
	ruling := record.Ruling{
		Role: st.Binding.Role, Reason: st.Reason, Sequence: st.Sequence, RootVersion: s.root.Version,
		Statement: t.addContent(st.Encode()), Height: t.block.Height, Time: t.block.Time, Index: t.nextIndex(),
	}
	if err := t.applyStatement(s, st, ruling); err != nil {
		return err
	}
	return t.commitRecord(s.name, s.repo, &record.LogRecord{
		Changes: uint32(len(st.Digests)), ChangesHash: ruling.Statement, KeyIDs: st.Signers(),
	})
}

// applyStatement writes the vouchers of the digests a statement changes, and counts
// it. A statement that changes none has come too late, or is a mistake.
func (t *transaction) applyStatement(s *subject, st *record.SignedStatement, ruling record.Ruling) error {
	changed := false
	for _, digest := range st.Digests {
		key := record.VoucherKey(digest, s.name)
		v, ok, err := load(t, key, record.DecodeVoucher)
		if err != nil {
			return err
		}
		if !ok {
			v = new(record.Voucher) // published or not, it may be revoked
		}
		if rule(v, st, ruling) {
			t.set(key, v.Encode())
			changed = true
		}
	}
	switch {
	case st.Action == record.ActionRevoke && !changed:
		return record.Reject(record.CodeAlreadyRevoked, "in %s", s.name)
	case st.Action == record.ActionLift && !changed:
		return record.Reject(record.CodeNotRevoked, "in %s, through revocation %d", s.name, st.Through)
	case st.Action == record.ActionRevoke:
		s.repo.RevocationSequence = st.Sequence
	default:
		s.repo.LiftSequence = st.Sequence
	}
	return nil
}

// rule applies a statement to the voucher of a digest it names and reports whether
// that changes anything. What is revoked stays so as it was; a lift does not reach
// revocations it could not know of.
func rule(v *record.Voucher, st *record.SignedStatement, ruling record.Ruling) bool {
	switch {
	case st.Action == record.ActionRevoke && v.Revocation == nil:
		v.Revocation, v.Lift = &ruling, nil
		return true
	case st.Action == record.ActionLift && v.Revocation != nil && v.Revocation.Sequence <= st.Through:
		v.Revocation, v.Lift = nil, &ruling
		return true
	}
	return false
}
