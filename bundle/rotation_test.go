package bundle_test

import (
	"errors"
	"testing"

	"hullmark/bundle"
	"hullmark/bundle/bundletest"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/query"
	"hullmark/tuf"
)

// Test the ways from a known root to a newer one.
func TestRotation(t *testing.T) {
	a := newStory(t).asked()
	a.learn(t, a.Newest(), a.req)
	known := a.mem
	a.rotated(t, true)
	short := query.Known{TrustedHeight: known.TrustedHeight(), RootVersion: 1}
	for _, c := range []struct {
		name  string
		mem   *bundle.Memory
		knows query.Known
		roots int
		err   error
	}{
		{"knows nothing, gets all", a.memory(), query.Known{}, 3, nil},
		{"knows version 1, gets the rest", known, short, 2, nil},
		{"knows version 1, gets all", known, query.Known{}, 3, nil},
		{"knows version 1, gets version 3 only", known, query.Known{RootVersion: 2}, 1, bundle.ErrRoot},
		{"knows version 1, gets nothing", known, query.Known{RootVersion: 3}, 0, bundle.ErrRoot},
		{"knows nothing, gets the rest", a.memory(), short, 2, bundle.ErrRoot},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := a.Newest().BundleFor(a.req, c.knows)
			if len(b.GetRoots()) != c.roots {
				t.Fatalf("%d roots, want %d", len(b.GetRoots()), c.roots)
			}
			result, m, err := bundle.Verify(b, a.req, c.mem, a.now, a.policy)
			if !errors.Is(err, c.err) {
				t.Fatalf("error %v, want %v", err, c.err)
			}
			if err != nil {
				return
			}
			seen, _ := m.Repository(a.req.Repository)
			if result.RootVersion != 3 || seen.RootVersion() != 3 {
				t.Errorf("root version %d, remembered %d", result.RootVersion, seen.RootVersion())
			}
			// From now on no root is needed.
			b = a.Newest().BundleFor(a.req, query.Known{RootVersion: 3})
			if _, _, err := bundle.Verify(b, a.req, m, a.now, a.policy); err != nil {
				t.Errorf("without roots: %v", err)
			}
		})
	}
}

// Test that a denial teaches as much as an answer does.
func TestDenialTeaches(t *testing.T) {
	a := newStory(t).asked()
	a.rotated(t, false)
	_, m, err := a.verify()
	if !errors.Is(err, bundle.ErrNotEffective) {
		t.Fatal(err)
	}
	if seen, _ := m.Repository(a.req.Repository); seen.RootVersion() != 3 {
		t.Errorf("remembered root version %d", seen.RootVersion())
	}
	// What the stolen key had signed is refused by this client for ever, also when
	// a node is at an earlier height.
	a.mem = m
	a.from(a.Source(4))
	if _, _, err := a.verify(); !errors.Is(err, bundle.ErrBehind) {
		t.Errorf("earlier answer: %v", err)
	}
}

// Test that a repository whose root has expired, or whose tagging role verifies
// nothing, can still be read by whoever is about to repair it.
func TestReadToRepair(t *testing.T) {
	a := newStory(t).asked()
	a.rotated(t, false)
	a.about(bundletest.RepositoryRequest(app))
	result, _, err := a.verify()
	if err != nil {
		t.Fatal(err)
	}
	if result.Targets == nil || result.Targets.Version != 2 || result.Root.Version != 3 || result.Roles[1].Effective {
		t.Errorf("result %+v", result)
	}

	a = newStory(t).asked()
	a.app.Expires = a.BlockTime(7)
	root := a.app.Root(2)
	a.Commit(a.Relay(a.Operators[1], fixture.Update{Roots: []*tuf.Root{root}}))
	a.Commit()
	a.Commit()
	a.Commit()
	a.now = a.Now()
	a.about(bundletest.RepositoryRequest(app))
	if result, _, err = a.verify(); err != nil {
		t.Fatal(err)
	}
	if result.Root.FileDigest() != root.FileDigest() || result.Roles[0].Effective || result.Roles[1].Effective {
		t.Errorf("result %+v", result)
	}
	a.about(ref(app + ":latest"))
	if _, _, err = a.verify(); !errors.Is(err, bundle.ErrNotEffective) {
		t.Errorf("tag under an expired root: %v", err)
	}
}

// Test that a key that lost its place does not spoil a file that the others'
// signatures still carry, and that their number is counted anew.
func TestKeyLosesItsPlace(t *testing.T) {
	for _, c := range []struct {
		name             string
		before, after    int // thresholds
		keep             int
		want             error
		wantNewSignature int
	}{
		{"enough remain", 1, 1, 1, nil, 1},
		{"too few remain", 2, 2, 1, bundle.ErrNotEffective, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newStory(t).asked()
			both := fixture.NewKeys(t, keys.KeytypeEd25519, "both", 2)
			a.app.TaggingThreshold = c.before
			first := a.app.RotateRoot(2, nil, both)
			a.Commit(a.Relay(a.Operators[1], fixture.Update{
				Roots: []*tuf.Root{first}, Targets: a.app.Targets(3, fixture.Tags{"latest": "two"}),
			}))
			a.app.TaggingThreshold = c.after
			set := append(both[:c.keep:c.keep], fixture.NewKey(t, keys.KeytypeEd25519, "successor"))
			a.Commit(a.Relay(a.Operators[1], fixture.Update{Roots: []*tuf.Root{a.app.RotateRoot(3, nil, set)}}))
			a.Commit()
			a.now = a.Now()
			a.from(a.Newest())
			result, _, err := a.verify()
			if !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			if err == nil && len(result.TaggingKeys) != c.wantNewSignature {
				t.Errorf("%d tagging keys", len(result.TaggingKeys))
			}
		})
	}
}
