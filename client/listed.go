package client

import (
	"context"
	"errors"

	"hullmark/bundle"
	"hullmark/query"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// checkListed fails when a tag is to mean what the file lists already and a reader is told
// no: the ledger judges what changes only, and nobody would notice. File is the one in
// force, nil before the first, next what is to follow, nil for nothing. What is revoked fails
// as it does for a new tag; where nothing is to be signed, so does every other no.
// Of several tags of one image one is asked about.
func (c *Client) checkListed(ctx context.Context, p Publication, file, next *tuf.Targets) ([]Warning, error) {
	if file == nil {
		return nil, nil
	}
	var warnings []Warning
	asked := make(map[reference.Digest]bool)
	for _, change := range p.Changes {
		target, listed := file.Target(change.Tag)
		if change.Digest.IsZero() || !listed || target.Digest != change.Digest || asked[change.Digest] {
			continue
		}
		asked[change.Digest] = true
		_, _, more, err := c.Resolve(ctx, query.Resolve{Repository: p.Repository, Tag: change.Tag, Digest: change.Digest})
		warnings = append(warnings, more...)
		var denial *bundle.Denial
		switch {
		case errors.Is(err, bundle.ErrRevoked) && errors.As(err, &denial):
			return warnings, record.Reject(record.CodeRevoked, "%s", denial.Detail)
		case err != nil && (next == nil || ClassOf(err) != bundle.NotTrusted):
			return warnings, err
		}
	}
	return warnings, nil
}
