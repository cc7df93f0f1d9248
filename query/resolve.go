package query

import (
	"fmt"

	"hullmark/reference"
	"hullmark/tuf"
)

// Resolve asks what a name means; the answer is a bundle.
//
// With a tag only it asks what the tag means; with a digest only, whether the
// repository vouches for the digest; with both, whether the tag means that
// digest; with neither, what the ledger knows of the repository.
type Resolve struct {
	Repository reference.Repository
	Tag        reference.Tag    // zero = none
	Digest     reference.Digest // zero = none
	// Role asks for the files of a delegated role and of those above it, in a
	// question without tag and digest; empty = none.
	Role      string
	Assurance Assurance
}

// Of returns the question a reference asks, at publisher assurance.
func Of(r reference.Reference) Resolve {
	q := Resolve{Repository: r.Repository()}
	q.Tag, _ = r.Tag()
	q.Digest, _ = r.Digest()
	return q
}

// String returns the question as a reference.
func (q Resolve) String() string {
	s := q.Repository.String()
	if !q.Tag.IsZero() {
		s += ":" + q.Tag.String()
	}
	if !q.Digest.IsZero() {
		s += "@" + q.Digest.String()
	}
	return s
}

// Check reports a question that cannot be asked. Errors wrap ErrQuestion.
func (q Resolve) Check() error {
	if q.Repository.IsZero() {
		return fmt.Errorf("%w: no repository", ErrQuestion)
	}
	if q.Role != "" && (!tuf.IsDelegatedRole(q.Role) || !q.Tag.IsZero() || !q.Digest.IsZero()) {
		return fmt.Errorf("%w: role %.100q", ErrQuestion, q.Role)
	}
	if q.Assurance > LedgerAssurance {
		return fmt.Errorf("%w: %s", ErrQuestion, q.Assurance)
	}
	return nil
}
