package ledger

import (
	"hullmark/proto"
	"hullmark/record"
)

// statements judges the statements of one or more repositories: revocations or
// lifts, each signed by the threshold of a role (docs/spec.md, "revoke and lift").
func (x *examiner) statements(subjects []*subject) error {
	var body proto.Statements
	if err := x.decode(&body); err != nil {
		return err
	}
	if len(body.GetStatements()) != len(subjects) {
		return record.Reject(record.CodeScopeMismatch, "%d statements for %d repositories", len(body.GetStatements()), len(subjects))
	}
	for i, b := range body.GetStatements() {
		st, err := x.statement(subjects[i], b)
		if err != nil {
			return err
		}
		x.effects = append(x.effects, effect{statement: st})
	}
	return nil
}

// statement judges one statement.
func (x *examiner) statement(s *subject, b []byte) (*record.SignedStatement, error) {
	st, err := record.DecodeSignedStatement(b)
	if err != nil {
		return nil, record.Reject(record.CodeMalformed, "%v", err)
	}
	if st.Action.Kind() != x.header.Kind || st.Scope() != s.scopes[0] {
		return nil, record.Reject(record.CodeScopeMismatch, "a %s for %s, number %d, where the scope has %s, number %d",
			st.Action, st.Scope(), st.Sequence, s.scopes[0], s.scopes[0].Number)
	}
	if st.Binding.Ledger != x.ledger || st.RecoveryCount != s.repo.RecoveryCount {
		return nil, record.Reject(record.CodeWrongBinding, "statement made for ledger %s after %d recoveries; this is %s after %d",
			st.Binding.Ledger, st.RecoveryCount, x.ledger, s.repo.RecoveryCount)
	}
	if st.Through > s.repo.RevocationSequence {
		return nil, record.Reject(record.CodeFutureScope, "lift through revocation %d, the ledger has %d", st.Through, s.repo.RevocationSequence)
	}
	// Whoever may sign the role's next file may sign its statements: the root's
	// word is needed, the role's stored file is not.
	x.watch(s)
	if !s.repo.Effective(record.RoleRoot, x.now) {
		root, _ := s.repo.Role(record.RoleRoot)
		return nil, record.Reject(record.CodeRoleNotEffective, "the root of %s expired %s; rotate it first", s.name, root.Expires)
	}
	root, err := x.files.root(s.repo)
	if err != nil {
		return nil, err
	}
	if err := st.Verify(x.verifier, root); err != nil {
		return nil, rejectMetadata(err)
	}
	return st, nil
}

// applyStatement carries out one statement.
func (t *transaction) applyStatement(s *subject, e *effect) error {
	st := e.statement
	var err error
	if s.repo, err = s.stored.Decode(); err != nil {
		return err
	}
	root, _ := s.repo.Role(record.RoleRoot)
	ruling := record.Ruling{
		Role: st.Binding.Role, Reason: st.Reason, Sequence: st.Sequence, RootVersion: root.Version,
		Statement: t.addContent(st.Encode()), Height: t.block.Height, Time: t.block.Time, Index: t.nextIndex(),
	}
	if err := t.ruleOn(s, st, ruling); err != nil {
		return err
	}
	return t.commitRecord(s, &record.LogRecord{
		Changes: uint32(len(st.Digests)), ChangesHash: ruling.Statement, KeyIDs: st.Signers(),
	})
}

// ruleOn writes the vouchers of the digests a statement changes, and counts
// it. A statement that changes none has come too late, or is a mistake.
func (t *transaction) ruleOn(s *subject, st *record.SignedStatement, ruling record.Ruling) error {
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
