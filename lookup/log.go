package lookup

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"

	cmttypes "github.com/cometbft/cometbft/types"

	"hullmark/bundle"
	"hullmark/merkle"
	"hullmark/merkle/store"
	"hullmark/proto"
	"hullmark/record"
	"hullmark/reference"
)

// Proven opens a state and the block that proves it; height zero is the newest.
// The caller closes the view.
func (l *Lookup) Proven(height uint64) (*store.View, *cmttypes.LightBlock, error) {
	newest, ok := l.StateHeight()
	if !ok || height > newest {
		return nil, nil, ErrNotReady
	}
	at := height
	if height == 0 {
		at = newest
	}
	v, err := l.ledger.View(at)
	if height == 0 && errors.Is(err, store.ErrPruned) {
		// Blocks went by since the newest height was read, so there is a newer one.
		if newer, ok := l.StateHeight(); ok && newer > newest {
			return l.Proven(0)
		}
	}
	if err != nil {
		return nil, nil, err
	}
	block, err := l.blocks.LightBlock(at + 1)
	if err != nil {
		v.Close()
		return nil, nil, err
	}
	return v, block, nil
}

// prove runs an answer on a proven state.
func (l *Lookup) prove(height, trusted uint64, answer func(v *store.View, state *proto.StateProof) error) error {
	v, block, err := l.Proven(height)
	if err != nil {
		return err
	}
	defer v.Close()
	encoded, err := bundle.EncodeLightBlock(block)
	if err != nil {
		return err
	}
	s := v.State()
	state := &proto.StateProof{
		Version: bundle.FormatVersion, Ledger: l.ledger.ID(), LightBlock: encoded,
		State: &proto.AppState{LogSize: s.Log.Size, LogRoot: s.Log.Root[:], MapRoot: s.Map[:], Meta: s.Meta},
	}
	if state.Bridge, err = l.bridge(v, block, trusted); err != nil {
		return err
	}
	return answer(v, state)
}

// logEntry returns a record with its proof.
func logEntry(v *store.View, index uint64) (*proto.LogEntry, error) {
	b, err := v.Record(index)
	if err != nil {
		return nil, err
	}
	proof, err := v.InclusionProof(index)
	if err != nil {
		return nil, err
	}
	return &proto.LogEntry{Index: index, Record: b, Proof: encodeHashes(proof)}, nil
}

func encodeHashes(hashes []merkle.Hash) [][]byte {
	var out [][]byte
	for _, h := range hashes {
		out = append(out, slices.Clone(h[:]))
	}
	return out
}

// Inclusion proves that a record is in the log; size is the size the log must have,
// zero for the newest.
func (l *Lookup) Inclusion(index, size, trusted uint64) (*proto.InclusionAnswer, error) {
	began := time.Now()
	height, err := l.heightOfSize(size)
	if err != nil {
		return nil, err
	}
	a := new(proto.InclusionAnswer)
	err = l.prove(height, trusted, func(v *store.View, state *proto.StateProof) error {
		if index >= v.State().Log.Size {
			return fmt.Errorf("%w: record %d of a log of %d", ErrNotFound, index, v.State().Log.Size)
		}
		a.State = state
		a.Entry, err = logEntry(v, index)
		return err
	})
	if err != nil {
		return nil, err
	}
	l.metrics.lookup("inclusion", began)
	return a, nil
}

// Consistency proves that the log of one size is a prefix of that of another; zero
// is the newest.
func (l *Lookup) Consistency(first, second, trusted uint64) (*proto.ConsistencyAnswer, error) {
	began := time.Now()
	older, err := l.heightOfSize(first)
	if err != nil {
		return nil, err
	}
	newer, err := l.heightOfSize(second)
	if err != nil {
		return nil, err
	}
	a := new(proto.ConsistencyAnswer)
	if err := l.prove(older, trusted, func(_ *store.View, state *proto.StateProof) error {
		a.First = state
		return nil
	}); err != nil {
		return nil, err
	}
	err = l.prove(newer, trusted, func(v *store.View, state *proto.StateProof) error {
		size := a.GetFirst().GetState().GetLogSize()
		if size > v.State().Log.Size {
			return fmt.Errorf("%w: first is greater than second", ErrBadQuestion)
		}
		hashes, err := v.ConsistencyProof(size)
		a.Second, a.Proof = state, encodeHashes(hashes)
		return err
	})
	if err != nil {
		return nil, err
	}
	l.metrics.lookup("consistency", began)
	return a, nil
}

// Vouchers proves who vouches for an image in all repositories.
func (l *Lookup) Vouchers(d reference.Digest, trusted uint64) (*proto.ImageAnswer, error) {
	began := time.Now()
	a := new(proto.ImageAnswer)
	err := l.prove(0, trusted, func(v *store.View, state *proto.StateProof) (err error) {
		a.State = state
		a.Image, err = prove(v, record.ImageKey(d))
		return err
	})
	if err != nil {
		return nil, err
	}
	l.metrics.lookup("vouchers", began)
	return a, nil
}

// heightOfSize returns the newest height whose log has a size, zero for the newest
// of all. A log has only the sizes it has at the end of a block.
func (l *Lookup) heightOfSize(size uint64) (uint64, error) {
	if size == 0 {
		return 0, nil
	}
	v, _, err := l.Proven(0)
	if err != nil {
		return 0, err
	}
	defer v.Close()
	newest := v.State().Log.Size
	switch {
	case size > newest:
		return 0, fmt.Errorf("%w: the log has %d records", ErrNotFound, newest)
	case size == newest:
		return v.Version(), nil
	}
	last, err := recordAt(v, size-1)
	if err != nil {
		return 0, err
	}
	next, err := recordAt(v, size)
	if err != nil {
		return 0, err
	}
	if last.Height == next.Height {
		return 0, fmt.Errorf("%w: no block ends with %d records", ErrNotFound, size)
	}
	return next.Height - 1, nil
}

func recordAt(v *store.View, index uint64) (*record.LogRecord, error) {
	b, err := v.Record(index)
	if err != nil {
		return nil, err
	}
	return record.DecodeLogRecord(b)
}

// recordsOf returns the first log index of a height's records, or of the records
// after it when it has none.
func recordsOf(v *store.View, height uint64) (uint64, error) {
	var failed error
	// Heights of records never fall, and logs are far smaller than an int.
	first := sort.Search(int(v.State().Log.Size), func(i int) bool {
		if failed != nil {
			return true
		}
		r, err := recordAt(v, uint64(i))
		if err != nil {
			failed = err
			return true
		}
		return r.Height >= height
	})
	return uint64(first), failed
}
