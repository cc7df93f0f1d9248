package main

import (
	"context"
	"errors"
	"time"

	"hullmark/bundle"
	"hullmark/query"
	"hullmark/reference"
)

// What is asked about the items of a list that somebody has to decide about: a long list
// must not keep its reader waiting.
const (
	maxItemsAsked = 64
	askItemsFor   = 10 * time.Second
)

// markRevoked notes which tags of lists to decide about name images that were revoked: to
// adopt one is of no use, and a thief may have published it. What cannot be asked stays as
// it is, which is told.
func (s *session) markRevoked(ctx context.Context, lists []inheritedJSON) {
	c, err := s.client(bundle.DefaultPolicy())
	if err != nil {
		return // the error that shows the list says why nobody can be asked
	}
	ctx, cancel := context.WithTimeout(ctx, askItemsFor)
	defer cancel()
	type image struct{ repository, digest string }
	revoked := make(map[image]bool)
	for _, in := range lists {
		repository, err := reference.ParseRepository(in.Repository)
		if err != nil {
			continue
		}
		for i := range in.Items {
			item := &in.Items[i]
			digest, err := reference.ParseDigest(item.Digest)
			if item.Delegation != nil || err != nil {
				continue
			}
			key := image{in.Repository, item.Digest}
			if _, asked := revoked[key]; !asked {
				var denial *bundle.Denial
				err := context.DeadlineExceeded
				if len(revoked) < maxItemsAsked {
					_, _, _, err = c.Resolve(ctx, query.Resolve{Repository: repository, Digest: digest})
				}
				if err != nil && !errors.As(err, &denial) {
					s.warn("whether %s and what follows was revoked could not be asked", item.Item)
					return
				}
				revoked[key] = errors.Is(err, bundle.ErrRevoked)
			}
			item.Revoked = revoked[key]
		}
	}
}
