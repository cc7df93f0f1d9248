package client_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hullmark/change"
	"hullmark/client"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/tuf"
)

// items returns what adopts the delegations of a file that are named.
func items(t *testing.T, file *tuf.Targets, roles ...string) []change.Item {
	t.Helper()
	var out []change.Item
	for _, name := range roles {
		role, ok := file.Delegation("targets/" + name)
		if !ok {
			t.Fatalf("there is no role %s", name)
		}
		out = append(out, change.Item{Name: role.Name, Digest: change.DelegationDigest(file, role)})
	}
	return out
}

// order returns the roles to which a file delegates.
func order(file *tuf.Targets) string {
	if file.Delegations == nil {
		return ""
	}
	var out []string
	for _, role := range file.Delegations.Roles {
		out = append(out, strings.TrimPrefix(role.Name, "targets/"))
	}
	return strings.Join(out, " ")
}

// Test that a thief who changes nothing but the precedence of two roles has won nothing
// when the owner adopts both by a list from before the theft.
func TestStolenOrder(t *testing.T) {
	rel, dev := fixture.NewKey(t, keys.KeytypeEd25519, "release"), fixture.NewKey(t, keys.KeytypeEd25519, "dev")
	release, swap := delegation("targets/release", rel, "v*"), delegation("targets/dev", dev, "*")
	release.Role.Terminating = true
	h := steal(t, []change.TagChange{withdraw("1.0"), withdraw("latest")}, release, delegation("targets/dev", dev, "*"))
	adoption := change.Adoption{Adopt: items(t, h.before.Targets, "release", "dev"), DropRest: true}
	swap.Before = "targets/release"
	h.delegate(t, tuf.RoleTargets, h.stolen, swap)
	swapped := h.state(t, tuf.RoleTargets).Targets
	if got := order(swapped); got != "dev release" {
		t.Fatalf("the thief's order is %s", got)
	}
	h.rotate(t)
	owner := h.order()
	owner.Signers, owner.Submitter = []tuf.Signer{h.fresh}, submitter{h.fresh}

	// The refusal shows the order that the file has.
	if _, err := h.c.Publish(t.Context(), owner); names(err) != "targets/dev targets/release" {
		t.Errorf("must be decided: %s", names(err))
	}
	// Whoever signs a request with the thief's order is told, too.
	next, err := change.NextTargets(swapped.Binding, swapped, nil, h.app.Expires)
	if err != nil {
		t.Fatal(err)
	}
	r, err := change.NewRequest(change.RequestPublish, h.root.Binding.Ledger, change.RequestPart{
		Repository: h.app.Repository, Root: h.root, Roles: []*tuf.Targets{swapped}, NewRoles: []*tuf.Targets{next},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := adoption.Check(r.Inherited()); names(err) != "targets/dev targets/release" || !strings.Contains(err.Error(), "targets/dev, targets/release") {
		t.Errorf("a request in another order: %v", err)
	}
	if err := (change.Adoption{Adopt: items(t, swapped, "dev", "release")}).Check(r.Inherited()); err != nil {
		t.Errorf("a request in the order that was named: %v", err)
	}

	owner.Adoption = adoption
	done, err := h.c.Publish(t.Context(), owner)
	if err != nil {
		t.Fatal(err)
	}
	if got := order(done.Files[0]); got != "release dev" {
		t.Errorf("the owner signs %s", got)
	}
	evil := h.order(set("v9", "evil"))
	evil.Role, evil.Signers, evil.Submitter = "targets/dev", []tuf.Signer{dev}, submitter{dev}
	if _, err := h.c.Publish(t.Context(), evil); err == nil {
		t.Error("dev sets a tag that is release's alone")
	}
}

// Test the order of delegations that are adopted, dropped, or neither.
func TestAdoptionOrder(t *testing.T) {
	var list []change.DelegationChange
	for _, name := range []string{"a", "b", "c", "d"} {
		list = append(list, delegation("targets/"+name, fixture.NewKey(t, keys.KeytypeEd25519, name), name+"-*"))
	}
	h := steal(t, []change.TagChange{withdraw("1.0"), withdraw("latest")}, list...).rotate(t)
	file := h.before.Targets
	for _, tc := range []struct{ name, adopt, remove, want string }{
		{"as it is", "a b c d", "", "a b c d"},
		{"the first two", "b a c d", "", "b a c d"},
		{"the last two", "a b d c", "", "a b d c"},
		{"turned round", "d c b a", "", "d c b a"},
		{"some", "d b", "", "d b"},
		{"one", "c", "", "c"},
		{"twice", "b a b c d", "", "b a c d"},
		{"one removed that is not adopted", "d c a", "b", "d c a"},
		{"one removed that is adopted", "d c b a", "b", "d c a"},
		{"none", "", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := change.Adoption{Adopt: items(t, file, strings.Fields(tc.adopt)...), DropRest: true}
			next, err := change.NextUnder(h.root, file, a, h.app.Expires)
			if tc.remove != "" {
				next, err = change.NextDelegator(client.CurrentOf(h.state(t, tuf.RoleTargets)), tuf.RoleTargets,
					change.DelegationChange{Role: tuf.DelegatedRole{Name: "targets/" + tc.remove}, Remove: true}, a, h.app.Expires)
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, order(next)); diff != "" {
				t.Error(diff)
			}
		})
	}
	if got := order(file); got != "a b c d" {
		t.Errorf("the file that was adopted from delegates to %s", got)
	}
}

// Test that a request which was signed while a stolen key counted does not carry what
// that key had signed past an owner who removed the role and gave it back.
func TestRequestOfRemovedRole(t *testing.T) {
	for _, back := range []bool{true, false} {
		n := newNetwork(t, 1)
		stays, stolen := fixture.NewKey(t, keys.KeytypeEd25519, "stays"), fixture.NewKey(t, keys.KeytypeEd25519, "stolen")
		thief, tagging := fixture.NewKey(t, keys.KeytypeEd25519, "thief"), n.app.TaggingKeys[0]
		c := n.client()
		ci := delegation("targets/ci", stays, "ci-*")
		both := delegation("targets/ci", stays, "ci-*")
		both.Role.KeyIDs, both.Keys = append(both.Role.KeyIDs, stolen.ID()), append(both.Keys, stolen.PublicKey())
		n.delegate(t, tuf.RoleTargets, tagging, both)
		n.delegate(t, "targets/ci", stolen, delegation("targets/evil", thief, "*"))
		order := n.order(set("ci-1", "one"))
		order.Role = "targets/ci"
		prepare := func() *change.Request {
			t.Helper()
			r, _, err := c.PrepareRequest(t.Context(), order)
			if err != nil {
				t.Fatal(err)
			}
			if r, err = r.Sign(stays); err != nil {
				t.Fatal(err)
			}
			return r
		}
		early := prepare()
		if got := early.Inherited(); len(got) != 0 {
			t.Errorf("while the stolen key counted: %v", got)
		}
		n.delegate(t, tuf.RoleTargets, tagging, change.DelegationChange{Role: ci.Role, Remove: true})
		if back {
			n.delegate(t, tuf.RoleTargets, tagging, ci)
		}
		_, _, err := c.SubmitRequest(t.Context(), early, "", submitter{tagging}, change.Adoption{})
		if got := names(err); got != "targets/evil" {
			t.Errorf("given back %t: must be named: %s", back, got)
		}
		if !back {
			continue
		}
		// A first file of the returned role follows version 1 and takes nothing over. Whoever
		// signs the request cannot know that and sees all of it; then it is submitted.
		late := prepare()
		shown := late.Inherited()
		if len(shown) != 1 || len(shown[0].Items) != 1 || shown[0].Items[0].Name != "ci-1" {
			t.Errorf("the first file of a returned role is shown as %+v", shown)
		}
		if tx, _, err := c.SubmitRequest(t.Context(), late, "", submitter{tagging}, change.Adoption{}); err != nil || tx == nil {
			t.Errorf("a file that takes nothing over: %v", err)
		}
	}
}

// Test which orders of names a request with certain delegations is signed for.
func TestCheckOrder(t *testing.T) {
	role := func(name string) change.Item {
		return change.Item{Name: name, Digest: fixture.Digest(name), Delegation: &tuf.DelegatedRole{Name: name}}
	}
	tag := func(name string) change.Item { return change.Item{Name: name, Digest: fixture.Digest(name)} }
	x, y, v, w := role("targets/x"), role("targets/y"), tag("v"), tag("w")
	one := []change.Inherited{{Role: "targets", Items: []change.Item{x, y, v, w}}}
	two := append(one, change.Inherited{Role: "targets", Items: []change.Item{y, x}})
	for _, tc := range []struct {
		name      string
		inherited []change.Inherited
		adopt     []change.Item
		ok        bool
	}{
		{"as listed", one, []change.Item{x, y, v, w}, true},
		{"tags have no order", one, []change.Item{w, x, v, y}, true},
		{"another order", one, []change.Item{y, x, v, w}, false},
		{"two repositories as listed", two, []change.Item{x, y, v, w, y, x}, true},
		{"two repositories in one order", two, []change.Item{x, y, v, w}, false},
		{"nothing inherited", nil, []change.Item{y, x}, true},
	} {
		err := change.Adoption{Adopt: tc.adopt}.Check(tc.inherited)
		if (err == nil) != tc.ok || err != nil && !errors.Is(err, change.ErrNotAdopted) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}
