package client_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/cometbft/cometbft/types"

	"hullmark/abci"
	"hullmark/bundle/bundletest"
	"hullmark/client"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/tuf"
)

// chainBlocks gives a look-up the blocks of a chain.
type chainBlocks struct{ *bundletest.Chain }

func (c chainBlocks) Transactions(height uint64) (types.Txs, error) {
	return c.Chain.Transactions(height), nil
}

// Test that a history shows each change of who may sign, with the keys before and
// after, and what new keys took over; whole, and from its middle.
func TestHistoryShowsPowers(t *testing.T) {
	n := newNetwork(t, 1)
	lookup := abci.NewLookup(n.chain.StateMachine(), chainBlocks{n.chain}, nil)
	n.nodes[0].lie(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/v1/history" {
			return false
		}
		n.mu.Lock()
		defer n.mu.Unlock()
		m, err := lookup.Ask("history", r.URL.Query())
		if err != nil {
			fail(w, 400, "bad-request", err.Error(), 0)
			return true
		}
		send(w, m)
		return true
	})
	c, old := n.client(), n.app.TaggingKeys[0]
	ci, ci2, docs := fixture.NewKey(t, keys.KeytypeEd25519, "ci"), fixture.NewKey(t, keys.KeytypeEd25519, "ci2"), fixture.NewKey(t, keys.KeytypeEd25519, "docs")
	fresh := fixture.NewKey(t, keys.KeytypeEd25519, "fresh")
	named := map[keys.ID]string{n.app.RootKeys[0].ID(): "root", old.ID(): "old", ci.ID(): "ci", ci2.ID(): "ci2", docs.ID(): "docs", fresh.ID(): "fresh"}

	first := delegation("targets/docs", docs, "docs-*")
	first.Before = "targets/ci"
	n.delegate(t, tuf.RoleTargets, old,
		delegation("targets/ci", ci, "ci-*"), delegation("targets/docs", docs, "docs-*"), first,
		delegation("targets/ci", ci2, "ci-*", "rc-*"),
		client.DelegationChange{Role: tuf.DelegatedRole{Name: "targets/docs"}, Remove: true})
	if _, _, err := c.PublishFiles(t.Context(), "", submitter{n.app.RootKeys[0]}, client.Update{Roots: []*tuf.Root{n.app.RotateRoot(2, nil, []*fixture.Key{fresh})}}); err != nil {
		t.Fatal(err)
	}
	order := n.order(set("2.0", "two"))
	order.Adoption = client.Adoption{Adopt: []client.Item{{Name: "1.0", Digest: fixture.Digest("one")}}, DropRest: true}
	if current, _, err := c.Repository(t.Context(), n.app.Repository); err != nil {
		t.Fatal(err)
	} else {
		role := current.Targets.Delegations.Roles[0]
		order.Adoption.Adopt = append(order.Adoption.Adopt, client.Item{Name: role.Name, Digest: client.DelegationDigest(current.Targets, role)})
	}
	if _, err := c.Publish(t.Context(), order); err != nil {
		t.Fatal(err)
	}

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
	lines := func(o client.HistoryOptions) []string {
		t.Helper()
		h, _, err := c.History(t.Context(), n.app.Repository, o)
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
