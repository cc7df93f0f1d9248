package client

import (
	"context"
	"fmt"

	"hullmark/bundle"
	"hullmark/proto"
	"hullmark/query"
)

// Record returns the record at an index of the log.
func (c *Client) Record(ctx context.Context, index uint64) (*bundle.ProvenRecord, []Warning, error) {
	var out *bundle.ProvenRecord
	warnings, err := ask(ctx, c, inquiry[*proto.InclusionAnswer]{
		question: query.Inclusion{Index: index},
		empty:    func() *proto.InclusionAnswer { return new(proto.InclusionAnswer) },
		states:   oneState[*proto.InclusionAnswer],
		verify: func(a *proto.InclusionAnswer, m *bundle.Memory, traces []*bundle.Trace) (next *bundle.Memory, err error) {
			out, next, err = bundle.VerifyInclusion(a, index, 0, m, c.now(), c.policy, traces...)
			return next, err
		},
	})
	if err != nil {
		return nil, warnings, fmt.Errorf("couldn't get log record %d: %w", index, err)
	}
	return out, warnings, nil
}

// Growth returns the proof that the log of today extends the one that had a
// number of records once.
func (c *Client) Growth(ctx context.Context, size uint64) (*bundle.Growth, []Warning, error) {
	var out *bundle.Growth
	warnings, err := ask(ctx, c, inquiry[*proto.ConsistencyAnswer]{
		question: query.Consistency{First: size},
		empty:    func() *proto.ConsistencyAnswer { return new(proto.ConsistencyAnswer) },
		states: func(a *proto.ConsistencyAnswer) []*proto.StateProof {
			return []*proto.StateProof{a.GetFirst(), a.GetSecond()}
		},
		verify: func(a *proto.ConsistencyAnswer, m *bundle.Memory, traces []*bundle.Trace) (*bundle.Memory, error) {
			g, next, err := bundle.VerifyConsistency(a, size, 0, m, c.now(), c.policy, traces...)
			if err != nil {
				return nil, err
			}
			if age := g.Second.Age; !c.policy.Offline && age > c.policy.MaxAge {
				return nil, fmt.Errorf("%w: %s old", bundle.ErrStale, age)
			}
			out = g
			return next, nil
		},
	})
	if err != nil {
		return nil, warnings, fmt.Errorf("couldn't prove that the log grew from %d records: %w", size, err)
	}
	return out, warnings, nil
}
