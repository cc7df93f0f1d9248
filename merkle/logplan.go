package merkle

import (
	"fmt"
	"math/bits"
	"slices"
)

// LogNode is the place of a complete subtree in the log: level 0 are the leaves,
// and the node at (Level, Index) spans the leaves from Index<<Level up to, but
// not including, (Index+1)<<Level.
type LogNode struct {
	Level uint8
	Index uint64
}

// HashReader reads stored log nodes.
type HashReader interface {
	// ReadHashes returns the hashes of the nodes, in their order. All of them
	// are complete subtrees of the log the caller asked about. A node that can't
	// be read is an error.
	ReadHashes(nodes []LogNode) ([]Hash, error)
}

// LogPlan says which complete subtrees a log proof (or root) is made of. To make
// a proof is three steps: plan it, fetch the hashes of Nodes, Assemble them.
type LogPlan struct {
	// Nodes are the places of the hashes to fetch.
	Nodes []LogNode

	// counts has, per hash of the proof, how many of Nodes it is folded from. More
	// than one make a subtree at the right edge, which is not complete and
	// therefore not stored.
	counts []int
}

// PlanRoot plans the root of a log with size leaves, as a proof of one hash; for
// the empty log it is none. The nodes are those of the compact range. It returns
// ErrRange for a size above MaxLogSize.
func PlanRoot(size uint64) (LogPlan, error) {
	if size > MaxLogSize {
		return LogPlan{}, fmt.Errorf("log size %d is %w", size, ErrRange)
	}
	var p LogPlan
	if size > 0 {
		p = planRanges([][2]uint64{{0, size}})
	}
	return p, nil
}

// PlanInclusion plans the inclusion proof of the leaf at index in a log with size
// leaves: PATH(m, D[n]) of RFC 9162, section 2.1.3.1. It returns ErrRange when
// there is no such leaf.
func PlanInclusion(index, size uint64) (LogPlan, error) {
	if size > MaxLogSize || index >= size {
		return LogPlan{}, fmt.Errorf("log index %d is %w in a log of size %d", index, ErrRange, size)
	}
	var ranges [][2]uint64 // root to leaf
	lo, hi := uint64(0), size
	for hi-lo > 1 {
		mid := lo + split(hi-lo)
		if index < mid {
			ranges, hi = append(ranges, [2]uint64{mid, hi}), mid
		} else {
			ranges, lo = append(ranges, [2]uint64{lo, mid}), mid
		}
	}
	slices.Reverse(ranges)
	return planRanges(ranges), nil
}

// PlanConsistency plans the consistency proof between the logs of oldSize and
// newSize leaves: PROOF(m, D[n]) of RFC 9162, section 2.1.4.1. The proof is empty
// when oldSize is zero or the sizes are equal. It returns ErrRange when oldSize
// is the larger one.
func PlanConsistency(oldSize, newSize uint64) (LogPlan, error) {
	if newSize > MaxLogSize || oldSize > newSize {
		return LogPlan{}, fmt.Errorf("old log size %d is %w of a log of size %d", oldSize, ErrRange, newSize)
	}
	if oldSize == 0 || oldSize == newSize {
		return LogPlan{}, nil
	}
	var ranges [][2]uint64
	lo, hi := uint64(0), newSize
	whole := true // the range [lo, oldSize) is the whole old log: its root is known
	for hi != oldSize {
		mid := lo + split(hi-lo)
		if oldSize <= mid {
			ranges, hi = append(ranges, [2]uint64{mid, hi}), mid
		} else {
			ranges, lo, whole = append(ranges, [2]uint64{lo, mid}), mid, false
		}
	}
	if !whole {
		ranges = append(ranges, [2]uint64{lo, hi})
	}
	slices.Reverse(ranges)
	return planRanges(ranges), nil
}

// Assemble makes the proof from the hashes of Nodes, in the same order. It returns
// ErrMalformed for another number of hashes.
func (p LogPlan) Assemble(hashes []Hash) ([]Hash, error) {
	if len(hashes) != len(p.Nodes) {
		return nil, fmt.Errorf("%w log nodes: %d hashes instead of %d", ErrMalformed, len(hashes), len(p.Nodes))
	}
	proof := make([]Hash, 0, len(p.counts))
	for _, n := range p.counts {
		proof = append(proof, foldRight(hashes[:n]))
		hashes = hashes[n:]
	}
	return proof, nil
}

// Fetch reads the nodes of the plan from r and assembles them.
func (p LogPlan) Fetch(r HashReader) ([]Hash, error) {
	hashes, err := r.ReadHashes(p.Nodes)
	if err != nil {
		return nil, fmt.Errorf("couldn't read log nodes: %w", err)
	}
	return p.Assemble(hashes)
}

// split returns the size of the left subtree of a tree with n > 1 leaves: the
// largest power of two smaller than n.
func split(n uint64) uint64 { return 1 << (bits.Len64(n-1) - 1) }

// planRanges plans one hash per range of leaves [lo, hi). Each range is a subtree
// of an RFC 6962 tree, so lo is a multiple of every complete subtree in it.
func planRanges(ranges [][2]uint64) LogPlan {
	var p LogPlan
	for _, r := range ranges {
		before := len(p.Nodes)
		for lo, hi := r[0], r[1]; lo < hi; {
			level := bits.Len64(hi-lo) - 1
			p.Nodes = append(p.Nodes, LogNode{Level: uint8(level), Index: lo >> level})
			lo += 1 << level
		}
		p.counts = append(p.counts, len(p.Nodes)-before)
	}
	return p
}
