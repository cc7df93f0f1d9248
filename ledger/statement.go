package ledger

import (
	"hullmark/proto"
	"hullmark/record"
)

// statementKind is what sets kinds of statements apart.
type statementKind struct {
	scope record.ScopeKind
	have  func(*record.StoredRepository) uint64
	// rule changes the voucher of a digest, and reports whether it did.
	rule func(*record.Voucher, *record.SignedStatement, record.Ruling) bool
	// none is the refusal of a statement that changes nothing, and count where those are
	// counted that were accepted.
	none  record.Code
	count func(*record.Repository) *uint64
}

// revocations take digests out of circulation. What is revoked stays so as it was.
func revocations() statementKind {
	return statementKind{
		scope: record.ScopeRevocation,
		have:  (*record.StoredRepository).RevocationSequence,
		rule: func(v *record.Voucher, _ *record.SignedStatement, ruling record.Ruling) bool {
			if v.Revocation != nil {
				return false
			}
			v.Revocation, v.Lift = &ruling, nil
			return true
		},
		none:  record.CodeAlreadyRevoked,
		count: func(r *record.Repository) *uint64 { return &r.RevocationSequence },
	}
}

// lifts take revocations back. They do not reach those they could not know of.
func lifts() statementKind {
	return statementKind{
		scope: record.ScopeLift,
		have:  (*record.StoredRepository).LiftSequence,
		rule: func(v *record.Voucher, st *record.SignedStatement, ruling record.Ruling) bool {
			if v.Revocation == nil || v.Revocation.Sequence > st.Through {
				return false
			}
			v.Revocation, v.Lift = nil, &ruling
			return true
		},
		none:  record.CodeNotRevoked,
		count: func(r *record.Repository) *uint64 { return &r.LiftSequence },
	}
}

// statements is the row of a kind of statements about digests, each signed by the
// threshold of a role (docs/spec.md, "revoke and lift").
func statements(k statementKind) kind {
	return kind{
		scopes:  claimOnly(k.scope),
		parties: (*transaction).knownParties,
		have:    func(r *record.StoredRepository, _ record.Scope) uint64 { return k.have(r) },
		quota:   (*transaction).takeQuotas,
		work:    statementsWork,
		content: (*examiner).statements,
		apply:   k.apply,
		replay:  k.replay,
	}
}

// statementsWork is the work on the statements of repositories.
func statementsWork(body []byte, subjects []*subject) (n, files int) {
	counts := newCounter().statements(body)
	for i, s := range subjects {
		n += repositoryTime
		if i < len(counts) {
			n += statementTime(s, counts[i])
		}
	}
	return n, 0
}

// statementTime is the time for one statement.
func statementTime(s *subject, c statementCounts) int {
	root, _ := s.stored.Role(record.RoleRoot)
	return delegationByteTime*int(root.FileSize) + c.signatures.time(c.size) + digestTime*min(c.size/minDigestSize, record.MaxStatementDigests)
}

// minDigestSize is what a digest takes in a statement.
const minDigestSize = 1 + 32

// statements judges the statements of one or more repositories.
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

// apply carries out one statement.
func (k statementKind) apply(t *transaction, s *subject, e *effect) error {
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
	if err := k.ruleOn(t, s, st, ruling); err != nil {
		return err
	}
	return t.commitRecord(s, &record.LogRecord{
		Changes: uint32(len(st.Digests)), ChangesHash: ruling.Statement, KeyIDs: st.Signers(),
	})
}

// ruleOn writes the vouchers of the digests a statement changes, and counts
// it. A statement that changes none has come too late, or is a mistake.
func (k statementKind) ruleOn(t *transaction, s *subject, st *record.SignedStatement, ruling record.Ruling) error {
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
		if k.rule(v, st, ruling) {
			t.set(key, v.Encode())
			changed = true
		}
	}
	if !changed {
		return record.Reject(k.none, "in %s, by statement %d of its kind", s.name, st.Sequence)
	}
	*k.count(s.repo) = st.Sequence
	return nil
}
