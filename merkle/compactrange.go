package merkle

import (
	"fmt"
	"math/bits"
	"slices"
)

// CompactRange is the right edge of a log: the roots of its largest complete
// subtrees, at most one per bit of its size. It is all that is needed to append
// leaves and to know the root. The zero CompactRange is the empty log.
type CompactRange struct {
	size   uint64
	hashes []Hash // left to right, that is from the largest subtree down
}

// NewCompactRange returns the compact range of a log with size leaves from the
// roots of its complete subtrees, left to right: what Hashes returned. It returns
// ErrRange for a size above MaxLogSize and ErrMalformed for another number of
// hashes than the size needs. It can't tell right hashes from wrong ones:
// compare Root with a trusted one.
func NewCompactRange(size uint64, hashes []Hash) (CompactRange, error) {
	if size > MaxLogSize {
		return CompactRange{}, fmt.Errorf("log size %d is %w", size, ErrRange)
	}
	if want := bits.OnesCount64(size); len(hashes) != want {
		return CompactRange{}, fmt.Errorf("%w compact range: %d hashes instead of %d", ErrMalformed, len(hashes), want)
	}
	return CompactRange{size: size, hashes: slices.Clone(hashes)}, nil
}

// Append adds one leaf, given by its hash (see LeafHash). It returns ErrRange,
// and changes nothing, when the log is full.
func (r *CompactRange) Append(leaf Hash) error {
	if r.size >= MaxLogSize {
		return fmt.Errorf("log size %d is %w", r.size, ErrRange)
	}
	// Like adding one to a binary number: each trailing one bit of the old size
	// is a complete subtree that the new leaf completes to the next larger one.
	n := len(r.hashes)
	for range bits.TrailingZeros64(^r.size) {
		n--
		leaf = NodeHash(r.hashes[n], leaf)
	}
	// A fresh array keeps copies of the range valid that were made by assignment.
	r.hashes = append(r.hashes[:n:n], leaf)
	r.size++
	return nil
}

// Size returns the number of leaves.
func (r CompactRange) Size() uint64 { return r.size }

// Root returns the root hash of the log.
func (r CompactRange) Root() Hash {
	if r.size == 0 {
		return EmptyLogRoot()
	}
	return foldRight(r.hashes)
}

// Head returns size and root.
func (r CompactRange) Head() LogHead { return LogHead{Size: r.size, Root: r.Root()} }

// Hashes returns the roots of the complete subtrees, left to right.
func (r CompactRange) Hashes() []Hash { return slices.Clone(r.hashes) }

// foldRight hashes neighbouring complete subtrees, of which there is at least
// one, into the root of the subtree that spans them all.
func foldRight(hashes []Hash) Hash {
	last := len(hashes) - 1
	h := hashes[last]
	for _, l := range slices.Backward(hashes[:last]) {
		h = NodeHash(l, h)
	}
	return h
}
