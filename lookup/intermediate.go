package lookup

import (
	"errors"
	"slices"

	"hullmark/bundle"
)

// intermediateBlocks returns the light blocks that lead from a height a client trusts to
// the state's: for each change of the validators in a block c, those of c-1 and c,
// as far as the node has them. When there is no room for all, they are those of
// the oldest changes: the client gets on with them and asks again.
//
// Which blocks those are is this node's own account. A client that is not led to
// the target finds its way by asking for light blocks.
func (s *State) intermediateBlocks(trusted uint64) ([][]byte, error) {
	if trusted == 0 {
		return nil, nil
	}
	var out [][]byte
	for _, h := range intermediateHeights(s.ValidatorChanges, trusted, uint64(s.Block.Height)) {
		if len(out) == bundle.MaxIntermediateBlocks {
			break
		}
		lb, err := s.Blocks.LightBlock(h)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		b, err := bundle.EncodeLightBlock(lb)
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

// intermediateHeights returns the heights of the blocks around changes of the
// validators that lie between two heights, ascending.
func intermediateHeights(changes []uint64, trusted, target uint64) []uint64 {
	var out []uint64
	for _, c := range changes {
		for _, h := range []uint64{c - 1, c} {
			if h > trusted && h < target && !slices.Contains(out[max(0, len(out)-1):], h) {
				out = append(out, h)
			}
		}
	}
	return out
}

// fileStart returns the height at which the intermediate blocks of a bundle made for a file begin:
// whoever imported a trust anchor that has not expired can start there or later.
func (s *State) fileStart() (uint64, error) {
	p, err := params(s.View)
	if err != nil {
		return 0, err
	}
	oldest := s.Block.Time.Add(-p.TrustingPeriod)
	start := uint64(1)
	for i, c := range slices.Backward(s.ValidatorChanges) {
		// With as many changes as there is room for, only the newest count: the
		// reader of a file cannot ask for the rest.
		if len(s.ValidatorChanges)-i > bundle.MaxIntermediateBlocks/2 {
			start = c
			break
		}
		lb, err := s.Blocks.LightBlock(c)
		if errors.Is(err, ErrNotFound) {
			start = c
			break
		}
		if err != nil {
			return 0, err
		}
		if lb.Time.Before(oldest) {
			start = c
			break
		}
	}
	return start, nil
}
