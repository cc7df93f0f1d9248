package bundle

import (
	"fmt"

	"hullmark/reference"
	"hullmark/tuf"
)

// Assurance says whose word a verdict rests on.
type Assurance uint8

const (
	// PublisherAssurance rests on the publisher's own signatures, verified end to
	// end. It is the zero value.
	PublisherAssurance Assurance = 0
	// LedgerAssurance rests on the validators alone. Only a client's policy may
	// choose it, never an answer.
	LedgerAssurance Assurance = 1
)

// String returns the name that the HTTP interface and policies use.
func (a Assurance) String() string {
	switch a {
	case PublisherAssurance:
		return "publisher"
	case LedgerAssurance:
		return "ledger"
	default:
		return fmt.Sprintf("assurance-%d", uint8(a))
	}
}

// ParseAssurance is the inverse of Assurance.String. Errors wrap ErrRequest.
func ParseAssurance(s string) (Assurance, error) {
	switch s {
	case "publisher":
		return PublisherAssurance, nil
	case "ledger":
		return LedgerAssurance, nil
	default:
		return 0, fmt.Errorf("%w: assurance %q; use publisher or ledger", ErrRequest, s)
	}
}

// Request is a question.
//
// With a tag only it asks what the tag means; with a digest only, whether the
// repository vouches for the digest; with both, whether the tag means that
// digest; with neither, what the ledger knows of the repository.
type Request struct {
	Repository reference.Repository
	Tag        reference.Tag    // zero = none
	Digest     reference.Digest // zero = none
	// Role asks for the files of a delegated role and of those above it, in a
	// question without tag and digest; empty = none.
	Role      string
	Assurance Assurance
}

// RequestFor returns the question a reference asks, at publisher assurance.
func RequestFor(r reference.Reference) Request {
	q := Request{Repository: r.Repository()}
	q.Tag, _ = r.Tag()
	q.Digest, _ = r.Digest()
	return q
}

// String returns the question as a reference.
func (r Request) String() string {
	s := r.Repository.String()
	if !r.Tag.IsZero() {
		s += ":" + r.Tag.String()
	}
	if !r.Digest.IsZero() {
		s += "@" + r.Digest.String()
	}
	return s
}

func (r Request) check() error {
	if r.Repository.IsZero() {
		return fmt.Errorf("%w: no repository", ErrRequest)
	}
	if r.Role != "" && (!tuf.IsDelegatedRole(r.Role) || !r.Tag.IsZero() || !r.Digest.IsZero()) {
		return fmt.Errorf("%w: role %q", ErrRequest, r.Role)
	}
	if r.Assurance > LedgerAssurance {
		return fmt.Errorf("%w: %s", ErrRequest, r.Assurance)
	}
	return nil
}
