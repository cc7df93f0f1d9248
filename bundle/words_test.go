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
	for _, a := range []bundle.Assurance{bundle.PublisherAssurance, bundle.LedgerAssurance} {
		if got, err := bundle.ParseAssurance(a.String()); err != nil || got != a {
			t.Errorf("%s: %v", a, err)
		}
	}
	for _, text := range []string{"", "Publisher", "none", bundle.Assurance(2).String()} {
		if _, err := bundle.ParseAssurance(text); !errors.Is(err, bundle.ErrRequest) {
			t.Errorf("assurance %q: %v", text, err)
		}
	}
	seen := make(map[string]bool)
	for c := bundle.ClassNone; c <= bundle.Attack; c++ {
		if seen[c.String()] {
			t.Errorf("two classes are called %s", c)
		}
		seen[c.String()] = true
	}
	digest := fmt.Sprintf("sha256:%064d", 7)
	for _, text := range []string{app + ":1.0", app + "@" + digest, app + ":1.0@" + digest} {
		if got := ref(text).String(); got != text {
			t.Errorf("request %s is written %s", text, got)
		}
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
