package client_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"hullmark/change"
	"hullmark/client"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/tuf"
)

// delegation returns the change that makes a role.
func delegation(name string, signer *fixture.Key, paths ...string) change.DelegationChange {
	id := signer.PublicKey().ID()
	return change.DelegationChange{
		Role: tuf.DelegatedRole{Name: name, Role: tuf.Role{KeyIDs: []keys.ID{id}, Threshold: 1}, Paths: paths},
		Keys: []keys.PublicKey{signer.PublicKey()},
	}
}

// delegate publishes changes of what a role of the repository app delegates, one
// after the other.
func (n *network) delegate(t *testing.T, from string, signer *fixture.Key, changes ...change.DelegationChange) {
	t.Helper()
	c := n.client()
	for _, d := range changes {
		current, _, err := c.Role(t.Context(), n.app.Repository, from)
		if err != nil {
			t.Fatal(err)
		}
		next, err := change.NextDelegator(client.CurrentOf(current), from, d, change.Adoption{}, n.now().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		if next, err = next.Sign(signer); err != nil {
			t.Fatal(err)
		}
		u := change.Update{Roles: []*tuf.Targets{next}}
		if stored := current.Files[from]; stored != nil {
			u.Stored = []*tuf.Targets{stored}
		}
		if _, _, err := c.PublishFiles(t.Context(), "", submitter{signer}, u); err != nil {
			t.Fatal(err)
		}
	}
}

// Test publishing in delegated roles, from the first file on, by one role below
// another, and after others were first.
func TestPublishRole(t *testing.T) {
	n := newNetwork(t, 1)
	ci, build := fixture.NewKey(t, keys.KeytypeEd25519, "ci"), fixture.NewKey(t, keys.KeytypeEd25519, "build")
	n.delegate(t, tuf.RoleTargets, n.app.TaggingKeys[0], delegation("targets/ci", ci, "ci-*"))
	n.delegate(t, "targets/ci", ci, delegation("targets/build", build, "ci-build-*"))
	c := n.client()
	order := func(role string, signer *fixture.Key, changes ...change.TagChange) client.Publication {
		p := n.order(changes...)
		p.Role, p.Signers, p.Submitter = role, []tuf.Signer{signer}, submitter{signer}
		return p
	}
	for _, step := range []struct {
		order   client.Publication
		version uint64
		changed bool
	}{
		{order("targets/build", build, set("ci-build-1", "one")), 1, true},
		{order("targets/ci", ci, set("ci-1", "one")), 2, true}, // version 1 delegates
		{order("targets/ci", ci, set("ci-1", "one")), 2, false},
		{order("targets/build", build, set("ci-build-1", "two"), set("ci-build-2", "two")), 2, true},
		{order("targets/build", build, withdraw("ci-build-2")), 3, true},
		{order("targets/ci", ci), 3, true},
	} {
		done, err := c.Publish(t.Context(), step.order)
		if err != nil {
			t.Fatalf("%s: %v", step.order, err)
		}
		file := done.Files[0]
		if file.Binding.Role != step.order.Role || file.Version != step.version || (done.Transaction != nil) != step.changed {
			t.Errorf("%s: version %d of %s, transaction %v", step.order, file.Version, file.Binding.Role, done.Transaction)
		}
	}
	for tag, role := range map[string]string{"ci-build-1": "targets/build", "ci-1": "targets/ci"} {
		r, _, _, err := c.Resolve(t.Context(), ref(n.app.Repository.String()+":"+tag))
		if err != nil || r.Role != role {
			t.Errorf("%s: %v", tag, err)
		}
	}

	// A request takes along who signs, and is stored once it was submitted.
	r, _, err := c.PrepareRequest(t.Context(), order("targets/build", build, set("ci-build-3", "three")))
	if err != nil {
		t.Fatal(err)
	}
	if duties, err := r.Duties(); err != nil || len(duties) != 1 || duties[0].Delegator != "targets/ci" || duties[0].Met() {
		t.Errorf("duties %v, %v", duties, err)
	}
	if r, err = r.Sign(build); err != nil {
		t.Fatal(err)
	}
	if tx, _, err := c.SubmitRequest(t.Context(), r, "", submitter{build}, change.Adoption{}); err != nil || tx == nil {
		t.Fatalf("submitting: %v, %v", tx, err)
	}
	// Another transaction with the same file: a success that did nothing.
	op := n.chain.Operators[0]
	if tx, _, err := c.SubmitRequest(t.Context(), r, op.ID, submitter{op.Governance}, change.Adoption{}); err != nil || tx != nil {
		t.Errorf("submitting again: %v, %v", tx, err)
	}

	if _, err := c.Publish(t.Context(), order("targets/docs", ci, set("ci-1", "one"))); !errors.Is(err, change.ErrNotDelegated) {
		t.Errorf("a role that nobody knows: %v", err)
	}
}

// Test that the tags of a role whose keys were replaced are signed anew only by who
// says so, and that a role that was removed takes nothing.
func TestPublishOrphanedRole(t *testing.T) {
	n := newNetwork(t, 1)
	stolen, fresh, tagging := fixture.NewKey(t, keys.KeytypeEd25519, "stolen"), fixture.NewKey(t, keys.KeytypeEd25519, "fresh"), n.app.TaggingKeys[0]
	n.delegate(t, tuf.RoleTargets, tagging, delegation("targets/ci", stolen, "ci-*"))
	c := n.client()
	order := n.order(set("ci-1", "evil"))
	order.Role, order.Signers, order.Submitter = "targets/ci", []tuf.Signer{stolen}, submitter{stolen}
	if _, err := c.Publish(t.Context(), order); err != nil {
		t.Fatal(err)
	}
	n.delegate(t, tuf.RoleTargets, tagging, delegation("targets/ci", fresh, "ci-*"))
	order.Changes, order.Signers, order.Submitter = []change.TagChange{set("ci-2", "two")}, []tuf.Signer{fresh}, submitter{fresh}
	if _, err := c.Publish(t.Context(), order); !errors.Is(err, change.ErrNotAdopted) {
		t.Errorf("without adopting: %v", err)
	}
	order.Adoption = change.Adoption{DropRest: true}
	if _, err := c.Publish(t.Context(), order); err != nil {
		t.Error(err)
	}
	n.delegate(t, tuf.RoleTargets, tagging, change.DelegationChange{Role: tuf.DelegatedRole{Name: "targets/ci"}, Remove: true})
	order.Changes = []change.TagChange{set("ci-3", "three")}
	if _, err := c.Publish(t.Context(), order); !errors.Is(err, change.ErrNotDelegated) {
		t.Errorf("a role that was removed: %v", err)
	}
}

// Test what changes make of a list of delegations.
func TestNextDelegator(t *testing.T) {
	n := newNetwork(t, 1)
	one, two := fixture.NewKey(t, keys.KeytypeEd25519, "one"), fixture.NewKey(t, keys.KeytypeEd25519, "two")
	n.delegate(t, tuf.RoleTargets, n.app.TaggingKeys[0],
		delegation("targets/a", one, "a-*"), delegation("targets/b", two, "b-*"), delegation("targets/c", one, "c-*"))
	current, _, err := n.client().Repository(t.Context(), n.app.Repository)
	if err != nil {
		t.Fatal(err)
	}
	before := func(c change.DelegationChange, other string) change.DelegationChange {
		c.Before = other
		return c
	}
	remove := func(name string) change.DelegationChange {
		return change.DelegationChange{Role: tuf.DelegatedRole{Name: name}, Remove: true}
	}
	for _, tc := range []struct {
		name   string
		change change.DelegationChange
		want   string // roles in order with paths, and the number of keys
		err    error
	}{
		{"new last", delegation("targets/d", two, "d-*"), "a:a-* b:b-* c:c-* d:d-* 2", nil},
		{"new first", before(delegation("targets/d", two, "d-*"), "targets/a"), "d:d-* a:a-* b:b-* c:c-* 2", nil},
		{"changed in place", delegation("targets/b", two, "x"), "a:a-* b:x c:c-* 2", nil},
		{"keys replaced", delegation("targets/b", one, "b-*"), "a:a-* b:b-* c:c-* 1", nil},
		{"moved forward", before(delegation("targets/c", one, "c-*"), "targets/a"), "c:c-* a:a-* b:b-* 2", nil},
		{"moved back", before(delegation("targets/a", one, "a-*"), "targets/c"), "b:b-* a:a-* c:c-* 2", nil},
		{"before itself", before(delegation("targets/b", two, "x"), "targets/b"), "a:a-* b:x c:c-* 2", nil},
		{"removed with its key", remove("targets/b"), "a:a-* c:c-* 1", nil},
		{"removed", remove("targets/a"), "b:b-* c:c-* 2", nil},
		{"remove nothing", remove("targets/d"), "", change.ErrNotDelegated},
		{"before nothing", before(delegation("targets/a", one, "a-*"), "targets/d"), "", change.ErrNotDelegated},
		{"to targets", delegation("targets", one, "*"), "", tuf.ErrRole},
		{"bad path", delegation("targets/d", one, "a/b"), "", tuf.ErrPath},
		{"no path", delegation("targets/d", one), "", tuf.ErrPath},
	} {
		t.Run(tc.name, func(t *testing.T) {
			next, err := change.NextDelegator(client.CurrentOf(current), tuf.RoleTargets, tc.change, change.Adoption{}, n.now().Add(time.Hour))
			if !errors.Is(err, tc.err) {
				t.Fatalf("error %v, want %v", err, tc.err)
			}
			if err != nil {
				return
			}
			var got []string
			for _, r := range next.Delegations.Roles {
				got = append(got, strings.TrimPrefix(r.Name, "targets/")+":"+strings.Join(r.Paths, ","))
			}
			got = append(got, string(rune('0'+len(next.Delegations.Keys))))
			if text := strings.Join(got, " "); text != tc.want {
				t.Errorf("%s, want %s", text, tc.want)
			}
			if next.Version != current.Targets.Version+1 || len(next.Targets) != len(current.Targets.Targets) {
				t.Errorf("version %d with %d tags", next.Version, len(next.Targets))
			}
		})
	}
	// The last one gone, nothing is delegated; and what was read is as it was.
	if got := len(current.Targets.Delegations.Roles); got != 3 {
		t.Errorf("the file in force has %d roles now", got)
	}
	for _, name := range []string{"targets/a", "targets/b"} {
		n.delegate(t, tuf.RoleTargets, n.app.TaggingKeys[0], remove(name))
	}
	if current, _, err = n.client().Repository(t.Context(), n.app.Repository); err != nil {
		t.Fatal(err)
	}
	next, err := change.NextDelegator(client.CurrentOf(current), tuf.RoleTargets, remove("targets/c"), change.Adoption{}, n.now().Add(time.Hour))
	if err != nil || next.Delegations != nil {
		t.Errorf("%v, %v", next, err)
	}
}
