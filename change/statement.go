package change

import (
	"fmt"

	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// StatementChange is what is to be said of digests in one repository.
type StatementChange struct {
	// Action is record.ActionRevoke or record.ActionLift.
	Action record.Action
	// Role is the role whose keys sign: tuf.RoleRoot, or tuf.RoleTargets for a revocation.
	Role string
	// Digests are of images, in any order.
	Digests []reference.Digest
	Reason  record.Reason
	// Note is what people should know, at most 200 characters of ASCII; it is public.
	Note string
	// Through is the newest revocation that a lift takes back: what comes after it stays.
	// Zero is all of those that there are.
	Through uint64
}

// NextStatement returns the unsigned statement that follows those of a repository. When
// nothing is revoked that could be lifted, the error is the one the ledger would give,
// with record.CodeNotRevoked; other errors are those of record.Statement.Validate.
func NextStatement(current *Current, c StatementChange) (*record.SignedStatement, error) {
	name := current.Repository.String()
	if len(c.Digests) > 0 {
		name = current.Repository.WithDigest(c.Digests[0]).String()
	}
	st := record.Statement{
		Action:        c.Action,
		Binding:       tuf.Binding{Ledger: current.Root.Binding.Ledger, Repository: current.Repository, Role: c.Role},
		RecoveryCount: current.Recoveries, Sequence: current.Revocations + 1,
		Digests: record.SortDigests(c.Digests), Reason: c.Reason, Note: c.Note,
	}
	if c.Action == record.ActionLift {
		st.Sequence, st.Through = current.Lifts+1, current.Revocations
		if c.Through != 0 {
			st.Through = c.Through
		}
		if st.Through == 0 {
			err := record.Reject(record.CodeNotRevoked, "nothing is revoked in %s; nothing to lift", current.Repository)
			return nil, fmt.Errorf("couldn't lift %s: %w", name, err)
		}
	}
	if err := st.Validate(); err != nil {
		return nil, err
	}
	return &record.SignedStatement{Statement: st}, nil
}
