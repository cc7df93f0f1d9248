package bundle_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"hullmark/bundle"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/record"
)

// TestNotEffectiveAtBlockTime: a policy that allows what has expired since allows nothing
// that had expired at block time.
func TestNotEffectiveAtBlockTime(t *testing.T) {
	expires := newStory(t).BlockTime(8).Add(time.Second)
	f := newFamily(t, expires)
	f.about(ref(app + ":v1"))
	f.policy, f.now = offline(true), expires.Add(time.Hour)
	if _, _, err := f.verify(); err != nil {
		t.Errorf("in force at block time: %v", err)
	}
	for !f.Now().After(expires) {
		f.Commit()
	}
	f.Commit()
	f.now = f.Now()
	f.about(ref(app + ":v1"))
	if _, _, err := f.verify(); !errors.Is(err, bundle.ErrNotEffective) {
		t.Errorf("expired at block time: %v", err)
	}
}

// TestForgedPortionOfRoots: roots that end before the current one count only if the ledger
// has the last of them. A thief of a root key that was rotated later can sign another one.
func TestForgedPortionOfRoots(t *testing.T) {
	a := newStory(t).asked()
	stolen := a.app.RootKeys
	a.rotated(t, true)
	thief := fixture.NewKeys(t, keys.KeytypeEd25519, "thief", 1)
	own := a.app.RootKeys
	a.app.RootKeys = thief
	forged := a.app.SignRoot(a.app.RootSpec(2), slices.Concat(stolen, thief)...)
	a.app.RootKeys = own
	whole := a.bundle.GetRoots()
	a.bundle.LastRoot = a.Newest().Prove(record.RootKey(repository(app), 2))
	a.bundle.Roots = whole[:2]
	if _, _, err := a.verify(); !errors.Is(err, bundle.ErrMoreRoots) {
		t.Errorf("the ledger's: %v", err)
	}
	a.bundle.Roots = [][]byte{whole[0], forged.Bytes()}
	if _, m, err := a.verify(); !errors.Is(err, bundle.ErrRoot) || m != nil {
		t.Errorf("the thief's: %v", err)
	}
}
