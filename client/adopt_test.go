package client_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"hullmark/bundle"
	"hullmark/change"
	"hullmark/client"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/reference"
	"hullmark/tuf"
)

// theft is a network on which a thief had app's tagging key.
type theft struct {
	*network
	c             *client.Client
	stolen, thief *fixture.Key
	// fresh is the tagging key of the root that the owner makes.
	fresh *fixture.Key
	root  *tuf.Root
	// before is what was known of the repository while the stolen key counted.
	before *bundle.Result
}

// steal makes the thief say something with the stolen key. The owner has rotated
// nothing yet.
func steal(t *testing.T, tags []change.TagChange, delegations ...change.DelegationChange) *theft {
	t.Helper()
	h := &theft{network: newNetwork(t, 1), thief: fixture.NewKey(t, keys.KeytypeEd25519, "thief")}
	h.c, h.stolen, h.fresh = h.client(), h.app.TaggingKeys[0], fixture.NewKey(t, keys.KeytypeEd25519, "fresh tagging")
	if _, err := h.c.Publish(t.Context(), h.order(tags...)); err != nil {
		t.Fatal(err)
	}
	h.delegate(t, tuf.RoleTargets, h.stolen, delegations...)
	h.before = h.state(t, tuf.RoleTargets)
	h.root = h.app.RotateRoot(2, nil, []*fixture.Key{h.fresh})
	return h
}

// now2 returns what the ledger has.
func (h *theft) state(t *testing.T, role string) *bundle.Result {
	t.Helper()
	current, _, err := h.c.Role(t.Context(), h.app.Repository, role)
	if err != nil {
		t.Fatal(err)
	}
	return current
}

// rotate replaces the stolen key.
func (h *theft) rotate(t *testing.T) *theft {
	t.Helper()
	if _, _, err := h.c.PublishFiles(t.Context(), "", submitter{h.app.RootKeys[0]}, change.Update{Roots: []*tuf.Root{h.root}}); err != nil {
		t.Fatal(err)
	}
	return h
}

// names returns what an error says must be decided, as TAG or ROLE, in its order.
func names(err error) string {
	var open *change.NotAdoptedError
	if !errors.As(err, &open) || !errors.Is(err, change.ErrNotAdopted) {
		return fmt.Sprint("another error: ", err)
	}
	var out []string
	for _, in := range open.Inherited {
		for _, item := range in.Items {
			out = append(out, item.Name)
		}
	}
	return strings.Join(out, " ")
}

// all adopts everything an error lists.
func all(err error) change.Adoption {
	var a change.Adoption
	var open *change.NotAdoptedError
	if errors.As(err, &open) {
		for _, in := range open.Inherited {
			a.Adopt = append(a.Adopt, in.Items...)
		}
	}
	return a
}

// Test the attack as it was told: the thief withdraws all tags and hands them on to
// himself, the owner rotates and publishes, and the thief publishes by the delegation.
func TestStolenDelegation(t *testing.T) {
	thief := fixture.NewKey(t, keys.KeytypeEd25519, "thief")
	h := steal(t, []change.TagChange{withdraw("1.0"), withdraw("latest")}, delegation("targets/evil", thief, "*")).rotate(t)
	order := h.order(set("2.0", "two"))
	_, err := h.c.Publish(t.Context(), order)
	if got := names(err); got != "targets/evil" {
		t.Fatalf("the owner is told of %s", got)
	}
	var open *change.NotAdoptedError
	if errors.As(err, &open); open.Inherited[0].Version != 4 || !slices.Equal(open.Inherited[0].Signers, fixture.IDs([]*fixture.Key{h.stolen})) ||
		!slices.Equal(open.Inherited[0].Items[0].Delegation.KeyIDs, fixture.IDs([]*fixture.Key{h.thief})) {
		t.Errorf("what the owner is told: %+v", open.Inherited[0])
	}
	evil := h.order(set("latest", "evil"))
	evil.Role, evil.Signers, evil.Submitter = "targets/evil", []tuf.Signer{h.thief}, submitter{h.thief}
	publishes := func(when string) {
		t.Helper()
		if _, err := h.c.Publish(t.Context(), evil); err == nil {
			t.Errorf("the thief publishes %s", when)
		}
		// And without what our own client asks before.
		file := h.app.RoleFile("targets/evil", 1, fixture.Tags{"latest": "evil"}, nil, h.thief)
		op := h.chain.Operators[0]
		if _, _, err := h.c.PublishFiles(t.Context(), op.ID, submitter{op.Governance}, change.Update{Roles: []*tuf.Targets{file}}); err == nil {
			t.Errorf("the ledger takes the thief's file %s", when)
		}
		if got := h.meaning(t, "latest"); got != "-" {
			t.Errorf("latest means %s %s", got, when)
		}
	}
	publishes("after the rotation")
	order.Adoption = change.Adoption{Drop: []string{"targets/evil"}}
	if _, err := h.c.Publish(t.Context(), order); err != nil {
		t.Fatal(err)
	}
	publishes("after the owner")
	if got := h.meaning(t, "2.0"); got != "two" {
		t.Errorf("2.0 means %s", got)
	}
}

// Test every way in which a new file can take over what the stolen key had signed:
// each is refused with the list of it, and goes on once all of it is named.
func TestNothingIsInheritedUnnamed(t *testing.T) {
	thief := fixture.NewKey(t, keys.KeytypeEd25519, "thief")
	evil := delegation("targets/evil", thief, "*")
	tags := []change.TagChange{set("bad", "bad"), withdraw("1.0"), withdraw("latest")}
	publish := func(changes ...change.TagChange) func(*testing.T, *theft, change.Adoption) error {
		return func(t *testing.T, h *theft, a change.Adoption) error {
			order := h.order(changes...)
			order.Adoption = a
			_, err := h.c.Publish(t.Context(), order)
			return err
		}
	}
	delegate := func(d change.DelegationChange) func(*testing.T, *theft, change.Adoption) error {
		return func(t *testing.T, h *theft, a change.Adoption) error {
			_, err := change.NextDelegator(client.CurrentOf(h.state(t, tuf.RoleTargets)), tuf.RoleTargets, d, a, h.app.Expires)
			return err
		}
	}
	for _, tc := range []struct {
		name  string
		early bool // before the rotation
		way   func(t *testing.T, h *theft, a change.Adoption) error
		want  string
	}{
		{"publish", false, publish(set("2.0", "good")), "targets/evil bad"},
		{"publish in the place of a tag", false, publish(set("bad", "good")), "targets/evil"},
		{"withdraw", false, publish(withdraw("bad")), "targets/evil"},
		{"refresh", false, publish(), "targets/evil bad"},
		{"a request to publish", false, func(t *testing.T, h *theft, a change.Adoption) error {
			order := h.order(set("2.0", "good"))
			order.Adoption = a
			_, _, err := h.c.PrepareRequest(t.Context(), order)
			return err
		}, "targets/evil bad"},
		{"delegate to a new role", false, delegate(delegation("targets/ci", thief, "ci-*")), "targets/evil bad"},
		{"change the role's keys, not its paths", false, delegate(delegation("targets/evil", fixture.NewKey(t, keys.KeytypeEd25519, "ci"), "*")), "targets/evil bad"},
		{"remove the role", false, delegate(change.DelegationChange{Role: evil.Role, Remove: true}), "bad"},
		{"rotate", true, func(_ *testing.T, h *theft, a change.Adoption) error {
			if a.IsZero() { // a rotation signs the list when some of it is named
				a.Adopt = []change.Item{{Name: "none", Digest: fixture.Digest("none")}}
			}
			_, err := change.NextUnder(h.root, h.before.Targets, a, h.app.Expires)
			return err
		}, "targets/evil bad"},
		{"sign a request", true, func(t *testing.T, h *theft, a change.Adoption) error {
			next, err := change.NextTargets(h.before.Targets.Binding, h.before.Targets, nil, h.app.Expires)
			if err != nil {
				t.Fatal(err)
			}
			r, err := change.NewRequest(change.RequestRotate, h.root.Binding.Ledger, change.RequestPart{
				Repository: h.app.Repository, Root: h.before.Root, Roles: []*tuf.Targets{h.before.Targets},
				NewRoots: []*tuf.Root{h.root}, NewRoles: []*tuf.Targets{next},
			})
			if err != nil {
				t.Fatal(err)
			}
			return a.Check(r.Inherited())
		}, "targets/evil bad"},
		{"sign a request that does not show what it follows", false, func(t *testing.T, h *theft, a change.Adoption) error {
			next, err := change.NextTargets(h.before.Targets.Binding, h.before.Targets, nil, h.app.Expires)
			if err != nil {
				t.Fatal(err)
			}
			r, err := change.NewRequest(change.RequestPublish, h.root.Binding.Ledger, change.RequestPart{
				Repository: h.app.Repository, Root: h.root, NewRoles: []*tuf.Targets{next},
			})
			if err != nil {
				t.Fatal(err)
			}
			return a.Check(r.Inherited())
		}, "targets/evil bad"},
		{"sign a request whose stored file has a forged signature", false, func(t *testing.T, h *theft, a change.Adoption) error {
			next, err := change.NextTargets(h.before.Targets.Binding, h.before.Targets, nil, h.app.Expires)
			if err != nil {
				t.Fatal(err)
			}
			forged, err := h.before.Targets.AddSignatures(tuf.Signature{KeyID: h.fresh.ID(), Sig: make([]byte, 64)})
			if err != nil {
				t.Fatal(err)
			}
			r, err := change.NewRequest(change.RequestPublish, h.root.Binding.Ledger, change.RequestPart{
				Repository: h.app.Repository, Root: h.root, Roles: []*tuf.Targets{forged}, NewRoles: []*tuf.Targets{next},
			})
			if err != nil {
				t.Fatal(err)
			}
			return a.Check(r.Inherited())
		}, "targets/evil bad"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := steal(t, tags, evil)
			if !tc.early {
				h.rotate(t)
			}
			err := tc.way(t, h, change.Adoption{})
			if got := names(err); got != tc.want {
				t.Fatalf("must be decided: %s, want %s", got, tc.want)
			}
			// Something else of the same name is not what was named.
			other := all(err)
			other.Adopt[0].Digest = fixture.Digest("other")
			if err := tc.way(t, h, other); !errors.Is(err, change.ErrNotAdopted) {
				t.Errorf("with another digest: %v", err)
			}
			if a := all(err); strings.Contains(tc.want, " ") {
				a.Adopt = a.Adopt[:1]
				if got := names(tc.way(t, h, a)); got != "bad" {
					t.Errorf("with the first one named, left is %s", got)
				}
			}
			if err := tc.way(t, h, all(err)); err != nil {
				t.Errorf("with all named: %v", err)
			}
		})
	}
}

// Test that a request which was complete before the rotation does not carry what the
// stolen key had signed past it, when a key that stays has signed the request.
func TestRequestFromBeforeRotation(t *testing.T) {
	n := newNetwork(t, 1)
	stays, stolen := fixture.NewKey(t, keys.KeytypeEd25519, "stays"), n.app.TaggingKeys[0]
	c := n.client()
	root := n.app.RotateRoot(2, nil, []*fixture.Key{stays, stolen})
	rotate := func(root *tuf.Root) {
		t.Helper()
		if _, _, err := c.PublishFiles(t.Context(), "", submitter{n.app.RootKeys[0]}, change.Update{Roots: []*tuf.Root{root}}); err != nil {
			t.Fatal(err)
		}
	}
	rotate(root)
	thief := fixture.NewKey(t, keys.KeytypeEd25519, "thief")
	n.delegate(t, tuf.RoleTargets, stolen, delegation("targets/evil", thief, "*"))
	order := n.order(set("2.0", "two"))
	r, _, err := c.PrepareRequest(t.Context(), order)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Inherited(); len(got) != 0 {
		t.Errorf("while the stolen key counted: %v", got)
	}
	if r, err = r.Sign(stays); err != nil {
		t.Fatal(err)
	}
	rotate(n.app.RotateRoot(3, nil, []*fixture.Key{stays}))
	_, _, err = c.SubmitRequest(t.Context(), r, "", submitter{stays}, change.Adoption{})
	if got := names(err); got != "targets/evil 1.0 latest" {
		t.Fatalf("must be named: %s", got)
	}
	if tx, _, err := c.SubmitRequest(t.Context(), r, "", submitter{stays}, all(err)); err != nil || tx == nil {
		t.Errorf("with all named: %v", err)
	}
	// It is there then, whoever submits it again.
	op := n.chain.Operators[1]
	if tx, _, err := c.SubmitRequest(t.Context(), r, op.ID, submitter{op.Governance}, change.Adoption{}); err != nil || tx != nil {
		t.Errorf("submitted again: %v, %v", tx, err)
	}
}

// Test the files of delegated roles: with tags or with delegations only, after the
// delegator gave the role other keys, and below a delegator that is not signed by its
// own keys.
func TestDelegatedRoleInheritsNothing(t *testing.T) {
	n := newNetwork(t, 1)
	stolen, fresh := fixture.NewKey(t, keys.KeytypeEd25519, "stolen"), fixture.NewKey(t, keys.KeytypeEd25519, "fresh")
	thief, tagging := fixture.NewKey(t, keys.KeytypeEd25519, "thief"), n.app.TaggingKeys[0]
	c := n.client()
	n.delegate(t, tuf.RoleTargets, tagging, delegation("targets/ci", stolen, "ci-*"))
	// A file with delegations and no tag.
	n.delegate(t, "targets/ci", stolen, delegation("targets/evil", thief, "*"))
	n.delegate(t, tuf.RoleTargets, tagging, delegation("targets/ci", fresh, "ci-*"))
	order := n.order(set("ci-1", "one"))
	order.Role, order.Signers, order.Submitter = "targets/ci", []tuf.Signer{fresh}, submitter{fresh}
	_, err := c.Publish(t.Context(), order)
	if got := names(err); got != "targets/evil" {
		t.Fatalf("must be decided: %s", got)
	}
	order.Adoption = all(err)
	if _, err := c.Publish(t.Context(), order); err != nil {
		t.Fatal(err)
	}

	// The stolen tagging key gives ci another key, which publishes; nothing there is
	// taken over while targets itself is not signed by who may.
	n.delegate(t, tuf.RoleTargets, tagging, delegation("targets/ci", thief, "*"))
	order = n.order(set("ci-2", "evil"))
	order.Role, order.Signers, order.Submitter = "targets/ci", []tuf.Signer{thief}, submitter{thief}
	order.Adoption = change.Adoption{DropRest: true}
	if _, err := c.Publish(t.Context(), order); err != nil {
		t.Fatal(err)
	}
	root := n.app.RotateRoot(2, nil, []*fixture.Key{fixture.NewKey(t, keys.KeytypeEd25519, "second tagging")})
	if _, _, err := c.PublishFiles(t.Context(), "", submitter{n.app.RootKeys[0]}, change.Update{Roots: []*tuf.Root{root}}); err != nil {
		t.Fatal(err)
	}
	order.Changes, order.Signers, order.Submitter = []change.TagChange{set("ci-3", "three")}, []tuf.Signer{fresh}, submitter{fresh}
	for _, a := range []change.Adoption{{}, {DropRest: true}} {
		order.Adoption = a
		_, _, err = c.PrepareRequest(t.Context(), order)
		var open *change.NotAdoptedError
		if !errors.As(err, &open) || open.Inherited[0].Role != tuf.RoleTargets || open.Inherited[0].Above != "targets/ci" {
			t.Errorf("below what the stolen key delegated: %v", err)
		}
	}
	// The owner gives ci back to its key, and to nobody else. It was removed meanwhile, so
	// nothing of what the thief published there is left to decide about.
	owner := n.order()
	owner.Signers, owner.Submitter = []tuf.Signer{n.app.TaggingKeys[0]}, submitter{n.app.TaggingKeys[0]}
	owner.Adoption = change.Adoption{DropRest: true}
	if _, err := c.Publish(t.Context(), owner); err != nil {
		t.Fatal(err)
	}
	n.delegate(t, tuf.RoleTargets, n.app.TaggingKeys[0], delegation("targets/ci", fresh, "ci-*"))
	order.Adoption = change.Adoption{}
	done, err := c.Publish(t.Context(), order)
	if err != nil || len(done.Files[0].Targets) != 1 || done.Files[0].Targets[0].Tag.String() != "ci-3" {
		t.Errorf("published %+v, %v", done, err)
	}
	if _, _, _, err := c.Resolve(t.Context(), ref(app+":ci-2")); !errors.Is(err, bundle.ErrNotEffective) {
		t.Errorf("what the thief published: %v", err)
	}
}

// Test what an adoption may and may not say.
func TestAdoption(t *testing.T) {
	thief := fixture.NewKey(t, keys.KeytypeEd25519, "thief")
	h := steal(t, []change.TagChange{set("a", "a"), set("b", "b"), withdraw("1.0"), withdraw("latest")}, delegation("targets/evil", thief, "*"))
	a := change.Item{Name: "a", Digest: fixture.Digest("a"), Size: 1}
	evil := h.before.Targets.Delegations.Roles[0]
	role := change.Item{Name: evil.Name, Digest: change.DelegationDigest(h.before.Targets, evil)}
	for _, tc := range []struct {
		name     string
		adoption change.Adoption
		left     string // what must still be decided
		want     string // what the file says then
	}{
		{"all", change.Adoption{Adopt: []change.Item{a, role}, Drop: []string{"b"}}, "", "targets/evil a"},
		{"rest dropped", change.Adoption{Adopt: []change.Item{a}, DropRest: true}, "", "a"},
		{"all dropped", change.Adoption{DropRest: true}, "", ""},
		{"one left", change.Adoption{Adopt: []change.Item{a}, Drop: []string{"targets/evil"}}, "b", ""},
		{"a misspelt one dropped", change.Adoption{Adopt: []change.Item{a, role}, Drop: []string{"B"}}, "targets/evil a b", ""},
		{"one adopted that is not there", change.Adoption{Adopt: []change.Item{{Name: "c", Digest: a.Digest}}, DropRest: true}, "targets/evil a b", ""},
		{"another digest", change.Adoption{Adopt: []change.Item{{Name: "b", Digest: a.Digest}}, DropRest: true}, "b", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			next, err := change.NextUnder(h.root, h.before.Targets, tc.adoption, h.app.Expires)
			if tc.left != "" {
				if got := names(err); got != tc.left {
					t.Errorf("left is %s, want %s", got, tc.left)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			if next.Delegations != nil {
				for _, r := range next.Delegations.Roles {
					got = append(got, r.Name)
				}
			}
			for _, target := range next.Targets {
				got = append(got, target.Tag.String())
			}
			if text := strings.Join(got, " "); text != tc.want || next.Version != h.before.TargetsVersion+1 {
				t.Errorf("version %d says %s, want %s", next.Version, text, tc.want)
			}
		})
	}
	// Where the file is signed by who may, there is nothing to leave out.
	if _, err := change.NextUnder(h.before.Root, h.before.Targets, change.Adoption{DropRest: true}, h.app.Expires); !errors.Is(err, change.ErrNothingInherited) {
		t.Errorf("nothing inherited: %v", err)
	}
	order := h.order(set("c", "c"))
	order.Signers, order.Submitter = []tuf.Signer{h.stolen}, submitter{h.stolen}
	for name, a := range map[string]change.Adoption{"drop": {Drop: []string{"a"}}, "drop the rest": {DropRest: true}} {
		if order.Adoption = a; true {
			if _, err := h.c.Publish(t.Context(), order); !errors.Is(err, change.ErrNothingInherited) {
				t.Errorf("%s of what is there rightly: %v", name, err)
			}
		}
	}
}

// Test that the digest of a delegation is another one for other keys, another
// threshold, other paths, and a terminating role.
func TestDelegationDigest(t *testing.T) {
	n := newNetwork(t, 1)
	one, two := fixture.NewKey(t, keys.KeytypeEd25519, "one"), fixture.NewKey(t, keys.KeytypeEd25519, "two")
	base := fixture.Delegation{Role: "targets/ci", Keys: []*fixture.Key{one, two}, Threshold: 1, Paths: []string{"a"}}
	seen := make(map[reference.Digest]string)
	for name, edit := range map[string]func(d *fixture.Delegation){
		"base":        func(*fixture.Delegation) {},
		"name":        func(d *fixture.Delegation) { d.Role = "targets/cd" },
		"keys":        func(d *fixture.Delegation) { d.Keys = d.Keys[:1] },
		"threshold":   func(d *fixture.Delegation) { d.Threshold = 2 },
		"paths":       func(d *fixture.Delegation) { d.Paths = []string{"*"} },
		"terminating": func(d *fixture.Delegation) { d.Terminating = true },
	} {
		d := base
		edit(&d)
		file := n.app.RoleFile(tuf.RoleTargets, 1, nil, fixture.Delegate(d, fixture.Delegation{Role: "targets/z", Keys: []*fixture.Key{two}, Threshold: 1, Paths: []string{"z"}}), one)
		digest := change.DelegationDigest(file, file.Delegations.Roles[0])
		if other, ok := seen[digest]; ok {
			t.Errorf("%s and %s have one digest", name, other)
		}
		seen[digest] = name
		alone := n.app.RoleFile(tuf.RoleTargets, 7, fixture.Tags{"x": "x"}, fixture.Delegate(d), one)
		if change.DelegationDigest(alone, alone.Delegations.Roles[0]) != digest {
			t.Errorf("%s: what else the file says changes the digest", name)
		}
	}
}

// Test the text form of items.
func TestParseAdoption(t *testing.T) {
	digest := fixture.Digest("one").String()
	for _, tc := range []struct {
		adopt, drop []string
		ok          bool
	}{
		{[]string{"v1@" + digest, "targets/ci@" + digest}, []string{"v2", "targets/docs"}, true},
		{nil, nil, true},
		{[]string{"v1"}, nil, false},
		{[]string{"v1@sha256:ab"}, nil, false},
		{[]string{"@" + digest}, nil, false},
		{[]string{"targets/@" + digest}, nil, false},
		{nil, []string{"a/b"}, false},
		{nil, []string{""}, false},
		{[]string{"v1@" + digest}, []string{"v1"}, false},
	} {
		a, err := change.ParseAdoption(tc.adopt, tc.drop, false)
		if (err == nil) != tc.ok {
			t.Errorf("%v, %v: %v", tc.adopt, tc.drop, err)
		}
		for i, item := range a.Adopt {
			if tc.ok && item.String() != tc.adopt[i] {
				t.Errorf("%s became %s", tc.adopt[i], item)
			}
		}
	}
}
