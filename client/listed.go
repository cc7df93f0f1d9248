package client

import (
	"context"
	"errors"

	"hullmark/bundle"
	"hullmark/query"
	"hullmark/record"
)

// checkListed fails when a tag is to mean what the file lists already and a reader is told
// no: the ledger judges what changes only, and nobody would notice. What is revoked fails
// as it does for a new tag; where nothing is to be signed, so does every other no.
func (c *Client) checkListed(ctx context.Context, p Publication, d draft) ([]Warning, error) {
	if d.file == nil {
		return nil, nil
	}
	var warnings []Warning
	for _, change := range p.Changes {
		target, listed := d.file.Target(change.Tag)
		if change.Digest.IsZero() || !listed || target.Digest != change.Digest {
			continue
		}
		_, _, more, err := c.Resolve(ctx, query.Resolve{Repository: p.Repository, Tag: change.Tag, Digest: change.Digest})
		warnings = append(warnings, more...)
		var denial *bundle.Denial
		switch {
		case errors.Is(err, bundle.ErrRevoked) && errors.As(err, &denial):
			return warnings, record.Reject(record.CodeRevoked, "%s", denial.Detail)
		case err != nil && (d.next == nil || ClassOf(err) != bundle.NotTrusted):
			return warnings, err
		}
	}
	return warnings, nil
}
