package client

import (
	"context"
	"crypto/sha256"
	"fmt"

	"hullmark/bundle"
	"hullmark/change"
)

// CheckRequest refuses a request for another ledger than this client trusts, or made before
// a rotation that it knows of: whom such a request asks to sign, and whose signatures it
// takes for good, is out of date. Nobody is asked. Errors wrap change.ErrRequest, or
// ErrNoAnchor when there is nothing to check it against.
func (h *Home) CheckRequest(ctx context.Context, r *change.Request) error {
	if err := h.CheckLedger(r); err != nil {
		return err
	}
	for _, p := range r.Parts {
		m, err := h.Load(ctx, p.Repository)
		if err != nil {
			return err
		}
		if seen, ok := m.Repository(p.Repository); ok && p.Root != nil {
			if err := checkSeenRoot(p, seen); err != nil {
				return err
			}
		}
	}
	return nil
}

// CheckLedger is the first half of CheckRequest.
func (h *Home) CheckLedger(r *change.Request) error {
	anchor, err := h.Anchor()
	if err != nil {
		return err
	}
	if r.Ledger != anchor.Ledger {
		return fmt.Errorf("couldn't use request about %s: %w: the request is for ledger %s, this client trusts %s",
			r.Parts[0].Repository, change.ErrRequest, r.Ledger, anchor.Ledger)
	}
	return nil
}

// checkSeenRoot refuses a part of a request whose root is older than the newest one seen, or
// another one of a version that was seen.
func checkSeenRoot(p change.RequestPart, seen bundle.Seen) error {
	version, newest := p.Root.Version, seen.RootVersion()
	if newest > version {
		return fmt.Errorf("couldn't use request about %s: %w: it was made under root version %d, and version %d is in force; make it again",
			p.Repository, change.ErrRequest, version, newest)
	}
	if newest == version && seen.Roots[version-1] != sha256.Sum256(p.Root.Bytes()) {
		return fmt.Errorf("couldn't use request about %s: %w: its root version %d is not the one that the ledger has; make it again",
			p.Repository, change.ErrRequest, version)
	}
	return nil
}
