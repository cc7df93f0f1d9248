package client_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"hullmark/change"
	"hullmark/client"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/tuf"
)

// powers returns what a history says of who may sign, a line for each record, oldest
// first.
func (n *network) powers(t *testing.T, named map[keys.ID]string, o client.HistoryOptions) []string {
	t.Helper()
	show := func(a *client.Authority) string {
		if a == nil {
			return "nobody"
		}
		var ids []string
		for _, id := range a.KeyIDs {
			ids = append(ids, named[id])
		}
		return strings.TrimSpace(strings.Join(ids, "+") + " " + strings.Join(a.Paths, ","))
	}
	h, _, err := n.client().History(t.Context(), n.app.Repository, o)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range slices.Backward(h.Records) {
		line := fmt.Sprint(r.Revision)
		for _, p := range r.Powers {
			before := show(p.Before)
			if p.Unknown {
				before = "?"
			}
			line += fmt.Sprintf("; %s: %s -> %s", strings.TrimPrefix(p.Role, "targets/"), before, show(p.After))
		}
		for role, names := range r.Order {
			line += fmt.Sprintf("; order of %s: %v", role, names)
		}
		for _, taken := range r.Takeovers {
			line += fmt.Sprintf("; %s takes over %v %v %t", taken.Role, taken.Delegations, taken.Tags, taken.TagsKnown)
		}
		out = append(out, line)
	}
	return out
}

// Test that a history shows each change of who may sign, with the keys before and
// after, and what new keys took over; whole, and from its middle.
func TestHistoryShowsPowers(t *testing.T) {
	n := newNetwork(t, 1)
	c, old := n.client(), n.app.TaggingKeys[0]
	ci, ci2, docs := fixture.NewKey(t, keys.KeytypeEd25519, "ci"), fixture.NewKey(t, keys.KeytypeEd25519, "ci2"), fixture.NewKey(t, keys.KeytypeEd25519, "docs")
	fresh := fixture.NewKey(t, keys.KeytypeEd25519, "fresh")
	named := map[keys.ID]string{n.app.RootKeys[0].ID(): "root", old.ID(): "old", ci.ID(): "ci", ci2.ID(): "ci2", docs.ID(): "docs", fresh.ID(): "fresh"}

	first := delegation("targets/docs", docs, "docs-*")
	first.Before = "targets/ci"
	n.delegate(t, tuf.RoleTargets, old,
		delegation("targets/ci", ci, "ci-*"), delegation("targets/docs", docs, "docs-*"), first,
		delegation("targets/ci", ci2, "ci-*", "rc-*"),
		change.DelegationChange{Role: tuf.DelegatedRole{Name: "targets/docs"}, Remove: true})
	if _, _, err := c.PublishFiles(t.Context(), "", submitter{n.app.RootKeys[0]}, change.Update{Roots: []*tuf.Root{n.app.RotateRoot(2, nil, []*fixture.Key{fresh})}}); err != nil {
		t.Fatal(err)
	}
	order := n.order(set("2.0", "two"))
	order.Adoption = change.Adoption{Adopt: []change.Item{{Name: "1.0", Digest: fixture.Digest("one")}}, DropRest: true}
	if current, _, err := c.Repository(t.Context(), n.app.Repository); err != nil {
		t.Fatal(err)
	} else {
		role := current.Targets.Delegations.Roles[0]
		order.Adoption.Adopt = append(order.Adoption.Adopt, change.Item{Name: role.Name, Digest: change.DelegationDigest(current.Targets, role)})
	}
	if _, err := c.Publish(t.Context(), order); err != nil {
		t.Fatal(err)
	}

	lines := func(o client.HistoryOptions) []string {
		t.Helper()
		return n.powers(t, named, o)
	}
	want := []string{
		"1; root: nobody -> root; targets: nobody -> old",
		"2", "3",
		"4; ci: nobody -> ci ci-*",
		"5; docs: nobody -> docs docs-*",
		"6; order of targets: [targets/docs targets/ci]",
		"7; ci: ci ci-* -> ci2 ci-*,rc-*",
		"8; docs: docs docs-* -> nobody",
		"9; targets: old -> fresh",
		"10; targets takes over [targets/ci] [1.0] true",
	}
	if got := lines(client.HistoryOptions{}); !slices.Equal(got, want) {
		t.Errorf("history is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	// What was before the oldest record at hand is not invented.
	for limit, want := range map[int][]string{
		1: {"10; ci: ? -> ci2 ci-*,rc-*"},
		2: {"9; root: ? -> root; targets: ? -> fresh", "10; ci: ? -> ci2 ci-*,rc-*"},
		4: {"7; docs: ? -> docs docs-*; ci: ? -> ci2 ci-*,rc-*", "8; docs: docs docs-* -> nobody", "9; root: ? -> root; targets: ? -> fresh", "10; targets takes over [targets/ci] [] false"},
	} {
		if got := lines(client.HistoryOptions{Limit: limit}); !slices.Equal(got, want) {
			t.Errorf("the newest %d are\n%s\nwant\n%s", limit, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// update publishes role files as they are.
func (n *network) update(t *testing.T, payer *fixture.Key, files ...*tuf.Targets) {
	t.Helper()
	if _, _, err := n.client().PublishFiles(t.Context(), "", submitter{payer}, change.Update{Roles: files}); err != nil {
		t.Fatal(err)
	}
}

// historyKeys are keys with names, those of the repository's roles among them.
func (n *network) historyKeys(t *testing.T, names ...string) (map[string]*fixture.Key, map[keys.ID]string) {
	t.Helper()
	list := map[string]*fixture.Key{"root": n.app.RootKeys[0], "old": n.app.TaggingKeys[0]}
	for _, name := range names {
		list[name] = fixture.NewKey(t, keys.KeytypeEd25519, name)
	}
	named := make(map[keys.ID]string)
	for name, key := range list {
		named[key.ID()] = name
	}
	return list, named
}

func (n *network) wantPowers(t *testing.T, named map[keys.ID]string, o client.HistoryOptions, want ...string) {
	t.Helper()
	if got := n.powers(t, named, o); !slices.Equal(got, want) {
		t.Errorf("history with %+v is\n%s\nwant\n%s", o, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Test that a role that was removed has nothing when it returns: what it delegates again
// is shown, and its first file takes nothing over. So it is when its removal and its
// return are in the middle of a history, and when a role above it was removed.
func TestHistoryOfReturnedRole(t *testing.T) {
	n := newNetwork(t, 1)
	k, named := n.historyKeys(t, "ci", "ci2", "evil", "lab")
	to := func(role, key, paths string) change.DelegationChange {
		return delegation("targets/"+role, k[key], paths)
	}
	away := change.DelegationChange{Role: tuf.DelegatedRole{Name: "targets/ci"}, Remove: true}
	n.delegate(t, tuf.RoleTargets, k["old"], to("ci", "ci", "ci-*"))
	n.delegate(t, "targets/ci", k["ci"], to("evil", "evil", "*"))
	n.delegate(t, "targets/evil", k["evil"], to("lab", "lab", "*"))
	order := n.order(set("ci-1", "one"))
	order.Role, order.Signers, order.Submitter = "targets/ci", []tuf.Signer{k["ci"]}, submitter{k["ci"]}
	if _, err := n.client().Publish(t.Context(), order); err != nil {
		t.Fatal(err)
	}
	n.delegate(t, tuf.RoleTargets, k["old"], away, to("ci", "ci2", "ci-*"))
	n.delegate(t, "targets/ci", k["ci2"], to("evil", "evil", "*"))
	n.delegate(t, "targets/evil", k["evil"], to("lab", "lab", "*"))
	want := []string{
		"1; root: nobody -> root; targets: nobody -> old", "2", "3",
		"4; ci: nobody -> ci ci-*",
		"5; evil: nobody -> evil *",
		"6; lab: nobody -> lab *",
		"7",
		"8; ci: ci ci-* -> nobody; evil: evil * -> nobody; lab: lab * -> nobody",
		"9; ci: nobody -> ci2 ci-*",
		"10; evil: nobody -> evil *",
		"11; lab: nobody -> lab *",
	}
	n.wantPowers(t, named, client.HistoryOptions{}, want...)
	// Without the file that named it before, a role may be new or taken from another.
	for limit, want := range map[int][]string{
		2: {"10; evil: ? -> evil *", "11; lab: ? -> lab *"},
		7: {
			"5; evil: ? -> evil *", "6; lab: ? -> lab *", "7", "8", "9; ci: nobody -> ci2 ci-*",
			"10; evil: ? -> evil *; targets/ci takes over [] [] false", "11; lab: ? -> lab *",
		},
	} {
		n.wantPowers(t, named, client.HistoryOptions{Limit: limit}, want...)
	}
}

// Test that a role that its delegator never stopped naming is shown when the delegator's
// file brings it back, after a role above took and dropped it.
func TestHistoryOfTakenAndDropped(t *testing.T) {
	n := newNetwork(t, 1)
	k, named := n.historyKeys(t, "p", "r", "s")
	to := func(role, key string) fixture.Delegation {
		return fixture.Delegation{Role: "targets/" + role, Keys: []*fixture.Key{k[key]}, Paths: []string{"*"}}
	}
	top := func(version uint64, to ...fixture.Delegation) {
		t.Helper()
		n.update(t, k["old"], n.app.RoleFile(tuf.RoleTargets, version, fixture.Tags{"1.0": "one"}, fixture.Delegate(to...), k["old"]))
	}
	p := func(version uint64, tags fixture.Tags, to ...fixture.Delegation) {
		t.Helper()
		n.update(t, k["p"], n.app.RoleFile("targets/p", version, tags, fixture.Delegate(to...), k["p"]))
	}
	top(3, to("p", "p"))
	p(1, nil, to("r", "r"))
	n.update(t, k["r"], n.app.RoleFile("targets/r", 1, fixture.Tags{"r-1": "one"}, nil, k["r"]))
	top(4, to("p", "p"), to("r", "s"))
	p(2, fixture.Tags{"x": "one"}, to("r", "r")) // it names a role that is not its own
	top(5, to("p", "p"))
	p(3, fixture.Tags{"x": "two"}, to("r", "r"))
	n.wantPowers(t, named, client.HistoryOptions{Limit: 7},
		"4; p: ? -> p *", "5; r: ? -> r *", "6", "7; r: r * -> s *", "8", "9; r: s * -> nobody", "10; r: nobody -> r *")
}

// Test that a record with several files hides no takeover: its key ids do not say whose
// signature stands in which file. Where it cannot matter, nothing is reported.
func TestHistoryUnsureSigners(t *testing.T) {
	for name, c := range map[string]struct {
		ci   []string // keys of the role whose file is in the thief's record too
		next []string // tagging keys from then on
		want string
	}{
		"a key of another role":     {[]string{"ci"}, []string{"ci"}, "targets takes over [targets/ci] [1.0] true"},
		"the same key":              {[]string{"ci"}, []string{"old"}, ""},
		"a key more":                {[]string{"ci"}, []string{"old", "ci"}, ""},
		"a key of both roles":       {[]string{"old"}, []string{"ci"}, "targets takes over [targets/ci] [1.0] true"},
		"a key of both roles, kept": {[]string{"old"}, []string{"old"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNetwork(t, 1)
			k, named := n.historyKeys(t, "ci")
			keysOf := func(names []string) (out []*fixture.Key) {
				for _, name := range names {
					out = append(out, k[name])
				}
				return out
			}
			to := fixture.Delegate(fixture.Delegation{Role: "targets/ci", Keys: keysOf(c.ci), Paths: []string{"ci-*"}})
			n.update(t, k["old"],
				n.app.RoleFile(tuf.RoleTargets, 3, fixture.Tags{"1.0": "one"}, to, k["old"]),
				n.app.RoleFile("targets/ci", 1, fixture.Tags{"ci-1": "one"}, nil, keysOf(c.ci)...))
			if _, _, err := n.client().PublishFiles(t.Context(), "", submitter{k["root"]}, change.Update{Roots: []*tuf.Root{n.app.RotateRoot(2, nil, keysOf(c.next))}}); err != nil {
				t.Fatal(err)
			}
			n.update(t, keysOf(c.next)[0], n.app.RoleFile(tuf.RoleTargets, 4, fixture.Tags{"1.0": "one"}, to, keysOf(c.next)...))
			got := n.powers(t, named, client.HistoryOptions{})
			want := "6"
			if c.want != "" {
				want += "; " + c.want
			}
			if got := got[len(got)-1]; got != want {
				t.Errorf("the last record says %q, want %q", got, want)
			}
		})
	}
}
