package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"hullmark/bundle"
	"hullmark/bundle/bundletest"
	"hullmark/client"
	"hullmark/internal/fixture"
	"hullmark/merkle"
	"hullmark/proto"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// delegateTo has app delegate to n roles, targets/r0 with the tag r0 of the manifest r0
// and so on.
func (n *network) delegateTo(roles int) {
	var to []fixture.Delegation
	var files []*tuf.Targets
	for i := range roles {
		role, key := fmt.Sprintf("targets/r%d", i), fixture.NewKey(n.tb, "ed25519", fmt.Sprintf("r%d", i))
		to = append(to, fixture.Delegation{Role: role, Keys: []*fixture.Key{key}, Paths: []string{"r*"}})
		files = append(files, n.app.RoleFile(role, 1, fixture.Tags{role[len("targets/"):]: role[len("targets/"):]}, nil, key))
	}
	top := n.app.RoleFile(tuf.RoleTargets, 3, fixture.Tags{"1.0": "one", "latest": "two"}, fixture.Delegate(to...), n.app.TaggingKeys...)
	n.commit(n.chain.Relay(n.chain.Operators[1], fixture.Update{Targets: top, Delegated: files}))
	n.commit()
}

// TestListedByLeftOutRole: a node that leaves out the file of the role that lists a
// digest proves no "no". The next node is asked.
func TestListedByLeftOutRole(t *testing.T) {
	n := newNetwork(t, 2)
	n.delegateTo(2)
	req := ref(app + "@" + fixture.Digest("r1").String())
	c := n.client()
	nodes := n.inOrder(c, req.String())
	nodes[0].lie(n.twists(func(b *proto.Bundle) { b.Targets = b.GetTargets()[:1] }))
	result, _, warnings, err := c.Resolve(t.Context(), req)
	if err != nil || result.Role != "targets/r1" {
		t.Fatalf("%+v, %v", result, err)
	}
	if len(warnings) != 1 || warnings[0].Class != bundle.Attack || !errors.Is(warnings[0].Err, bundle.ErrTargets) {
		t.Errorf("warnings %v", warnings)
	}
	// Among such nodes alone there is no verdict.
	nodes[1].lie(n.twists(func(b *proto.Bundle) { b.Targets = b.GetTargets()[:1] }))
	if _, _, _, err := c.Resolve(t.Context(), req); bundle.ClassOf(err) != bundle.Attack {
		t.Errorf("error %v", err)
	}
}

// largeFiles returns the newest state in which app's files are so large that three do not
// fit into an answer.
func (n *network) largeFiles() *bundletest.Source {
	n.tb.Helper()
	key := record.RepositoryKey(n.app.Repository)
	repo, err := record.DecodeRepository(n.chain.Newest().Value(key))
	if err != nil {
		n.tb.Fatal(err)
	}
	for i := range repo.Roles {
		repo.Roles[i].FileSize = bundle.MaxTargetsBytes / 3
	}
	return n.chain.Doctored(n.chain.Height()-1, nil, merkle.Change{Key: key, Value: repo.Encode()})
}

// TestBundleLeftOut: a node that leaves out a file of an answer which is to go into a file,
// and says that there is no room for it, is not the last that is asked.
func TestBundleLeftOut(t *testing.T) {
	n := newNetwork(t, 2)
	n.delegateTo(4)
	source := n.largeFiles()
	sends := func(most int) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			q, k, _ := question(r)
			n.do(func(*bundletest.Chain) {
				b := source.BundleFor(q, k)
				b.Targets = b.GetTargets()[:min(len(b.GetTargets()), most)]
				send(w, b)
			})
			return true
		}
	}
	about := reference.MustParseReference(app + "@" + fixture.Digest("r1").String())
	c := n.client()
	nodes := n.inOrder(c, about.String())
	nodes[0].lie(sends(1))
	nodes[1].lie(sends(2))
	entries, warnings, err := c.Bundle(t.Context(), about)
	if err != nil || len(entries) != 1 || len(warnings) != 1 || warnings[0].Node != nodes[0].URL {
		t.Errorf("%d bundles, warnings %v, error %v", len(entries), warnings, err)
	}
}

// TestFilesInPortions: a client asks on until it has the files of all roles, and gives
// up a node that sends no more than it has.
func TestFilesInPortions(t *testing.T) {
	n := newNetwork(t, 2)
	n.delegateTo(4)
	source := n.largeFiles()
	portions := func(more int) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			q, k, ok := question(r)
			if !ok {
				t.Errorf("asked %s", r.URL)
				return false
			}
			n.do(func(*bundletest.Chain) {
				b := source.BundleFor(q, k)
				held := len(r.URL.Query()["held"])
				b.Targets = b.GetTargets()[:min(len(b.GetTargets()), max(held+more, 1))]
				send(w, b)
			})
			return true
		}
	}
	req := ref(app + "@" + fixture.Digest("gone").String())
	for _, nd := range n.nodes {
		nd.lie(portions(2))
	}
	c := n.client()
	if _, _, warnings, err := c.Resolve(t.Context(), req); !errors.Is(err, bundle.ErrNotListed) || len(warnings) > 0 {
		t.Errorf("error %v, warnings %v", err, warnings)
	}
	c = n.client()
	nodes := n.inOrder(c, req.String())
	nodes[0].lie(portions(0))
	_, _, warnings, err := c.Resolve(t.Context(), req)
	if !errors.Is(err, bundle.ErrNotListed) || len(warnings) != 1 || !errors.Is(warnings[0].Err, client.ErrResponse) {
		t.Errorf("error %v, warnings %v", err, warnings)
	}
	if got := len(nodes[1].seen()); got == 0 || !slices.ContainsFunc(nodes[1].seen(), func(s string) bool { return len(s) > 0 }) {
		t.Errorf("%d requests to the second node", got)
	}
}
