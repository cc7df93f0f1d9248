package bundle_test

import (
	"crypto/sha256"
	"errors"
	"slices"
	"testing"

	"hullmark/bundle"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/merkle"
	"hullmark/proto"
	"hullmark/query"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// delegated makes the state of a repository that delegates the tags v* to
// targets/release, which has set v1 to "three", and the answer about v1.
func delegated(t *testing.T, signer *fixture.Key, path, tag string) *asked {
	t.Helper()
	a := newStory(t).asked()
	const role = "targets/release"
	holder := fixture.NewKey(t, keys.KeytypeEd25519, "release")
	top := a.app.TargetsSpec(3, fixture.Tags{"1.0": "one"})
	top.Delegations = &tuf.Delegations{
		Keys:  []keys.PublicKey{holder.PublicKey()},
		Roles: []tuf.DelegatedRole{{Name: role, Paths: []string{path}, Role: tuf.Role{KeyIDs: []keys.ID{holder.ID()}, Threshold: 1}}},
	}
	above := a.app.SignTargets(top, a.app.TaggingKeys...)
	spec := a.app.TargetsSpec(1, fixture.Tags{tag: "three"})
	spec.Binding.Role = role
	if signer == nil {
		signer = holder
	}
	below := a.app.SignTargets(spec, signer)

	state := func(name, parent string, f *tuf.Targets) record.RoleState {
		r := record.RoleState{
			Name: name, Parent: parent, Version: f.Version, Expires: f.Expires, MeetsKeys: true,
			SignedDigest: f.SignedDigest(), FileDigest: f.FileDigest(), Signers: f.Signers(),
		}
		if f.Delegations != nil {
			b := f.Delegations.Bytes()
			r.DelegationsSize, r.DelegationsDigest = uint32(len(b)), sha256.Sum256(b)
		}
		if name == role {
			r.Keys = []keys.ID{holder.ID()}
		}
		return r
	}
	published := record.Publication{Height: 4, Time: a.BlockTime(4), Index: 4}
	a.req = ref(app + ":" + tag)
	a.from(a.Doctored(4, [][]byte{above.Bytes(), below.Bytes()},
		a.repositoryWith(t, func(r *record.Repository) {
			r.SetRole(state(tuf.RoleTargets, tuf.RoleRoot, above))
			r.SetRole(state(role, tuf.RoleTargets, below))
			r.LastIndex, r.LastHeight = 4, 4
			r.Revision++
		}),
		merkle.Change{Key: record.TagKey(repository(app), reference.MustParseTag(tag)), Value: (&record.ImageTag{
			State: record.TagLive, Digest: fixture.Digest("three"), Size: 5, Role: role, Index: 4, Height: 4, Time: a.BlockTime(4),
		}).Encode()},
		merkle.Change{Key: record.VoucherKey(fixture.Digest("three"), repository(app)), Value: (&record.Voucher{
			First: published, Last: published, TaggingKeys: []keys.ID{signer.ID()}, RootKeys: fixture.IDs(a.app.RootKeys),
		}).Encode()},
	))
	a.bundle.Targets = [][]byte{above.Bytes(), below.Bytes()}
	return a
}

// Test that a tag of a delegated role is verified along the whole chain.
func TestDelegation(t *testing.T) {
	a := delegated(t, nil, "v*", "v1")
	result, _, err := a.verify()
	if err != nil {
		t.Fatal(err)
	}
	if result.Digest != fixture.Digest("three") || result.Role != "targets/release" || result.TargetsVersion != 3 || result.Targets.Version != 3 {
		t.Errorf("result %+v", result)
	}
	a.req, a.bundle.Tag = at(query.Resolve{Repository: repository(app)}, "three"), nil
	if result, _, err = a.verify(); err != nil || result.Role != "targets/release" || result.Size != 5 {
		t.Errorf("by digest: %+v, %v", result, err)
	}

	for _, c := range []struct {
		name string
		lie  func(t *testing.T) *asked
		err  error
	}{
		{"signed by a stranger", func(t *testing.T) *asked { return delegated(t, strangers(t, 1)[0], "v*", "v1") }, bundle.ErrTargets},
		{"signed by the delegator", func(t *testing.T) *asked {
			tagging := newStory(t).app.TaggingKeys[0]
			return delegated(t, tagging, "v*", "v1")
		}, bundle.ErrTargets},
		{"for another repository", func(t *testing.T) *asked {
			a := delegated(t, nil, "v*", "v1")
			other := a.app.TargetsSpec(1, fixture.Tags{"v1": "three"})
			other.Binding.Role, other.Binding.Repository = "targets/release", repository("registry.example.com/other")
			file := a.app.SignTargets(other, fixture.NewKey(t, keys.KeytypeEd25519, "release"))
			a.bundle.Targets = [][]byte{a.bundle.Targets[0], file.Bytes()}
			return a
		}, bundle.ErrTargets},
		{"delegated file of another version", func(t *testing.T) *asked {
			a := delegated(t, nil, "v*", "v1")
			next := a.app.RoleFile("targets/release", 2, fixture.Tags{"v1": "three"}, nil, fixture.NewKey(t, keys.KeytypeEd25519, "release"))
			a.bundle.Targets = [][]byte{a.bundle.Targets[0], next.Bytes()}
			return a
		}, bundle.ErrTargets},
		{"delegated file twice", func(t *testing.T) *asked {
			a := delegated(t, nil, "v*", "v1")
			a.bundle.Targets = append(slices.Clone(a.bundle.Targets), a.bundle.Targets[1])
			return a
		}, bundle.ErrTargets},
		{"outside the paths", func(t *testing.T) *asked { return delegated(t, nil, "v*", "latest2") }, bundle.ErrTargets},
		{"without the delegated file", func(t *testing.T) *asked { return without(delegated(t, nil, "v*", "v1"), 1) }, bundle.ErrTargets},
		{"without the delegator's file", func(t *testing.T) *asked { return without(delegated(t, nil, "v*", "v1"), 0) }, bundle.ErrTargets},
		{"delegated file first", func(t *testing.T) *asked {
			a := delegated(t, nil, "v*", "v1")
			slices.Reverse(a.bundle.Targets)
			return a
		}, bundle.ErrTargets},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, _, err := c.lie(t).verify(); !errors.Is(err, c.err) || bundle.ClassOf(err) != bundle.Attack {
				t.Errorf("error %v, want %v", err, c.err)
			}
		})
	}
}

func without(a *asked, i int) *asked {
	a.bundle = &proto.Bundle{
		State: a.bundle.State, Profile: a.bundle.Profile, Repository: a.bundle.Repository, Tag: a.bundle.Tag, Image: a.bundle.Image,
		Roots: a.bundle.Roots, Targets: slices.Delete(slices.Clone(a.bundle.Targets), i, i+1),
	}
	return a
}
