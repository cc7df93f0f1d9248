package client

import (
	"context"
	"time"

	"hullmark/change"
	"hullmark/proto"
	"hullmark/query"
	"hullmark/reference"
)

// Await waits until what a request did can be proven: the state of a block can be when the
// next one is there, and until then a reader would be told what was before. What comes
// back is verified from the roots known before, and kept. Tx says where the request was
// committed, nil when the ledger had it already. It returns the time of that block, zero
// for none. An error does not undo what was committed.
func (c *Client) Await(ctx context.Context, r *change.Request, tx *proto.TransactionResponse) (time.Time, error) {
	for i := range r.Parts {
		p := &r.Parts[i]
		q := query.Resolve{Repository: p.Repository}
		if tag, ok := setTag(p); ok && tx != nil {
			q.Tag = tag // what readers are told
		}
		if _, _, _, err := c.Resolve(ctx, q); err != nil {
			return time.Time{}, err
		}
	}
	if tx == nil {
		return time.Time{}, nil
	}
	block, _, err := c.LightBlock(ctx, tx.GetHeight())
	if err != nil {
		return time.Time{}, err
	}
	return block.Time.UTC(), nil
}

// setTag returns a tag to which a part gives another meaning than it had.
func setTag(p *change.RequestPart) (reference.Tag, bool) {
	for _, t := range p.NewRoles {
		for _, d := range change.Differences(p.Stored(t.Binding.Role), t) {
			if !d.After.Digest.IsZero() {
				return d.Tag, true
			}
		}
	}
	return reference.Tag{}, false
}
