package client

import (
	"context"
	"fmt"

	protobuf "google.golang.org/protobuf/proto"

	"hullmark/bundle"
	"hullmark/proto"
	"hullmark/query"
	"hullmark/reference"
)

// inquiry is a question whose answer is a message of its own.
type inquiry[M protobuf.Message] struct {
	// question is what is asked, and minState the lowest state height it may be answered
	// from; what else the client knows is added.
	question query.Question
	minState uint64
	// part counts the parts of the same answer that came before.
	part int
	// repositories are those it is about, and memory is what was loaded about them; nil
	// if nothing was.
	repositories []reference.Repository
	memory       *bundle.Memory
	empty        func() M
	// states are the states an answer rests on.
	states func(M) []*proto.StateProof
	// verify judges an answer by a memory and returns the one that knows it. The traces
	// are those of its states.
	verify func(M, *bundle.Memory, []*bundle.Trace) (*bundle.Memory, error)
}

// ask asks nodes until one gives an answer that verifies, and remembers.
func ask[M protobuf.Message](ctx context.Context, c *Client, q inquiry[M]) ([]Warning, error) {
	if err := q.question.Check(); err != nil {
		return nil, err
	}
	if len(c.nodes) == 0 {
		return nil, ErrNoNodes
	}
	memory := q.memory
	if memory == nil {
		var err error
		if memory, err = c.load(ctx, q.repositories...); err != nil {
			return nil, err
		}
	}
	var own []Warning
	warnings, err := race(ctx, c, c.turn(q.question.String(), q.part), func(ctx context.Context, node string) (fetched[M], error) {
		return fetchAnswer(ctx, c, node, q, memory)
	}, func(node string, f fetched[M]) error {
		w, err := c.update(ctx, memory, func(m *bundle.Memory) (*bundle.Memory, error) {
			return q.verify(f.answer, m, f.traces)
		}, q.repositories...)
		own = w
		if err == nil {
			for _, s := range q.states(f.answer) {
				c.witness(node, s.GetLightBlock())
			}
		}
		return err
	})
	return append(warnings, own...), err
}

// fetched is an answer with the light blocks that its states rest on, which lead from what
// the client knew when it asked.
type fetched[M any] struct {
	answer M
	traces []*bundle.Trace
}

// fetchAnswer gets an answer from one node, with intermediate blocks that lead to its states
// from what the client knows.
func fetchAnswer[M protobuf.Message](ctx context.Context, c *Client, node string, q inquiry[M], m *bundle.Memory) (fetched[M], error) {
	var none fetched[M]
	for range maxIntermediatePages {
		b, err := c.put(ctx, node, q.question, query.Known{TrustedHeight: m.TrustedHeight(), MinStateHeight: q.minState}, maxBundle)
		if err != nil {
			return none, err
		}
		answer := q.empty()
		if err := proto.UnmarshalJSON(b, answer); err != nil {
			return none, fmt.Errorf("%w: %w", bundle.ErrMalformed, err)
		}
		out, again := fetched[M]{answer: answer}, false
		for _, s := range q.states(answer) {
			trace, next, err := c.completeState(ctx, node, s, m, q.repositories...)
			if err != nil {
				return none, err
			}
			if next != nil {
				m, again = next, true
				break
			}
			if trace != nil {
				out.traces = append(out.traces, trace)
			}
		}
		if !again {
			c.sawFetched(node, out.traces)
			return out, nil
		}
	}
	return none, fmt.Errorf("%w: %w: %d pages of intermediate blocks were not enough", bundle.ErrHeader, bundle.ErrNotEnoughTrust, maxIntermediatePages)
}

// oneState is the states of an answer that rests on one.
func oneState[M interface{ GetState() *proto.StateProof }](answer M) []*proto.StateProof {
	return []*proto.StateProof{answer.GetState()}
}
