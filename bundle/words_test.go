package bundle_test

import (
	"errors"
	"fmt"
	"testing"

	"hullmark/bundle"
	"hullmark/record"
)

// Test the words that people and other programs see.
func TestWords(t *testing.T) {
	seen := make(map[string]bool)
	for c := bundle.ClassNone; c <= bundle.Attack; c++ {
		if seen[c.String()] {
			t.Errorf("two classes are called %s", c)
		}
		seen[c.String()] = true
	}
	if got := (&bundle.Denial{Reason: bundle.ErrRevoked, Detail: "because"}).Error(); got != "the digest was revoked: because" {
		t.Errorf("denial %q", got)
	}
	if got := (&bundle.Denial{Reason: bundle.ErrRevoked}).Error(); got != "the digest was revoked" {
		t.Errorf("denial %q", got)
	}
}

// Test that a newer format is never called an attack: the remedy is an upgrade.
func TestClassOfNewer(t *testing.T) {
	err := fmt.Errorf("%w: %w", bundle.ErrMismatch, record.ErrNewer)
	if c := bundle.ClassOf(err); c != bundle.Other {
		t.Errorf("class %s", c)
	}
	if c := bundle.ClassOf(errors.New("anything")); c != bundle.Other {
		t.Errorf("class %s", c)
	}
}
