package merkle

import (
	"fmt"
	"math/bits"
)

// VerifyInclusion checks that leaf is the leaf at index in the log head names
// (RFC 9162, section 2.1.3.2). Proof holds the siblings from the leaf up. It
// returns ErrRange when there is no such index, ErrMalformed when the proof has
// not the one right number of hashes, and ErrMismatch when it leads elsewhere.
func VerifyInclusion(leaf Hash, index uint64, head LogHead, proof []Hash) error {
	if err := head.check(); err != nil {
		return err
	}
	if index >= head.Size {
		return fmt.Errorf("log index %d is %w in a log of size %d", index, ErrRange, head.Size)
	}
	if len(proof) > MaxLogProof {
		return fmt.Errorf("%w inclusion proof: %d hashes", ErrMalformed, len(proof))
	}
	fn, sn, r := index, head.Size-1, leaf
	for _, p := range proof {
		if sn == 0 {
			return fmt.Errorf("%w inclusion proof: %d hashes are too many", ErrMalformed, len(proof))
		}
		r, fn, sn = climb(r, p, fn, sn)
	}
	if sn != 0 {
		return fmt.Errorf("%w inclusion proof: %d hashes are too few", ErrMalformed, len(proof))
	}
	if r != head.Root {
		return fmt.Errorf("inclusion %w", ErrMismatch)
	}
	return nil
}

// climb takes one step of the verification algorithms of RFC 9162: fn is the
// position of the node that r is the hash of and sn the last position of its
// level; p is the next hash of the proof.
func climb(r, p Hash, fn, sn uint64) (Hash, uint64, uint64) {
	if fn&1 == 0 && fn != sn {
		return NodeHash(r, p), fn >> 1, sn >> 1
	}
	if fn&1 == 0 {
		// A last node without a right sibling moves up unchanged.
		shift := bits.TrailingZeros64(fn)
		fn, sn = fn>>shift, sn>>shift
	}
	return NodeHash(p, r), fn >> 1, sn >> 1
}

// VerifyConsistency checks that the log oldHead names is a prefix of the log
// newHead names (RFC 9162, section 2.1.4.2). The empty log is a prefix of every
// log, and a log of itself; the proof is empty in both cases. It returns ErrRange
// when the old log is the larger one, ErrMalformed when the proof has not the one
// right number of hashes, and ErrMismatch when it leads elsewhere.
func VerifyConsistency(oldHead, newHead LogHead, proof []Hash) error {
	if err := oldHead.check(); err != nil {
		return err
	}
	if err := newHead.check(); err != nil {
		return err
	}
	if oldHead.Size > newHead.Size {
		return fmt.Errorf("old log size %d is %w of a log of size %d", oldHead.Size, ErrRange, newHead.Size)
	}
	if len(proof) > MaxLogProof {
		return fmt.Errorf("%w consistency proof: %d hashes", ErrMalformed, len(proof))
	}
	if oldHead.Size == 0 || oldHead.Size == newHead.Size {
		if len(proof) != 0 {
			return fmt.Errorf("%w consistency proof: %d hashes are too many", ErrMalformed, len(proof))
		}
		if oldHead.Size == newHead.Size && oldHead.Root != newHead.Root {
			return fmt.Errorf("consistency %w: two roots for size %d", ErrMismatch, oldHead.Size)
		}
		return nil
	}
	if len(proof) == 0 {
		return fmt.Errorf("%w consistency proof: no hashes", ErrMalformed)
	}

	// Start from the largest complete subtree that ends where the old log ends.
	// If it is the whole old log, its hash is known and not in the proof.
	shift := bits.TrailingZeros64(oldHead.Size)
	fn, sn := (oldHead.Size-1)>>shift, (newHead.Size-1)>>shift
	start := oldHead.Root
	if fn != 0 {
		start, proof = proof[0], proof[1:]
	}
	fr, sr := start, start
	for _, p := range proof {
		if sn == 0 {
			return fmt.Errorf("%w consistency proof: too many hashes", ErrMalformed)
		}
		if fn&1 == 1 || fn == sn {
			// A left sibling belongs to both logs, a right one to the new log only.
			fr = NodeHash(p, fr)
		}
		sr, fn, sn = climb(sr, p, fn, sn)
	}
	if sn != 0 {
		return fmt.Errorf("%w consistency proof: too few hashes", ErrMalformed)
	}
	if fr != oldHead.Root {
		return fmt.Errorf("consistency %w the old root", ErrMismatch)
	}
	if sr != newHead.Root {
		return fmt.Errorf("consistency %w the new root", ErrMismatch)
	}
	return nil
}
