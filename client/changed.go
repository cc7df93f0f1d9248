package client

import (
	"context"
	"errors"
	"slices"
	"sync"

	"hullmark/bundle"
	"hullmark/reference"
)

// ownChanges are the heights of the newest records that this client's own transactions
// made, by repository. The store has them too, unless it could not be written: then a
// publisher would be shown the state before its own transaction as the newest.
type ownChanges struct {
	mu      sync.Mutex // guards heights
	heights map[reference.Repository]uint64
}

// add notes a record of each repository at a height.
func (o *ownChanges) add(height uint64, repositories ...reference.Repository) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.heights == nil {
		o.heights = make(map[reference.Repository]uint64)
	}
	for _, r := range repositories {
		o.heights[r] = max(o.heights[r], height)
	}
}

// in returns a memory that knows of these records too, as far as it is about the given
// repositories.
func (o *ownChanges) in(m *bundle.Memory, repositories ...reference.Repository) *bundle.Memory {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, r := range repositories {
		m = m.WithChange(r, o.heights[r])
	}
	return m
}

// overtaken reports whether somebody else with the same store learnt of a newer record of a
// repository while nodes were asked, and returns what is wrong with the nodes without that
// their answers are behind it: they are not behind what they were asked for. Asked again,
// with the height of that record, they wait until they can prove it.
func (c *Client) overtaken(ctx context.Context, warnings []Warning, asked *bundle.Memory, r reference.Repository) ([]Warning, bool) {
	behind := func(w Warning) bool { return errors.Is(w.Err, bundle.ErrBehind) }
	if !slices.ContainsFunc(warnings, behind) {
		return warnings, false
	}
	now, err := c.load(ctx, r)
	if err != nil {
		return warnings, false
	}
	before, _ := asked.Repository(r)
	after, _ := now.Repository(r)
	if after.Changed <= before.Changed {
		return warnings, false
	}
	return slices.DeleteFunc(slices.Clone(warnings), behind), true
}

// askAgain reports whether nodes that were asked in vain may do better when asked again,
// because the client was overtaken.
func askAgain(ctx context.Context, err error, overtaken bool) bool {
	var all *NodesError
	return overtaken && ctx.Err() == nil && errors.As(err, &all)
}
