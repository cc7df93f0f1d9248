package change_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"hullmark/change"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/tuf"
)

func publicKeys(set ...*fixture.Key) []keys.PublicKey {
	var out []keys.PublicKey
	for _, k := range set {
		out = append(out, k.PublicKey())
	}
	return out
}

// TestFirstRoot makes the root that the fixtures make by hand.
func TestFirstRoot(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	p := c.NewPublisher(app)
	root, err := change.FirstRoot(p.Binding(tuf.RoleRoot), c.NotaryKeys(), change.RootChange{
		Root:    change.Holders{Keys: publicKeys(p.RootKeys...), Threshold: 1},
		Targets: change.Holders{Keys: publicKeys(p.TaggingKeys...), Threshold: 1},
		Expires: p.Expires,
	})
	if err != nil {
		t.Fatal(err)
	}
	want, err := tuf.NewRoot(p.RootSpec(1))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(root.Bytes(), want.Bytes()) {
		t.Errorf("got %s, want %s", root.Bytes(), want.Bytes())
	}
	if _, err := change.FirstRoot(p.Binding(tuf.RoleRoot), c.NotaryKeys(), change.RootChange{
		Root: change.Holders{Keys: publicKeys(p.RootKeys...), Threshold: 2}, Targets: change.Holders{Keys: publicKeys(p.TaggingKeys...), Threshold: 1}, Expires: p.Expires,
	}); !errors.Is(err, tuf.ErrThreshold) {
		t.Errorf("a threshold that nobody can reach: %v", err)
	}
}

// TestNextRoot replaces what is named, keeps the rest, and lists no key that no role has.
func TestNextRoot(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	p := c.NewPublisher(app)
	current, later := p.Root(1), p.Expires.AddDate(0, 1, 0)
	oldRoot, oldTags := p.RootKeys[0], p.TaggingKeys[0]
	one, two := fixture.NewKey(t, keys.KeytypeEd25519, "one"), fixture.NewKey(t, keys.KeytypeEd25519, "two")
	for _, tc := range []struct {
		name          string
		change        change.RootChange
		root, targets []*fixture.Key
		thresholds    [2]int
		err           error
	}{
		{"nothing but the expiry", change.RootChange{}, []*fixture.Key{oldRoot}, []*fixture.Key{oldTags}, [2]int{1, 1}, nil},
		{"a tagging key", change.RootChange{Targets: change.Holders{Keys: publicKeys(one)}}, []*fixture.Key{oldRoot}, []*fixture.Key{one}, [2]int{1, 1}, nil},
		{"two root keys of two", change.RootChange{Root: change.Holders{Keys: publicKeys(one, two), Threshold: 2}}, []*fixture.Key{one, two}, []*fixture.Key{oldTags}, [2]int{2, 1}, nil},
		{"both roles, one key stays", change.RootChange{Root: change.Holders{Keys: publicKeys(oldRoot, one)}, Targets: change.Holders{Keys: publicKeys(two)}}, []*fixture.Key{oldRoot, one}, []*fixture.Key{two}, [2]int{1, 1}, nil},
		{"a threshold that the keys cannot reach", change.RootChange{Targets: change.Holders{Threshold: 2}}, nil, nil, [2]int{}, tuf.ErrThreshold},
		{"a key named twice", change.RootChange{Root: change.Holders{Keys: publicKeys(one, one), Threshold: 2}}, nil, nil, [2]int{}, tuf.ErrSameKey},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.change.Expires = later
			next, err := change.NextRoot(current, tc.change)
			if !errors.Is(err, tc.err) {
				t.Fatalf("error %v, want %v", err, tc.err)
			}
			if err != nil {
				return
			}
			if next.Version != 2 || !next.Expires.Equal(later) || next.Binding != current.Binding {
				t.Errorf("version %d, expires %s", next.Version, next.Expires)
			}
			for i, role := range []tuf.Role{next.Roles.Root, next.Roles.Targets} {
				want := fixture.IDs([][]*fixture.Key{tc.root, tc.targets}[i])
				if got := slices.SortedFunc(slices.Values(role.KeyIDs), keys.ID.Compare); !slices.Equal(got, slices.SortedFunc(slices.Values(want), keys.ID.Compare)) || role.Threshold != tc.thresholds[i] {
					t.Errorf("role %d: %d of %v", i, role.Threshold, got)
				}
			}
			if !slices.Equal(next.Roles.Snapshot.KeyIDs, current.Roles.Snapshot.KeyIDs) || next.Roles.Snapshot.Threshold != current.Roles.Snapshot.Threshold {
				t.Error("the notaries changed")
			}
			if want := len(c.Operators) + len(tc.root) + len(tc.targets); len(next.Spec().Keys) != want {
				t.Errorf("%d keys, want %d", len(next.Spec().Keys), want)
			}
		})
	}
}
