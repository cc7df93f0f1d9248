package ledger

import (
	"encoding/binary"
	"slices"
	"time"

	"hullmark/merkle/store"
)

// maxValidatorChanges bounds how many changes of the validator set are kept with
// a height. They are at most as many as fit several times into any trusting
// period; who needs an older one cannot start from that long ago either.
const maxValidatorChanges = 1024

// extra is what is kept with each height beside its state. It is in no hash and
// proven by nothing: it helps a node to find proofs, and headers are the proof.
// Every height carries the whole of it, so that neither a crash between two
// writes nor pruning can lose a part.
type extra struct {
	// time of the block.
	time time.Time
	// validators is the hash of the set that signs the next block, all zero while
	// nobody said.
	validators [32]byte
	// changes are the heights of the first blocks of new validator sets, ascending.
	changes []uint64
}

func (e *extra) encode() []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(e.time.UnixNano()))
	b = append(b, e.validators[:]...)
	for _, h := range e.changes {
		b = binary.BigEndian.AppendUint64(b, h)
	}
	return b
}

// decodeExtra is the inverse of encode; what is not there is zero.
func decodeExtra(b []byte) extra {
	const fixed = 8 + 32
	if len(b) < fixed {
		return extra{time: time.Unix(0, 0).UTC()}
	}
	e := extra{time: time.Unix(0, int64(binary.BigEndian.Uint64(b))).UTC(), validators: [32]byte(b[8:])}
	for rest := b[fixed:]; len(rest) >= 8; rest = rest[8:] {
		e.changes = append(e.changes, binary.BigEndian.Uint64(rest))
	}
	return e
}

// next returns what is kept with the block after the one that e is kept with.
// Validators is the hash of the set that signs the block after it, or all zero.
func (e *extra) next(b Block, validators [32]byte) extra {
	n := extra{time: b.Time, validators: validators, changes: slices.Clone(e.changes)}
	if validators != [32]byte{} && e.validators != [32]byte{} && validators != e.validators {
		n.changes = append(n.changes, b.Height+1)
		if over := len(n.changes) - maxValidatorChanges; over > 0 {
			n.changes = slices.Delete(n.changes, 0, over)
		}
	}
	return n
}

// BlockTime returns the time of the block a view's height was committed with, so
// that transactions can be judged before the next block has one. It is kept
// beside the state and proven by nothing; proofs take time from headers.
func BlockTime(v *store.View) time.Time {
	e := decodeExtra(v.Extra())
	return e.time
}

// ValidatorChanges returns the heights of the first blocks of each new validator
// set up to the block after a view's height, ascending: at most the newest 1,024.
// Like BlockTime they are this node's own account.
func ValidatorChanges(v *store.View) []uint64 {
	e := decodeExtra(v.Extra())
	return e.changes
}

// SetNextValidators says which set signs the next block, by its hash in the
// header of this one. Anything but 32 bytes is as if nothing was said.
func (s *State) SetNextValidators(hash []byte) {
	if len(hash) == len(s.nextValidators) {
		s.nextValidators = [32]byte(hash)
	}
}

// extra returns what is kept with the height of the state.
func (s *State) extra() []byte {
	before := decodeExtra(s.view.Extra())
	after := before.next(s.block, s.nextValidators)
	return after.encode()
}
