package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"hullmark/bundle"
)

// Import says what importing a trust anchor did.
type Import struct {
	Anchor *bundle.Anchor
	// First says that no anchor was known.
	First bool
	// By says what led from the known anchor to this one; NotLed for the first and for
	// one that replaces it on a person's word.
	By bundle.Succession
	// Differences from the known anchor, for people.
	Differences []string
	// Dropped counts the known light blocks that were given up.
	Dropped int
	// Expired says that the known anchor, which led here, had expired.
	Expired bool
}

// importMode says what is done with an anchor.
type importMode int

const (
	succeed importMode = iota // take the place of the known one if that leads to it
	replace                   // take its place in any case
	add                       // be one more block to start from, if the known one leads to it
)

// ImportAnchor checks a trust anchor and makes the client start from it. Over known
// trust it takes only one that the known validators or operators lead to
// (bundle.Memory.Succeeds), and that is newer (bundle.Anchor.CheckNewer); the error is
// bundle.ErrUnrelated or bundle.ErrNotNewer otherwise, beside an Import that says what
// differs. What the client knows is kept: repositories, and all light
// blocks. An anchor of another ledger is refused with bundle.ErrWrongLedger while there is
// any such knowledge, one that contradicts a known block as in bundle.Memory.WithAnchor,
// and any with bundle.ErrMemory while that knowledge cannot be read (of a repository:
// when it is needed next). Only a person may give up what protects against rollback, by
// removing the file that the error names.
func (h *Home) ImportAnchor(ctx context.Context, data []byte, now time.Time) (*Import, error) {
	return h.importAnchor(ctx, data, now, succeed)
}

// ReplaceAnchor is ImportAnchor on a person's word instead of the known anchor's. The
// known light blocks are given up: whoever replaces trust does not trust what rests on
// it. What is known of repositories stays.
func (h *Home) ReplaceAnchor(ctx context.Context, data []byte, now time.Time) (*Import, error) {
	return h.importAnchor(ctx, data, now, replace)
}

// AddAnchor makes the light block of an anchor one more to start from, for what was made
// before the known ones. It is judged as in ImportAnchor, but may be older: the anchor
// stays, and with it the operators.
func (h *Home) AddAnchor(ctx context.Context, data []byte, now time.Time) (*Import, error) {
	return h.importAnchor(ctx, data, now, add)
}

func (h *Home) importAnchor(ctx context.Context, data []byte, now time.Time, mode importMode) (*Import, error) {
	a, err := bundle.DecodeAnchor(data)
	if err != nil {
		return nil, err
	}
	release, err := lockFile(ctx, h.path(lockName))
	if err != nil {
		return nil, fmt.Errorf("couldn't lock client home: %w", err)
	}
	defer release()
	known, err := h.Anchor()
	if err != nil && !errors.Is(err, ErrNoAnchor) && !errors.Is(err, bundle.ErrAnchor) {
		return nil, err
	}
	out := &Import{Anchor: a}
	memory, err := h.importInto(out, known, a, now, mode)
	if err != nil {
		var fork *bundle.Fork
		if errors.As(err, &fork) {
			err, _ = withEvidence(h, fork, err)
		}
		return out, fmt.Errorf("couldn't import trust anchor: %w", err)
	}
	var pieces []piece
	if !out.First {
		b, err := memory.Encode()
		if err != nil {
			return nil, fmt.Errorf("couldn't save memory: %w", err)
		}
		pieces = append(pieces, piece{h.chainPath(), b})
	}
	if mode != add {
		pieces = append(pieces, piece{h.path(anchorFile), data})
	}
	if err := h.replace(pieces); err != nil {
		return nil, fmt.Errorf("couldn't save trust anchor: %w", err)
	}
	return out, nil
}

// importInto returns the memory after an import, and fills in what is to be said of it.
func (h *Home) importInto(out *Import, known, a *bundle.Anchor, now time.Time, mode importMode) (*bundle.Memory, error) {
	k, err := h.loadChain()
	if err != nil {
		return nil, err
	}
	memory := k.memory
	if out.First = known == nil && memory == nil; out.First {
		if mode == add {
			return nil, ErrNoAnchor
		}
		return bundle.NewPartialMemory(a), nil
	}
	if known != nil {
		out.Differences = known.Differences(a)
		out.Expired = known.Expired(now)
		if memory == nil {
			memory = bundle.NewPartialMemory(known)
		}
		if memory, err = memory.WithAnchor(known, now); err != nil {
			return nil, err
		}
	}
	out.By, err = memory.Succeeds(known, a, now)
	if err == nil && mode != add {
		err = known.CheckNewer(a)
	}
	if err != nil {
		if mode != replace || !errors.Is(err, bundle.ErrUnrelated) && !errors.Is(err, bundle.ErrNotNewer) {
			return nil, err
		}
		out.By = bundle.NotLed
	}
	if mode == add {
		return memory.WithOlderBlock(a, now)
	}
	next, err := memory.WithAnchor(a, now)
	if err != nil || out.By != bundle.NotLed {
		return next, err
	}
	out.Dropped = len(next.Blocks()) - 1
	return next.WithoutBlocks(), nil
}
