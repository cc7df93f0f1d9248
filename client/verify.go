package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hullmark/bundle"
	"hullmark/proto"
	"hullmark/query"
)

// CompareTime bounds how long a verdict of Verify waits for other nodes' word on the block
// it rests on. Healthy nodes need milliseconds.
const CompareTime = 500 * time.Millisecond

// Verify is Resolve for verdicts of programs that do not run for long: before it answers it
// compares the header with what other nodes have at its height, for at most CompareTime.
// It fails with bundle.ErrFork when a node shows another block that is just as well signed.
// That no node does, or none answers in time, is no condition for a verdict. Programs that
// run for long use Options.Witnesses and Resolve.
func (c *Client) Verify(ctx context.Context, q query.Resolve) (*bundle.Result, *proto.Bundle, []Warning, error) {
	result, proof, warnings, err := c.Resolve(ctx, q)
	if err != nil {
		return nil, nil, warnings, err
	}
	compare, cancel := context.WithTimeout(ctx, CompareTime)
	defer cancel()
	others, err := c.CompareHeaders(compare)
	if err != nil {
		return nil, nil, warnings, err
	}
	for _, w := range others {
		if errors.Is(w.Err, bundle.ErrFork) {
			return nil, nil, warnings, fmt.Errorf("couldn't rely on the answer: node %s: %w", w.Node, w.Err)
		}
	}
	return result, proof, warnings, nil
}
