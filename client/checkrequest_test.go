package client

import (
	"crypto/sha256"
	"errors"
	"testing"

	"hullmark/bundle"
	"hullmark/change"
	"hullmark/internal/fixture"
	"hullmark/tuf"
)

// Test that a request is used only with the root that was seen, or a newer one.
func TestRootOfRequest(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	p := c.NewPublisher("registry.example.com/team/app")
	first, second, third := p.Root(1), p.Root(2), p.Root(3)
	forged := p.SignRoot(p.RootSpec(2), fixture.NewKey(t, "ed25519", "forger"))
	seen := bundle.Seen{Roots: [][32]byte{sha256.Sum256(first.Bytes()), sha256.Sum256(second.Bytes())}}
	for _, tc := range []struct {
		name string
		root *tuf.Root
		seen bundle.Seen
		err  error
	}{
		{"the one seen", second, seen, nil},
		{"a forged one of that version", forged, seen, change.ErrRequest},
		{"an older one", first, seen, change.ErrRequest},
		{"a newer one", third, seen, nil},
		{"none seen", second, bundle.Seen{}, nil},
	} {
		if err := checkSeenRoot(change.RequestPart{Repository: p.Repository, Root: tc.root}, tc.seen); !errors.Is(err, tc.err) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}
