package client_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cometbft/cometbft/types"

	"hullmark/bundle"
	"hullmark/bundle/bundletest"
	"hullmark/client"
	"hullmark/internal/fixture"
	"hullmark/proto"
	"hullmark/query"
	"hullmark/record"
	"hullmark/tuf"
)

// badWays are the ways in which a node may fail to give the honest answer to
// what app:latest means, and the class of the warning about it.
func badWays(n *network) []struct {
	name  string
	way   func(http.ResponseWriter, *http.Request) bool
	class bundle.Class
	err   error
} {
	elsewhere := newNetwork(n.tb, 1)
	return []struct {
		name  string
		way   func(http.ResponseWriter, *http.Request) bool
		class bundle.Class
		err   error
	}{
		{"busy", busy, bundle.Stale, client.ErrUnavailable},
		{"broken", broken, bundle.Stale, client.ErrUnreachable},
		{"hangs up", hangsUp, bundle.Stale, client.ErrUnreachable},
		{"not found", func(w http.ResponseWriter, _ *http.Request) bool { fail(w, 404, "not-found", "no", 0); return true }, bundle.Other, client.ErrNotFound},
		{"another program", func(w http.ResponseWriter, _ *http.Request) bool { http.NotFound(w, nil); return true }, bundle.Stale, client.ErrUnreachable},
		{"empty", says(nil), bundle.Attack, bundle.ErrMalformed},
		{"no JSON", says([]byte("<html>")), bundle.Attack, bundle.ErrMalformed},
		{"empty object", says([]byte("{}")), bundle.Attack, bundle.ErrMalformed},
		{"deep JSON", says([]byte(strings.Repeat("[", 100_000))), bundle.Attack, bundle.ErrMalformed},
		{"endless", func(w http.ResponseWriter, _ *http.Request) bool {
			chunk := bytes.Repeat([]byte(" "), 1<<20)
			for range bundle.MaxSize>>20 + 1 {
				if _, err := w.Write(chunk); err != nil {
					break
				}
			}
			return true
		}, bundle.Other, client.ErrResponse},
		{"compressed", func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = z.Write([]byte("{}"))
			_ = z.Close()
			return true
		}, bundle.Other, client.ErrResponse},
		{"redirects to another host", func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, elsewhere.nodes[0].URL+r.URL.RequestURI(), http.StatusFound)
			return true
		}, bundle.Other, client.ErrResponse},
		{"redirects for ever", func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, r.URL.RequestURI(), http.StatusFound)
			return true
		}, bundle.Other, client.ErrResponse},
		{"newer format", n.twists(func(b *proto.Bundle) { b.State.Version = 2 }), bundle.Other, record.ErrNewer},
		{"another ledger", n.twists(func(b *proto.Bundle) { b.State.Ledger = "elsewhere" }), bundle.Attack, bundle.ErrWrongLedger},
		{"another tag", func(w http.ResponseWriter, _ *http.Request) bool {
			n.do(func(c *bundletest.Chain) { send(w, c.Newest().Bundle(ref(app+":1.0"))) })
			return true
		}, bundle.Attack, bundle.ErrProof},
		{"another digest", n.twists(func(b *proto.Bundle) { b.Tag.Value[10] ^= 1 }), bundle.Attack, bundle.ErrProof},
		{"denies the tag", n.twists(func(b *proto.Bundle) { b.Tag.Value = nil }), bundle.Attack, bundle.ErrProof},
		{"another state", n.twists(func(b *proto.Bundle) { b.State.AppState.MapRoot[0] ^= 1 }), bundle.Attack, bundle.ErrAppHash},
		{"no roots", n.twists(func(b *proto.Bundle) { b.Roots = nil }), bundle.Attack, bundle.ErrRoot},
		{"old targets", n.twists(func(b *proto.Bundle) {
			b.Targets = n.chain.Source(2).Bundle(ref(app + ":1.0")).Targets
		}), bundle.Attack, bundle.ErrTargets},
		{"forged header", n.twists(func(b *proto.Bundle) {
			strangers := fixture.NewKeys(n.tb, "ed25519", "stranger", 4)
			lb := n.chain.Newest().Block
			lb.ValidatorsHash = bundletest.ValidatorSet(strangers).Hash()
			b.State.LightBlock = bundletest.Encode(n.tb, n.chain.Sign(lb.Header, strangers, strangers...))
		}), bundle.Attack, bundle.ErrHeader},
		{"stale", n.stale(), bundle.Stale, bundle.ErrStale},
	}
}

// stale returns an honest answer that is too old.
func (n *network) stale() func(http.ResponseWriter, *http.Request) bool {
	for range 15 { // over a minute
		n.commit()
	}
	return n.answersFrom(3)
}

// Test that a bad node beside an honest one is no more than a warning, in every
// way it may be bad.
func TestBadNode(t *testing.T) {
	n := newNetwork(t, 2)
	for _, bad := range badWays(n) {
		t.Run(bad.name, func(t *testing.T) {
			c := n.client()
			nodes := n.inOrder(c, ref(app+":latest").String())
			nodes[0].lie(bad.way)
			defer nodes[0].lie(nil)
			result, proof, warnings, err := c.Resolve(t.Context(), ref(app+":latest"))
			if err != nil {
				t.Fatal(err)
			}
			if result.Digest != fixture.Digest("two") || proof == nil {
				t.Errorf("digest %s", result.Digest)
			}
			if len(warnings) != 1 || warnings[0].Node != nodes[0].URL || warnings[0].Class != bad.class || !errors.Is(warnings[0].Err, bad.err) {
				t.Errorf("warnings %v, want class %s and %v", warnings, bad.class, bad.err)
			}
		})
	}
}

// Test that without an honest node the most serious of the errors decides.
func TestOnlyBadNodes(t *testing.T) {
	n := newNetwork(t, 3)
	ways := badWays(n)
	find := func(name string) func(http.ResponseWriter, *http.Request) bool {
		i := slices.IndexFunc(ways, func(w struct {
			name  string
			way   func(http.ResponseWriter, *http.Request) bool
			class bundle.Class
			err   error
		}) bool {
			return w.name == name
		})
		return ways[i].way
	}
	for _, c := range []struct {
		nodes [3]string
		class bundle.Class
		err   error
	}{
		{[3]string{"broken", "hangs up", "busy"}, bundle.Stale, client.ErrUnavailable},
		{[3]string{"broken", "broken", "hangs up"}, bundle.Stale, client.ErrUnreachable},
		{[3]string{"broken", "stale", "broken"}, bundle.Stale, bundle.ErrStale},
		{[3]string{"stale", "another digest", "broken"}, bundle.Attack, bundle.ErrProof},
		{[3]string{"newer format", "broken", "broken"}, bundle.Other, record.ErrNewer},
		{[3]string{"forged header", "another digest", "stale"}, bundle.Attack, bundle.ErrHeader},
	} {
		t.Run(strings.Join(c.nodes[:], ", "), func(t *testing.T) {
			cl := n.client()
			for i, nd := range n.inOrder(cl, ref(app+":latest").String()) {
				nd.lie(find(c.nodes[i]))
			}
			result, _, _, err := cl.Resolve(t.Context(), ref(app+":latest"))
			var all *client.NodesError
			if result != nil || !errors.As(err, &all) || len(all.Failures) != 3 {
				t.Fatalf("result %v, error %v", result, err)
			}
			if client.ClassOf(err) != c.class || !errors.Is(err, c.err) {
				t.Errorf("class %s, error %v", client.ClassOf(err), err)
			}
		})
	}
}

// Test that a proven no is final: nobody else is asked.
func TestDenial(t *testing.T) {
	n := newNetwork(t, 3)
	c := n.client()
	for _, d := range []struct {
		req query.Resolve
		err error
	}{
		{ref(app + ":none"), bundle.ErrAbsentTag},
		{ref(app + ":old"), bundle.ErrWithdrawn},
		{ref("registry.example.com/none:1"), bundle.ErrUnknownRepository},
		{ref(app + "@" + fixture.Digest("none").String()), bundle.ErrAbsentImage},
	} {
		before := len(n.nodes[0].seen()) + len(n.nodes[1].seen()) + len(n.nodes[2].seen())
		result, _, warnings, err := c.Resolve(t.Context(), d.req)
		if result != nil || !errors.Is(err, d.err) || client.ClassOf(err) != bundle.NotTrusted || len(warnings) != 0 {
			t.Errorf("%s: result %v, error %v", d.req, result, err)
		}
		if after := len(n.nodes[0].seen()) + len(n.nodes[1].seen()) + len(n.nodes[2].seen()); after != before+1 {
			t.Errorf("%s: %d requests", d.req, after-before)
		}
	}
}

// Test that a node that stays silent is overtaken by the next, and that its late
// answer changes nothing.
func TestHedging(t *testing.T) {
	n := newNetwork(t, 3)
	c := n.client(func(o *client.Options) { o.Hedge = time.Millisecond })
	nodes := n.inOrder(c, ref(app+":latest").String())
	silent := make(chan struct{})
	ended := make(chan struct{}, 2)
	for _, nd := range nodes[:2] {
		nd.lie(func(_ http.ResponseWriter, r *http.Request) bool {
			select {
			case <-silent:
			case <-r.Context().Done():
			}
			ended <- struct{}{}
			return true
		})
	}
	result, _, warnings, err := c.Resolve(t.Context(), ref(app+":latest"))
	if err != nil || result.Digest != fixture.Digest("two") || len(warnings) != 0 {
		t.Fatalf("error %v, warnings %v", err, warnings)
	}
	// The requests nobody waits for any more are given up.
	<-ended
	<-ended
	close(silent)
}

// Test that without hedging nobody is asked before the first node has answered.
func TestNoHedging(t *testing.T) {
	n := newNetwork(t, 3)
	c := n.client()
	if _, _, _, err := c.Resolve(t.Context(), ref(app+":latest")); err != nil {
		t.Fatal(err)
	}
	nodes := n.inOrder(c, ref(app+":latest").String())
	if len(nodes[0].seen()) != 1 || len(nodes[1].seen()) != 0 || len(nodes[2].seen()) != 0 {
		t.Errorf("requests: %v, %v, %v", nodes[0].seen(), nodes[1].seen(), nodes[2].seen())
	}
}

// Test that the caller can give up.
func TestInterrupted(t *testing.T) {
	n := newNetwork(t, 2)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, nd := range n.nodes {
		nd.lie(func(_ http.ResponseWriter, r *http.Request) bool {
			cancel()
			<-r.Context().Done()
			return true
		})
	}
	if _, _, _, err := n.client().Resolve(ctx, ref(app+":latest")); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if _, _, err := n.client().LightBlock(ctx, 2); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// refusing is a network that refuses every connection, the first one while the
// caller gives up.
type refusing func()

// RoundTrip implements http.RoundTripper.
func (f refusing) RoundTrip(*http.Request) (*http.Response, error) {
	f()
	return nil, syscall.ECONNREFUSED
}

// Test that giving up is told from a node that refuses at that very moment.
func TestInterruptedByTheWay(t *testing.T) {
	n := newNetwork(t, 1)
	tx := n.app.Publish(3, fixture.Tags{"1.0": "one"})
	for name, do := range map[string]func(context.Context, *client.Client) error{
		"resolve": func(ctx context.Context, c *client.Client) error {
			_, _, _, err := c.Resolve(ctx, ref(app+":latest"))
			return err
		},
		"light block": func(ctx context.Context, c *client.Client) error { _, _, err := c.LightBlock(ctx, 2); return err },
		"submit":      func(ctx context.Context, c *client.Client) error { _, _, err := c.Submit(ctx, tx); return err },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		c := n.client(func(o *client.Options) { o.Transport = refusing(cancel) })
		if err := do(ctx, c); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v", name, err)
		}
		cancel()
	}
}

// Test that a slow node counts as one that gives no answer.
func TestTimeout(t *testing.T) {
	n := newNetwork(t, 1)
	n.nodes[0].lie(func(_ http.ResponseWriter, r *http.Request) bool {
		<-r.Context().Done()
		return true
	})
	c := n.client(func(o *client.Options) { o.Timeout = time.Millisecond })
	_, _, _, err := c.Resolve(t.Context(), ref(app+":latest"))
	if !errors.Is(err, client.ErrUnreachable) || client.ClassOf(err) != bundle.Stale {
		t.Errorf("error %v", err)
	}
}

// Test that nodes are told what the client knows, so that they send only the rest.
func TestWhatNodesAreTold(t *testing.T) {
	n := newNetwork(t, 1)
	c := n.client()
	ask := func(req query.Resolve) string {
		t.Helper()
		if _, _, _, err := c.Resolve(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		calls := n.nodes[0].seen()
		return calls[len(calls)-1]
	}
	if got, want := ask(ref(app+":latest")), "/v1/resolve?ref=registry.example.com%2Fapp%3Alatest&trusted_height=1"; got != want {
		t.Errorf("first request %s, want %s", got, want)
	}
	held := sha256.Sum256(n.chain.Newest().Bundle(ref(app + ":latest")).GetTargets()[0])
	want := "/v1/image?digest=" + strings.Replace(fixture.Digest("two").String(), ":", "%3A", 1) +
		"&held=" + hex.EncodeToString(held[:]) + "&min_state_height=3&repository=registry.example.com%2Fapp&root_version=1&trusted_height=4"
	if got := ask(ref(app + "@" + fixture.Digest("two").String())); got != want {
		t.Errorf("second request %s, want %s", got, want)
	}
	req := bundletest.RepositoryRequest(app)
	req.Assurance = query.LedgerAssurance
	want = "/v1/repository?assurance=ledger&min_state_height=3&name=registry.example.com%2Fapp&trusted_height=4" // no root: it would mean nothing
	if got := ask(req); got != want {
		t.Errorf("third request %s, want %s", got, want)
	}
}

// Test that an answer from before what the client has seen is not taken, and one
// that is merely older is.
func TestBehind(t *testing.T) {
	n := newNetwork(t, 2)
	c := n.client()
	if _, _, _, err := c.Resolve(t.Context(), ref(app+":latest")); err != nil {
		t.Fatal(err)
	}
	n.commit()
	nodes := n.inOrder(c, ref(app+":latest").String())
	nodes[0].lie(n.answersFrom(2))
	_, _, warnings, err := c.Resolve(t.Context(), ref(app+":latest"))
	if err != nil || len(warnings) != 1 || !errors.Is(warnings[0].Err, bundle.ErrBehind) || warnings[0].Class != bundle.Stale {
		t.Errorf("error %v, warnings %v", err, warnings)
	}
	nodes[0].lie(n.answersFrom(3))
	result, _, warnings, err := c.Resolve(t.Context(), ref(app+":latest"))
	if err != nil || len(warnings) != 0 || result.StateHeight != 3 {
		t.Errorf("error %v, warnings %v", err, warnings)
	}
}

// Test the verification of bundles that come from nowhere.
func TestVerifyBundle(t *testing.T) {
	n := newNetwork(t, 1)
	_, proof, _, err := n.client().Resolve(t.Context(), ref(app+":latest"))
	if err != nil {
		t.Fatal(err)
	}
	data, err := bundle.Encode(proof)
	if err != nil {
		t.Fatal(err)
	}
	later := n.now().Add(24 * time.Hour)
	c, err := client.NewOffline(client.Options{
		Store: client.NewMemoryStore(bundle.NewMemory(n.anchor())), Now: func() time.Time { return later },
	})
	if err != nil {
		t.Fatal(err)
	}
	result, warnings, err := c.VerifyBundle(t.Context(), data, ref(app+":latest"), bundle.OfflinePolicy())
	if err != nil || result.Digest != fixture.Digest("two") || result.Age < 24*time.Hour || len(warnings) != 0 {
		t.Errorf("result %+v, error %v, warnings %v", result, err, warnings)
	}
	if _, _, err := c.VerifyBundle(t.Context(), data, ref(app+":latest"), bundle.DefaultPolicy()); !errors.Is(err, bundle.ErrStale) {
		t.Errorf("online: %v", err)
	}
	if _, _, err := c.VerifyBundle(t.Context(), data, ref(app+":1.0"), bundle.OfflinePolicy()); !errors.Is(err, bundle.ErrNotInFile) || client.ClassOf(err) != bundle.Other {
		t.Errorf("other question: %v", err)
	}
	if _, _, err := c.VerifyBundle(t.Context(), data[:100], ref(app+":latest"), bundle.OfflinePolicy()); client.ClassOf(err) != bundle.Attack {
		t.Errorf("cut short: %v", err)
	}
	if _, _, _, err := c.Resolve(t.Context(), ref(app+":latest")); !errors.Is(err, client.ErrNoNodes) {
		t.Errorf("without nodes: %v", err)
	}
	if m, err := c.Memory(t.Context()); err != nil || m.StateHeight() != 3 {
		t.Errorf("nothing was learnt: %v", err)
	}
}

// Test that the client finds its own way to a header when a node leaves out the
// light blocks in between, and that this helps no liar.
func TestMissingIntermediateBlocks(t *testing.T) {
	n := newNetwork(t, 1)
	old := n.chain.Validators()
	fresh := fixture.NewKeys(t, "ed25519", "fresh", 4)
	for i := range fresh {
		n.chain.SetValidators(append(fresh[:i+1:i+1], old[i+1:]...)...)
		n.commit()
		n.commit()
	}
	n.nodes[0].lie(n.twists(func(b *proto.Bundle) { b.State.IntermediateBlocks = nil }))
	result, _, warnings, err := n.client().Resolve(t.Context(), ref(app+":latest"))
	if err != nil || len(warnings) != 0 || result.Digest != fixture.Digest("two") {
		t.Errorf("error %v, warnings %v", err, warnings)
	}
	n.nodes[0].lie(n.twists(func(b *proto.Bundle) { b.State.IntermediateBlocks, b.Tag.Value[10] = nil, 0 }))
	if _, _, _, err = n.client().Resolve(t.Context(), ref(app+":latest")); !errors.Is(err, bundle.ErrProof) {
		t.Errorf("error %v", err)
	}
}

// forge returns the bytes of a block of a height that strangers signed.
func (n *network) forge(strangers []*fixture.Key, height uint64) []byte {
	var out []byte
	n.do(func(c *bundletest.Chain) {
		header := *c.Block(height).Header
		header.ValidatorsHash = bundletest.ValidatorSet(strangers).Hash()
		out = bundletest.Encode(n.tb, c.Sign(&header, strangers, strangers...))
	})
	return out
}

// claims answers a look-up with a header that strangers signed, and leaves light
// blocks to blocks.
func (n *network) claims(strangers []*fixture.Key, blocks func(w http.ResponseWriter, r *http.Request)) func(http.ResponseWriter, *http.Request) bool {
	forged := n.forge(strangers, n.chain.Height())
	look := n.twists(func(b *proto.Bundle) { b.State.LightBlock, b.State.IntermediateBlocks = forged, nil })
	return func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/v1/light-block" {
			blocks(w, r)
			return true
		}
		return look(w, r)
	}
}

// Test that nobody waits for a node that promises light blocks to prove its header
// with and then is silent.
func TestSilentAboutIntermediateBlocks(t *testing.T) {
	n := newNetwork(t, 2)
	c := n.client(func(o *client.Options) { o.Hedge = time.Millisecond })
	nodes := n.inOrder(c, ref(app+":latest").String())
	asked := make(chan struct{}, 1)
	nodes[0].lie(n.claims(fixture.NewKeys(t, "ed25519", "stranger", 4), func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	nodes[1].lie(func(http.ResponseWriter, *http.Request) bool {
		<-asked // the honest answer comes when the client already looks for intermediate blocks
		return false
	})
	result, _, warnings, err := c.Resolve(t.Context(), ref(app+":latest"))
	if err != nil || result.Digest != fixture.Digest("two") || len(warnings) != 0 {
		t.Errorf("error %v, warnings %v", err, warnings)
	}
}

// Test that one node has one time-out, however many light blocks it is asked for.
func TestSlowIntermediateBlocks(t *testing.T) {
	n := newNetwork(t, 1)
	for range 60 {
		n.commit()
	}
	strangers := fixture.NewKeys(t, "ed25519", "stranger", 4)
	c := n.client(func(o *client.Options) { o.Timeout = 200 * time.Millisecond })
	n.nodes[0].lie(n.claims(strangers, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(150 * time.Millisecond):
			send(w, &proto.LightBlockResponse{LightBlock: n.forge(strangers, number(r, "height"))})
		case <-r.Context().Done():
		}
	}))
	if _, _, _, err := c.Resolve(t.Context(), ref(app+":latest")); err == nil {
		t.Fatal("a stranger's header was believed")
	}
	// Without the time-out it would ask for five light blocks. There is time for one
	// and a part of the next, on a busy machine for some more.
	if calls := len(n.nodes[0].seen()); calls > 4 {
		t.Errorf("%d requests: %v", calls, n.nodes[0].seen())
	}
}

// Test that a search for light blocks in between ends with the first that is not
// the one asked for, and when there is none between any more.
func TestUselessIntermediateBlocks(t *testing.T) {
	n := newNetwork(t, 1)
	for range 60 {
		n.commit()
	}
	strangers := fixture.NewKeys(t, "ed25519", "stranger", 4)
	for _, tc := range []struct {
		name   string
		height func(asked uint64) uint64
		calls  int
	}{
		{"of another height", func(asked uint64) uint64 { return asked + 1 }, 1},
		{"the same again", func(uint64) uint64 { return 64 }, 1},
		{"of the right height", func(asked uint64) uint64 { return asked }, 5}, // 32, 16, 8, 4, 2
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := len(n.nodes[0].seen())
			n.nodes[0].lie(n.claims(strangers, func(w http.ResponseWriter, r *http.Request) {
				send(w, &proto.LightBlockResponse{LightBlock: n.forge(strangers, tc.height(number(r, "height")))})
			}))
			_, _, _, err := n.client().Resolve(t.Context(), ref(app+":latest"))
			if !errors.Is(err, bundle.ErrHeader) || client.ClassOf(err) != bundle.Attack {
				t.Errorf("error %v", err)
			}
			if calls := len(n.nodes[0].seen()) - before - 1; calls != tc.calls {
				t.Errorf("%d light blocks were asked for: %v", calls, n.nodes[0].seen()[before:])
			}
		})
	}
}

// fork returns the bytes of a block of a height that differs from the chain's, and
// is signed by the first few of its validators.
func (n *network) fork(height uint64, signers int) []byte {
	var out []byte
	n.do(func(c *bundletest.Chain) {
		header := *c.Block(height).Header
		header.LastResultsHash = bytes.Repeat([]byte{1}, 32)
		out = bundletest.Encode(n.tb, c.Sign(&header, c.Validators(), c.Validators()[:signers]...))
	})
	return out
}

// evidence reads the light blocks of a file that keeps a fork.
func evidence(t *testing.T, path, ledger string) []*types.LightBlock {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info, err)
	}
	var file struct {
		Version      int
		Ledger       string
		Height       int64
		Known, Other []byte
	}
	if err := json.Unmarshal(b, &file); err != nil || file.Version != 1 || file.Ledger != ledger {
		t.Fatalf("%s: %v", b, err)
	}
	var out []*types.LightBlock
	for _, block := range [][]byte{file.Known, file.Other} {
		lb, err := bundle.DecodeLightBlock(ledger, block)
		if err != nil || lb.Height != file.Height {
			t.Fatalf("block %v, error %v", lb, err)
		}
		if err := lb.ValidatorSet.VerifyCommitLight(ledger, lb.Commit.BlockID, lb.Height, lb.Commit); err != nil {
			t.Error(err)
		}
		out = append(out, lb)
	}
	return out
}

// Test that a fork ends a look-up, although another node would give a good answer,
// and leaves its evidence; and that a forged block does neither.
func TestFork(t *testing.T) {
	n := newNetwork(t, 2)
	dir := t.TempDir()
	c := n.client(func(o *client.Options) { o.Store = n.home(dir) })
	if _, _, _, err := c.Resolve(t.Context(), ref(app+":latest")); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "fork-4.json")
	nodes := n.inOrder(c, ref(app+":latest").String())

	forged := n.fork(4, 2)
	nodes[0].lie(n.twists(func(b *proto.Bundle) { b.State.LightBlock = forged }))
	if _, _, warnings, err := c.Resolve(t.Context(), ref(app+":latest")); err != nil || len(warnings) != 1 {
		t.Errorf("forged: error %v, warnings %v", err, warnings)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("forged: %v", err)
	}

	signed := n.fork(4, 4)
	nodes[0].lie(n.twists(func(b *proto.Bundle) { b.State.LightBlock = signed }))
	before := len(nodes[1].seen())
	for range 2 { // what is kept stays
		result, _, _, err := c.Resolve(t.Context(), ref(app+":latest"))
		if result != nil || !errors.Is(err, bundle.ErrFork) || client.ClassOf(err) != bundle.Attack || !strings.Contains(err.Error(), path) {
			t.Errorf("result %v, error %v", result, err)
		}
	}
	if len(nodes[1].seen()) != before {
		t.Error("another node was asked")
	}
	blocks := evidence(t, path, n.chain.Ledger())
	if !bytes.Equal(blocks[0].Hash(), n.chain.Block(4).Hash()) || bytes.Equal(blocks[1].Hash(), blocks[0].Hash()) {
		t.Error("other blocks are kept")
	}

	var bundled []byte
	n.do(func(c *bundletest.Chain) {
		b := c.Newest().Bundle(ref(app + ":latest"))
		b.State.LightBlock = signed
		bundled, _ = bundle.Encode(b)
	})
	remove(t, path)
	if _, _, err := c.VerifyBundle(t.Context(), bundled, ref(app+":latest"), bundle.OfflinePolicy()); !errors.Is(err, bundle.ErrFork) {
		t.Errorf("from a file: %v", err)
	}
	evidence(t, path, n.chain.Ledger())
	remove(t, path)
	for _, nd := range n.nodes {
		nd.lie(func(w http.ResponseWriter, _ *http.Request) bool {
			send(w, &proto.LightBlockResponse{LightBlock: signed})
			return true
		})
	}
	if _, _, err := c.LightBlock(t.Context(), 4); !errors.Is(err, bundle.ErrFork) {
		t.Errorf("a light block: %v", err)
	}
	evidence(t, path, n.chain.Ledger())
	remove(t, path)
	if warnings, err := c.CompareHeaders(t.Context()); err != nil || len(warnings) != 2 || !strings.Contains(warnings[0].Err.Error(), path) {
		t.Errorf("compared: %v, %v", warnings, err)
	}
	evidence(t, path, n.chain.Ledger())
}

// Test that a second history does not stay hidden.
func TestCompareHeaders(t *testing.T) {
	n := newNetwork(t, 4)
	c := n.client()
	if warnings, err := c.CompareHeaders(t.Context()); err != nil || len(warnings) != 0 {
		t.Errorf("honest: %v, %v", warnings, err)
	}
	if _, _, _, err := c.Resolve(t.Context(), ref(app+":latest")); err != nil {
		t.Fatal(err)
	}
	another := func(signers int) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			send(w, &proto.LightBlockResponse{LightBlock: n.fork(number(r, "height"), signers)})
			return true
		}
	}
	n.nodes[1].lie(another(4))
	n.nodes[2].lie(another(2))
	n.nodes[3].lie(busy)
	warnings, err := c.CompareHeaders(t.Context())
	if err != nil || len(warnings) != 3 {
		t.Fatalf("error %v, warnings %v", err, warnings)
	}
	for i, want := range []error{bundle.ErrFork, bundle.ErrHeader, client.ErrUnavailable} {
		if warnings[i].Node != n.nodes[i+1].URL || !errors.Is(warnings[i].Err, want) {
			t.Errorf("warning %v, want %v", warnings[i], want)
		}
	}
}

// TestRootsOneByOne: a node that sends one root at a time keeps a client busy and does not
// keep it from the others.
func TestRootsOneByOne(t *testing.T) {
	n := newNetwork(t, 2)
	version := uint64(2)
	for range 9 { // more roots than a client asks for portions
		var roots []*tuf.Root
		for range record.MaxRotations {
			roots = append(roots, n.app.RotateRoot(version, n.app.RootKeys, n.app.TaggingKeys))
			version++
		}
		n.commit(n.chain.Publish(n.app.RootKeys[0], fixture.Update{Roots: roots}))
	}
	n.commit()
	c := n.client()
	req := ref(app + ":1.0")
	n.inOrder(c, req.String())[0].lie(func(w http.ResponseWriter, r *http.Request) bool {
		q, k, ok := question(r)
		if !ok {
			return false
		}
		n.do(func(chain *bundletest.Chain) {
			source := chain.Newest()
			b := source.BundleFor(q, k)
			if len(b.GetRoots()) > 1 {
				b.Roots = b.GetRoots()[:1]
				b.LastRoot = source.Prove(record.RootKey(n.app.Repository, k.RootVersion+1))
			}
			send(w, b)
		})
		return true
	})
	result, _, warnings, err := c.Resolve(t.Context(), req)
	if err != nil || result.RootVersion != version-1 || len(warnings) > 0 {
		t.Errorf("result %+v, warnings %v, error %v", result, warnings, err)
	}
}

// TestHistoryRecordByRecord: nor does one that sends a record of a history at a time.
func TestHistoryRecordByRecord(t *testing.T) {
	n := newNetwork(t, 2)
	for version := range uint64(30) {
		n.commit(n.app.Publish(3+version, fixture.Tags{"1.0": "one", "latest": fmt.Sprint(version)}))
	}
	n.commit()
	c := n.client()
	stingy := n.inOrder(c, app)[0]
	stingy.lie(func(w http.ResponseWriter, r *http.Request) bool {
		q, k, err := query.Parse(r.URL.Path, r.URL.Query())
		history, ok := q.(query.History)
		if err != nil || !ok {
			return false
		}
		history.Limit = 1
		n.do(func(*bundletest.Chain) { n.answer(w, history, k) })
		return true
	})
	h, warnings, err := c.History(t.Context(), n.app.Repository, client.HistoryOptions{})
	if err != nil || !h.Complete || len(h.Records) != 33 || len(warnings) > 0 {
		t.Fatalf("history %+v, warnings %v, error %v", h, warnings, err)
	}
	if asked := len(stingy.seen()); asked != 1 {
		t.Errorf("%d pages of one record", asked)
	}
}
