package bundle

import (
	"slices"

	"hullmark/query"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// judgeStatements applies what statements say of a digest: it denies what is
// revoked, and believes that nothing is, or is any more, only if that agrees with
// what the client knows (docs/spec.md, "Revocations in memory"). The voucher is nil
// when its absence is proven.
//
// A revocation is obeyed on the ledger's word, with or without its statement. A lift
// is believed at publisher assurance when the publisher's own signatures say so.
func (v *verification) judgeStatements(digest reference.Digest, voucher *record.Voucher) error {
	known := v.seen.RevokedThrough(digest)
	switch {
	case voucher != nil && voucher.Revocation != nil:
		return v.judgeRevocation(digest, voucher.Revocation, known)
	case voucher != nil && voucher.Lift != nil:
		return v.judgeLift(digest, voucher.Lift, known)
	case known > 0:
		return fail(ErrRollback, "%s is said to be never revoked, revocation %d of it is known", digest, known)
	case len(v.bundle.GetStatements()) > 0 || len(v.bundle.GetStatementRoot()) > 0:
		return fail(ErrStatement, "the ledger names none about %s", digest)
	default:
		return nil
	}
}

func (v *verification) judgeRevocation(digest reference.Digest, ruling *record.Ruling, known uint64) error {
	v.result.Revocation = ruling
	if ruling.Sequence < known {
		return fail(ErrRollback, "%s is said to be revoked by revocation %d, revocation %d of it is known", digest, ruling.Sequence, known)
	}
	if err := v.checkRuling(ruling, v.repository.RevocationSequence); err != nil {
		return err
	}
	statement, err := v.verifyStatement(digest, record.ActionRevoke, ruling)
	if err != nil {
		return err
	}
	note := ""
	if statement != nil {
		v.result.Statement = statement
		v.seen = v.seen.withRevoked(digest, ruling.Sequence)
		if statement.Note != "" {
			note = " (" + statement.Note + ")"
		}
	}
	return v.deny(ErrRevoked, "%s, at height %d, by the %s role: %s%s", digest, ruling.Height, ruling.Role, ruling.Reason, note)
}

func (v *verification) judgeLift(digest reference.Digest, ruling *record.Ruling, known uint64) error {
	v.result.Lift = ruling
	if err := v.checkRuling(ruling, v.repository.LiftSequence); err != nil {
		return err
	}
	if v.request.Assurance == query.LedgerAssurance {
		return nil // which rests on the ledger's word; what is remembered stays
	}
	statement, err := v.verifyStatement(digest, record.ActionLift, ruling)
	switch {
	case err != nil:
		return err
	case statement == nil:
		return fail(ErrStatement, "the ledger says that the revocation of %s was lifted, and no statement shows it", digest)
	case statement.Through < known:
		return fail(ErrStatement, "the lift of %s reaches revocation %d, revocation %d of it is known", digest, statement.Through, known)
	}
	v.result.Statement = statement
	v.seen = v.seen.withRevoked(digest, 0)
	return nil
}

// checkRuling checks that a ruling fits the repository it stands in. sequence is
// the newest of its kind.
func (v *verification) checkRuling(r *record.Ruling, sequence uint64) error {
	if r.Sequence > sequence || r.RootVersion > v.rootState.Version || r.Height > v.repository.LastHeight || r.Index > v.repository.LastIndex {
		return fail(ErrMismatch, "statement %d of root %d at height %d, the repository has %d and root %d at height %d",
			r.Sequence, r.RootVersion, r.Height, sequence, v.rootState.Version, v.repository.LastHeight)
	}
	return nil
}

// verifyStatement returns the statement of a ruling, verified end to end: it is the
// one the ledger names, says what the ruling says, and is signed by the keys of the
// root it was judged by, which the client knows. It returns nil if there is none in
// the bundle, or at ledger assurance.
func (v *verification) verifyStatement(digest reference.Digest, action record.Action, r *record.Ruling) (*record.SignedStatement, error) {
	if v.request.Assurance == query.LedgerAssurance || len(v.bundle.GetStatements()) == 0 {
		return nil, nil
	}
	s, err := record.DecodeSignedStatement(v.bundle.GetStatements()[0])
	if err != nil {
		return nil, fail(ErrStatement, "%w", err)
	}
	if s.Digest() != r.Statement {
		return nil, fail(ErrStatement, "it is not the one the ledger names")
	}
	if s.Action != action || s.Binding != v.binding(r.Role) || s.Sequence != r.Sequence || s.Reason != r.Reason ||
		s.RecoveryCount > v.repository.RecoveryCount || !s.Has(digest) {
		return nil, fail(ErrMismatch, "the ledger describes statement %d otherwise than it is", r.Sequence)
	}
	root, err := v.statementRoot(r.RootVersion)
	if err != nil {
		return nil, err
	}
	if err := s.Verify(v.verifier(), root); err != nil {
		return nil, fail(ErrStatement, "%w", err)
	}
	return s, nil
}

// statementRoot returns the root of a version up to the current one. All of them
// are known by digest.
func (v *verification) statementRoot(version uint64) (*tuf.Root, error) {
	if version == v.root.Version {
		if len(v.bundle.GetStatementRoot()) > 0 {
			return nil, fail(ErrStatement, "root %d, by which it was judged, is the current one and sent twice", version)
		}
		return v.root, nil
	}
	root, err := tuf.ParseRoot(v.bundle.GetStatementRoot())
	if err != nil {
		return nil, fail(ErrStatement, "root %d, by which it was judged: %w", version, err)
	}
	if root.FileDigest() != v.seen.Roots[version-1] {
		return nil, fail(ErrStatement, "root %d, by which it was judged, is another than the known one", version)
	}
	return root, nil
}

// Revoked is a digest that a client knows to be revoked.
type Revoked struct {
	Digest reference.Digest
	// Sequence is the revocation sequence of the statement it knows.
	Sequence uint64
}

// RevokedThrough returns the sequence of the newest revocation of a digest that is
// known and was not lifted since, zero for none.
func (s Seen) RevokedThrough(d reference.Digest) uint64 {
	i := slices.IndexFunc(s.Revoked, func(r Revoked) bool { return r.Digest == d })
	if i < 0 {
		return 0
	}
	return s.Revoked[i].Sequence
}

// withRevoked returns what is seen once a digest is known to be revoked, or with
// sequence 0 known not to be. The list stays ordered by sequence and digest; beyond
// MaxKeptRevoked the oldest revocations are forgotten.
func (s Seen) withRevoked(d reference.Digest, sequence uint64) Seen {
	list := slices.DeleteFunc(slices.Clone(s.Revoked), func(r Revoked) bool { return r.Digest == d })
	if sequence > 0 {
		added := Revoked{Digest: d, Sequence: sequence}
		i, _ := slices.BinarySearchFunc(list, added, compareRevoked)
		list = slices.Insert(list, i, added)
	}
	if over := len(list) - MaxKeptRevoked; over > 0 {
		list = slices.Delete(list, 0, over)
	}
	if len(list) == 0 {
		list = nil
	}
	s.Revoked = list
	return s
}

func compareRevoked(a, b Revoked) int {
	switch {
	case a.Sequence < b.Sequence:
		return -1
	case a.Sequence > b.Sequence:
		return 1
	default:
		return record.CompareDigests(a.Digest, b.Digest)
	}
}
