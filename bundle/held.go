package bundle

import (
	"crypto/sha256"
	"slices"

	"hullmark/proto"
)

// LeaveOut takes out of a bundle the targets files whose digests its reader said
// it holds. PutBack is its inverse.
func LeaveOut(b *proto.Bundle, held [][32]byte) {
	for i, file := range b.GetTargets() {
		if d := sha256.Sum256(file); slices.Contains(held, d) {
			b.Targets[i] = nil
			b.Held = append(b.Held, d[:])
		}
	}
}

// PutBack puts the targets files that were left out back into a bundle, from those
// the reader holds by digest. A bundle without any is left as it is. Errors wrap
// ErrMalformed: a node left out what it was not told to.
func PutBack(b *proto.Bundle, held map[[32]byte][]byte) error {
	left := b.GetHeld()
	if len(left) == 0 {
		return nil
	}
	for i, file := range b.GetTargets() {
		if len(file) > 0 {
			continue
		}
		if len(left) == 0 || len(left[0]) != sha256.Size {
			return fail(ErrMalformed, "targets files are missing")
		}
		whole, ok := held[[32]byte(left[0])]
		if !ok {
			return fail(ErrMalformed, "targets file %x was left out and is not held", left[0])
		}
		b.Targets[i], left = whole, left[1:]
	}
	if len(left) > 0 {
		return fail(ErrMalformed, "%d targets files were left out of nowhere", len(left))
	}
	b.Held = nil
	return nil
}
