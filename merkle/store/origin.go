package store

import (
	"crypto/sha256"
	"fmt"
)

// Origin is the digest of what the first version was made from. No hash covers it:
// it keeps two states from being mixed in one database by mistake.
type Origin [sha256.Size]byte

// Bind says what the state starts from. It is written with the first version and
// compared with what is stored from then on: ErrOtherOrigin means that the database
// belongs to something else. Nobody stages or commits before it has returned.
func (s *Store) Bind(o Origin) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.latest.version != 0 && s.origin != o {
		return fmt.Errorf("%w: %x instead of %x", ErrOtherOrigin, s.origin[:8], o[:8])
	}
	s.origin = o
	return nil
}
