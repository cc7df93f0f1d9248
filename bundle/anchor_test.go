package bundle_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"strings"
	"testing"

	"hullmark/bundle"
	"hullmark/bundle/bundletest"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/record"
)

// Test that an anchor survives being written and read.
func TestAnchorRoundTrip(t *testing.T) {
	s := newStory(t)
	want := s.Anchor(3)
	b, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := bundle.DecodeAnchor(b)
	if err != nil {
		t.Fatal(err)
	}
	again, err := got.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again, b) || got.Ledger != want.Ledger || got.TrustingPeriod != want.TrustingPeriod ||
		len(got.Operators) != 4 || got.Block.Height != 3 || !got.Operators[2].Key.Equal(s.Operators[2].Governance.PublicKey()) ||
		!got.Operators[2].NotaryKey.Equal(s.Operators[2].Notary.PublicKey()) {
		t.Errorf("read %+v", got)
	}
}

// Test that what is no anchor is refused, and never called an attack: it is the
// client's own file.
func TestAnchorRefused(t *testing.T) {
	s := newStory(t)
	b, err := s.Anchor(3).Encode()
	if err != nil {
		t.Fatal(err)
	}
	honest := string(b)
	edit := func(old, replacement string) string {
		if !strings.Contains(honest, old) {
			t.Fatalf("no %q in %s", old, honest)
		}
		return strings.Replace(honest, old, replacement, 1)
	}
	for _, c := range []struct {
		name, text string
		err        error
	}{
		{"empty", "", bundle.ErrAnchor},
		{"empty object", "{}", bundle.ErrAnchor},
		{"trailing bytes", honest + "{}", bundle.ErrAnchor},
		{"newer", edit(`"version": 1`, `"version": 2`), record.ErrNewer},
		{"older", edit(`"version": 1`, `"version": 0`), bundle.ErrAnchor},
		{"unknown field", edit(`"version"`, `"unknown": 1, "version"`), bundle.ErrAnchor},
		{"field twice", edit(`"version"`, `"version": 1, "version"`), bundle.ErrAnchor},
		{"other ledger", edit(`"ledger": "`, `"ledger": "x`), bundle.ErrAnchor},
		{"no ledger", edit(s.Ledger(), ``), bundle.ErrAnchor},
		{"no trusting period", edit(`"1209600"`, `"0"`), bundle.ErrAnchor},
		{"endless trusting period", edit(`"1209600"`, `"18446744073709551615"`), bundle.ErrAnchor},
		{"operators out of order", edit(`"op-1"`, `"op-3"`), bundle.ErrAnchor},
		{"bad operator", edit(`"op-1"`, `"OP"`), bundle.ErrAnchor},
		{"too large", honest + strings.Repeat(" ", bundle.MaxAnchorSize), bundle.ErrAnchor},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := bundle.DecodeAnchor([]byte(c.text))
			if a != nil || !errors.Is(err, c.err) || bundle.ClassOf(err) != bundle.Other {
				t.Errorf("error %v of class %s, want %v", err, bundle.ClassOf(err), c.err)
			}
		})
	}
	for name, change := range map[string]func(*bundle.Anchor){
		"no block":        func(a *bundle.Anchor) { a.Block = nil },
		"no period":       func(a *bundle.Anchor) { a.TrustingPeriod = 0 },
		"one key twice":   func(a *bundle.Anchor) { a.Operators[1].Key = a.Operators[0].Key },
		"one key for two": func(a *bundle.Anchor) { a.Operators[1].NotaryKey = a.Operators[1].Key },
		"no notary key":   func(a *bundle.Anchor) { a.Operators[1].NotaryKey = keys.PublicKey{} },
		"RSA governance":  func(a *bundle.Anchor) { a.Operators[1].Key = rsaKey(t) },
		"RSA notary":      func(a *bundle.Anchor) { a.Operators[1].NotaryKey = rsaKey(t) },
		"P-256 notary": func(a *bundle.Anchor) {
			a.Operators[1].NotaryKey = fixture.NewKey(t, keys.KeytypeECDSA, "notary").PublicKey()
		},
		"one id twice":    func(a *bundle.Anchor) { a.Operators[1].ID = a.Operators[0].ID },
		"validators gone": func(a *bundle.Anchor) { a.Block.ValidatorSet = bundletest.ValidatorSet(strangers(t, 4)) },
		"other header":    func(a *bundle.Anchor) { a.Block.AppHash = nil },
		"bad signature":   func(a *bundle.Anchor) { a.Block.Commit.Signatures[0].Signature[0] ^= 1 },
		"too few signatures": func(a *bundle.Anchor) {
			a.Block = s.Sign(a.Block.Header, s.Validators(), s.Validators()[:2]...)
		},
	} {
		a := s.Anchor(3)
		change(a)
		if _, err := a.Encode(); !errors.Is(err, bundle.ErrAnchor) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// rsaKey returns an RSA key, which publishers may have and operators not.
func rsaKey(t *testing.T) keys.PublicKey {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	key, err := keys.New(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return key
}
