package abci

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	cmtabci "github.com/cometbft/cometbft/abci/types"
	dbm "github.com/cosmos/cosmos-db"

	"hullmark/bundle"
	"hullmark/bundle/bundletest"
	"hullmark/internal/fixture"
	"hullmark/lookup"
	"hullmark/merkle/store"
	"hullmark/query"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

func (n *node) query(path, data string) *cmtabci.ResponseQuery {
	n.t.Helper()
	r, err := n.app.Query(context.Background(), &cmtabci.RequestQuery{Path: path, Data: []byte(data)})
	if err != nil {
		n.t.Fatalf("Query: %v", err)
	}
	return r
}

// verify answers a request by a bundle of this node.
func (n *node) verify(encoded []byte, req query.Resolve) (*bundle.Result, error) {
	n.t.Helper()
	b, err := bundle.Decode(encoded)
	if err != nil {
		return nil, err
	}
	r, _, err := bundle.Verify(b, req, n.memory(), n.now(), bundle.DefaultPolicy())
	return r, err
}

// TestQueryAnswers asks every kind of question over ABCI and verifies the answer.
func TestQueryAnswers(t *testing.T) {
	p := newPublished(t, newNode(t, fixture.NewConsortium(t, 4)))
	p.next(p.app.Publish(2, fixture.Tags{"1.0": "one", "gone": "x"}))
	p.next(p.app.Publish(3, fixture.Tags{"1.0": "one"}))
	p.next()
	digest := fixture.Digest("one")
	image := func(d reference.Digest) string {
		return url.Values{"digest": {d.String()}, "repository": {appName}}.Encode()
	}
	resolve := func(ref string) string { return url.Values{"ref": {ref}}.Encode() }
	tests := []struct {
		name, path, data string
		req              query.Resolve
		want             error
	}{
		{"tag", "/v1/resolve", resolve(appName + ":1.0"), bundletest.Request(appName + ":1.0"), nil},
		{"tag and digest", "/v1/resolve", resolve(appName + ":1.0@" + digest.String()), bundletest.Request(appName + ":1.0@" + digest.String()), nil},
		{"tag and another digest", "/v1/resolve", resolve(appName + ":1.0@" + fixture.Digest("x").String()), bundletest.Request(appName + ":1.0@" + fixture.Digest("x").String()), bundle.ErrDifferentDigest},
		{"withdrawn tag", "/v1/resolve", resolve(appName + ":gone"), bundletest.Request(appName + ":gone"), bundle.ErrWithdrawn},
		{"absent tag", "/v1/resolve", resolve(appName + ":never"), bundletest.Request(appName + ":never"), bundle.ErrAbsentTag},
		{"absent repository", "/v1/resolve", resolve("registry.example.com/none:1"), bundletest.Request("registry.example.com/none:1"), bundle.ErrUnknownRepository},
		{"digest", "/v1/image", image(digest), query.Resolve{Repository: p.app.Repository, Digest: digest}, nil},
		{"absent digest", "/v1/image", image(fixture.Digest("none")), query.Resolve{Repository: p.app.Repository, Digest: fixture.Digest("none")}, bundle.ErrAbsentImage},
		{"repository", "/v1/repository", url.Values{"name": {appName}}.Encode(), bundletest.RepositoryRequest(appName), nil},
		{"ledger assurance", "/v1/resolve", resolve(appName+":1.0") + "&assurance=ledger", func() query.Resolve {
			r := bundletest.Request(appName + ":1.0")
			r.Assurance = query.LedgerAssurance
			return r
		}(), nil},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			r := p.query(tc.path, tc.data)
			if r.Code != 0 || string(r.Key) != tc.data || r.Height != int64(p.blocks.Tip()-1) || r.ProofOps != nil {
				t.Fatalf("answer %d %q, key %q, height %d", r.Code, r.Log, r.Key, r.Height)
			}
			result, err := p.verify(r.Value, tc.req)
			if !errors.Is(err, tc.want) || tc.want == nil && err != nil {
				t.Fatalf("verdict %v, want %v", err, tc.want)
			}
			if err == nil && result.StateHeight != p.blocks.Tip()-1 {
				t.Errorf("state of height %d", result.StateHeight)
			}
		})
	}
}

func TestQueryRefuses(t *testing.T) {
	p := newPublished(t, newNode(t, fixture.NewConsortium(t, 4)))
	tests := []struct{ name, path, data string }{
		{"no path", "", ""},
		{"unknown path", "/v1/unknown", "ref=a"},
		{"path of another version", "/v2/resolve", "ref=localhost:5000/a:1"},
		{"peer filter", "/p2p/filter/id/abc", ""},
		{"no parameters", "/v1/resolve", ""},
		{"bad encoding", "/v1/resolve", "ref=%zz"},
		{"bad reference", "/v1/resolve", "ref=UPPER/case:1"},
		{"reference without a tag", "/v1/resolve", "ref=localhost:5000/a@" + fixture.Digest("x").String()},
		{"bad digest", "/v1/image", "digest=sha256:12&repository=localhost:5000/a"},
		{"empty repository", "/v1/image", "repository=&digest=" + fixture.Digest("x").String()},
		{"image without digest", "/v1/image", ""},
		{"trusted height", "/v1/repository", "name=localhost:5000/a&trusted_height=x"},
		{"file", "/v1/repository", "name=localhost:5000/a&file=yes"},
		{"history of nothing", "/v1/history", ""},
		{"history limit", "/v1/history", "repository=localhost:5000/a&limit=-1"},
		{"receipt of nothing", "/v1/receipt/", ""},
		{"receipt of a short hash", "/v1/receipt/00", ""},
		{"inclusion without index", "/v1/log/inclusion", ""},
		{"consistency without first", "/v1/log/consistency", "second=3"},
		{"bad repository", "/v1/repository", "name=a//b"},
		{"root version", "/v1/repository", "name=localhost:5000/a&root_version=-1"},
		{"root version too large", "/v1/repository", "name=localhost:5000/a&root_version=9223372036854775808"},
		{"assurance", "/v1/repository", "name=localhost:5000/a&assurance=none"},
		{"bytes", "/v1/repository", "\xff\x00;"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			r := p.query(tc.path, tc.data)
			if r.Code != queryBad || r.Log == "" || len(r.Value) != 0 {
				t.Errorf("answer %d %q %q", r.Code, r.Log, r.Value)
			}
		})
	}
}

// TestQueryOfHeight: a question that names a height is not answered as of another one.
func TestQueryOfHeight(t *testing.T) {
	p := newPublished(t, newNode(t, fixture.NewConsortium(t, 4)))
	for _, height := range []int64{1, int64(p.blocks.Tip() - 1), -1} {
		r, err := p.node.app.Query(t.Context(), &cmtabci.RequestQuery{Path: "/v1/repository", Data: []byte("name=" + appName), Height: height})
		if err != nil || r.Code != queryBad || len(r.Value) > 0 {
			t.Errorf("height %d: answer %d %q, error %v", height, r.Code, r.Log, err)
		}
	}
}

// TestQueryNotReady: the first state is proven by the second block's header.
func TestQueryNotReady(t *testing.T) {
	n := newNode(t, fixture.NewConsortium(t, 4))
	const data = "name=" + appName
	for height := range 2 {
		if r := n.query("/v1/repository", data); r.Code != queryNotReady {
			t.Errorf("answer %d %q at height %d", r.Code, r.Log, height)
		}
		n.next()
	}
	if r := n.query("/v1/repository", data); r.Code != 0 || r.Height != 1 {
		t.Errorf("answer %d %q at height 2", r.Code, r.Log)
	}
	n.app.Serve(nil)
	if r := n.query("/v1/repository", data); r.Code != queryNotReady {
		t.Errorf("answer %d %q without look-ups", r.Code, r.Log)
	}
}

// TestRootVersion leaves out the roots a client holds.
func TestRootVersion(t *testing.T) {
	p := newPublished(t, newNode(t, fixture.NewConsortium(t, 4)))
	p.next(p.c.Publish(p.app.RootKeys[0], fixture.Update{Roots: []*tuf.Root{p.app.Root(2), p.app.Root(3)}}))
	p.next()
	for known, want := range []int{3, 2, 1, 0, 0} {
		b, err := p.lookup.Resolve(query.Resolve{Repository: p.app.Repository}, query.Known{RootVersion: uint64(known)})
		if err != nil || len(b.GetRoots()) != want {
			t.Errorf("%d roots for a client that holds %d, error %v", len(b.GetRoots()), known, err)
		}
	}
	for version := range uint64(5) {
		file, err := p.lookup.Metadata(query.Metadata{Repository: p.app.Repository, Role: record.RoleRoot, Version: version})
		if version == 4 {
			if !errors.Is(err, lookup.ErrNotFound) {
				t.Errorf("root 4: %v", err)
			}
			continue
		}
		root, perr := tuf.ParseRoot(file)
		if err != nil || perr != nil || version > 0 && root.Version != version || version == 0 && root.Version != 3 {
			t.Errorf("root %d: %v, %v", version, err, perr)
		}
	}
	if _, err := p.lookup.Metadata(query.Metadata{Repository: p.other.Repository, Role: record.RoleTargets}); !errors.Is(err, lookup.ErrNotFound) {
		t.Errorf("targets nobody published: %v", err)
	}
	if _, err := p.lookup.Content(query.Content{Digest: [32]byte{1}}); !errors.Is(err, lookup.ErrNotFound) {
		t.Errorf("content nobody published: %v", err)
	}
}

// TestCommitted finds the block of a transaction by its scope.
func TestCommitted(t *testing.T) {
	p := newPublished(t, newNode(t, fixture.NewConsortium(t, 4)))
	txs := map[uint64][]byte{2: p.app.Publish(1, fixture.Tags{"1.0": "one"})}
	for v := uint64(2); v < 6; v++ {
		tx := p.app.Publish(v, nil)
		txs[p.nextHeight()] = tx
		p.next(tx)
		p.next(p.other.Publish(v-1, nil))
	}
	for height, tx := range txs {
		env, err := record.DecodeEnvelope(tx)
		if err != nil {
			t.Fatal(err)
		}
		found, err := p.lookup.Committed(env)
		if err != nil || found != height {
			t.Errorf("transaction of block %d: found %v, %v", height, found, err)
		}
	}
	env, err := record.DecodeEnvelope(p.app.Publish(6, nil))
	if err != nil {
		t.Fatal(err)
	}
	if found, err := p.lookup.Committed(env); err != nil || found != 0 {
		t.Errorf("transaction that is in no block: found %v, %v", found, err)
	}
}

// TestLookupsDuringCommits: readers ask while blocks are committed and old
// versions are pruned. No look-up fails, and every answer verifies.
func TestLookupsDuringCommits(t *testing.T) {
	n := openNode(t, fixture.NewConsortium(t, 4), dbm.NewMemDB(), store.Options{KeepRecent: store.MinKeepRecent})
	p := newPublished(t, n)
	p.next()
	const blocks = 3 * store.MinKeepRecent / 2
	policy := bundle.DefaultPolicy()
	policy.MaxAge = 24 * time.Hour
	requests := []query.Resolve{
		bundletest.Request(appName + ":1.0"),
		bundletest.Request(appName + ":never"),
		bundletest.RepositoryRequest(otherName),
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	answers := make([]atomic.Int64, len(requests))
	for i, req := range requests {
		wg.Go(func() {
			mem := p.memory()
			for {
				select {
				case <-stop:
					return
				default:
				}
				b, err := p.lookup.Resolve(req, query.Known{})
				if err != nil {
					t.Errorf("look-up of %s: %v", req, err)
					return
				}
				_, next, err := bundle.Verify(b, req, mem, p.now(), policy)
				if err != nil && bundle.ClassOf(err) != bundle.NotTrusted {
					t.Errorf("answer about %s: %v", req, err)
					return
				}
				mem = next
				answers[i].Add(1)
			}
		})
	}
	slow := func() bool { // whether a reader has hardly begun
		return slices.ContainsFunc(requests, func(r query.Resolve) bool { return answers[slices.Index(requests, r)].Load() < 20 })
	}
	for i := 0; i < blocks || slow() && !t.Failed(); i++ {
		time.Sleep(time.Millisecond) // as fast as no network is
		switch i % 3 {
		case 0:
			p.next(p.app.Publish(uint64(2+i/3), fixture.Tags{"1.0": fmt.Sprint(i)}))
		default:
			p.next()
		}
	}
	close(stop)
	wg.Wait()
}

// pausing are blocks of which a reader learns the tip just before others come.
type pausing struct {
	lookup.Blocks
	pause func()
}

func (b pausing) Tip() uint64 {
	tip := b.Blocks.Tip()
	b.pause()
	return tip
}

// TestReaderFallsBehind: while a reader pauses, the newest height it knew is
// pruned. It takes a newer one.
func TestReaderFallsBehind(t *testing.T) {
	for _, after := range []int{1, 2} { // how many reads of the tip come before the pause
		t.Run(fmt.Sprintf("tip %d", after), func(t *testing.T) {
			n := openNode(t, fixture.NewConsortium(t, 4), dbm.NewMemDB(), store.Options{KeepRecent: store.MinKeepRecent})
			p := newPublished(t, n)
			p.next()
			reads := 0
			reader := lookup.New(n.ledger, pausing{n.blocks, func() {
				if reads++; reads <= after {
					for range 2 * store.MinKeepRecent {
						n.next()
					}
				}
			}}, nil)
			req := bundletest.Request(appName + ":1.0")
			b, err := reader.Resolve(req, query.Known{})
			if err != nil {
				t.Fatal(err)
			}
			result, _, err := bundle.Verify(b, req, p.memory(), p.now(), bundle.DefaultPolicy())
			if err != nil || result.StateHeight != n.blocks.Tip()-1 {
				t.Errorf("answer %+v, the newest is of height %d: %v", result, n.blocks.Tip()-1, err)
			}
		})
	}
}

// FuzzQuery: no question makes a node fail.
func FuzzQuery(f *testing.F) {
	p := newPublished(f, newNode(f, fixture.NewConsortium(f, 4)))
	p.next()
	f.Add("/v1/resolve", "ref="+appName+":1.0")
	f.Add("/v1/image", "repository="+appName+"&digest="+fixture.Digest("one").String())
	f.Add("/v1/repository", "name="+appName+"&root_version=1&assurance=ledger")
	f.Fuzz(func(t *testing.T, path, data string) {
		p.node.t = t
		if r := p.query(path, data); r.Code != 0 && r.Code != queryBad {
			t.Errorf("answer %d %q", r.Code, r.Log)
		}
		if p.fatal.count() > 0 {
			t.Fatalf("fatal: %v", p.fatal.list)
		}
	})
}
