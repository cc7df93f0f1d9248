package reference

import (
	"errors"
	"fmt"

	"hullmark/printable"
)

// The class of a refusal. Every error of this package wraps exactly one of
// these; the rest of its text is for people.
var (
	// ErrInvalidRepository reports text that is not a repository name, or, from
	// ParseCanonicalRepository, not a canonical one.
	ErrInvalidRepository = errors.New("invalid repository name")
	// ErrInvalidNamespace reports text that is not a canonical namespace.
	ErrInvalidNamespace = errors.New("invalid namespace")
	// ErrInvalidTag reports text that is not a tag.
	ErrInvalidTag = errors.New("invalid tag")
	// ErrInvalidDigest reports text or bytes that are not a digest.
	ErrInvalidDigest = errors.New("invalid digest")
	// ErrInvalidReference reports text that is too long, or has no part at all
	// where a repository is expected. Bad parts report their own class.
	ErrInvalidReference = errors.New("invalid image reference")
)

// refuse builds an error of a class that quotes a bounded part of the text.
func refuse(class error, text, reason string) error {
	return fmt.Errorf("%w %s: %s", class, printable.Quote(text), reason)
}
