package lookup

import (
	"fmt"
	"slices"
	"sort"

	"hullmark/merkle"
	"hullmark/proto"
	"hullmark/query"
	"hullmark/record"
)

// logEntry returns a record with its proof.
func logEntry(v View, index uint64) (*proto.LogEntry, error) {
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

func (r *Reader) inclusion(q query.Inclusion, k query.Known) (*proto.InclusionAnswer, error) {
	height, err := r.heightOfSize(q.Size)
	if err != nil {
		return nil, err
	}
	return read(r, height, func(s *State) (*proto.InclusionAnswer, error) { return s.Inclusion(q, k) })
}

// Inclusion proves that a record is in the log of the state, whatever its size.
func (s *State) Inclusion(q query.Inclusion, k query.Known) (*proto.InclusionAnswer, error) {
	if size := s.View.State().Log.Size; q.Index >= size {
		return nil, fmt.Errorf("%w: record %d of a log of %d", ErrNotFound, q.Index, size)
	}
	state, err := s.proof(k.TrustedHeight)
	if err != nil {
		return nil, err
	}
	entry, err := logEntry(s.View, q.Index)
	return &proto.InclusionAnswer{State: state, Entry: entry}, err
}

// consistency proves that the log only grew between two states, of which each is opened
// by itself.
func (r *Reader) consistency(q query.Consistency, k query.Known) (*proto.ConsistencyAnswer, error) {
	older, err := r.heightOfSize(q.First)
	if err != nil {
		return nil, err
	}
	newer, err := r.heightOfSize(q.Second)
	if err != nil {
		return nil, err
	}
	first, err := read(r, older, func(s *State) (*proto.StateProof, error) { return s.proof(k.TrustedHeight) })
	if err != nil {
		return nil, err
	}
	return read(r, newer, func(s *State) (*proto.ConsistencyAnswer, error) {
		size := first.GetAppState().GetLogSize()
		if size > s.View.State().Log.Size {
			return nil, fmt.Errorf("%w: first is greater than second", query.ErrQuestion)
		}
		second, err := s.proof(k.TrustedHeight)
		if err != nil {
			return nil, err
		}
		hashes, err := s.View.ConsistencyProof(size)
		return &proto.ConsistencyAnswer{First: first, Second: second, Proof: encodeHashes(hashes)}, err
	})
}

// Vouchers proves who vouches for an image in all repositories.
func (s *State) Vouchers(q query.Vouchers, k query.Known) (*proto.ImageAnswer, error) {
	state, err := s.proof(k.TrustedHeight)
	if err != nil {
		return nil, err
	}
	image, err := prove(s.View, record.ImageKey(q.Digest))
	return &proto.ImageAnswer{State: state, Image: image}, err
}

// heightOfSize returns the newest height whose log has a size, zero for the newest
// of all. A log has only the sizes it has at the end of a block.
func (r *Reader) heightOfSize(size uint64) (uint64, error) {
	if size == 0 {
		return 0, nil
	}
	s, err := r.State(0)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	v := s.View
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

func recordAt(v View, index uint64) (*record.LogRecord, error) {
	b, err := v.Record(index)
	if err != nil {
		return nil, err
	}
	return record.DecodeLogRecord(b)
}

// recordsOf returns the first log index of a height's records, or of the records
// after it when it has none.
func recordsOf(v View, height uint64) (uint64, error) {
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
