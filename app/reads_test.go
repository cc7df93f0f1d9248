package app

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"hullmark/app/admission"
	"hullmark/bundle"
	"hullmark/bundle/bundletest"
	"hullmark/client"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/ledger"
	"hullmark/lookup"
	"hullmark/query"
	"hullmark/reference"
	"hullmark/tuf"
)

const readName = "registry.example.com/app"

// library is a chain in memory whose ledger is served by the handlers of a node.
type library struct {
	*bundletest.Chain
	t      *testing.T
	app    *fixture.Publisher
	reads  *reads
	server *httptest.Server

	mu    sync.Mutex
	asked []string
	sent  int // bytes
}

// newLibrary returns a chain with a repository that has one tag, at height 4.
func newLibrary(t *testing.T) *library {
	t.Helper()
	l := &library{Chain: bundletest.NewChain(t, fixture.NewConsortium(t, 4)), t: t}
	l.app = l.NewPublisher(readName)
	l.Commit(l.app.Register(l.Operators[0]))
	l.Commit(l.app.Publish(1, fixture.Tags{"1.0": "one"}))
	l.Commit()
	l.Commit()
	l.reads = &reads{lookup: l.Reader(), blocks: l.Chain, log: slog.New(slog.DiscardHandler), gate: &admission.Gate{}}
	mux := http.NewServeMux()
	l.reads.register(func(_, path string, h http.HandlerFunc) { mux.HandleFunc(path, h) })
	l.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		defer l.mu.Unlock() // a test's chain is for one goroutine
		l.asked = append(l.asked, r.URL.RequestURI())
		mux.ServeHTTP(counted{w, l}, r)
	}))
	t.Cleanup(l.server.Close)
	return l
}

// counted counts the bytes of answers.
type counted struct {
	http.ResponseWriter
	l *library
}

func (c counted) Write(b []byte) (int, error) {
	c.l.sent += len(b)
	return c.ResponseWriter.Write(b)
}

// requests returns what was asked since the last call.
func (l *library) requests() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	asked := l.asked
	l.asked = nil
	return asked
}

// client returns a client that starts from a memory.
func (l *library) client(m *bundle.Memory, urls ...string) *client.Client {
	l.t.Helper()
	c, err := client.New(client.Options{
		Nodes: append(urls, l.server.URL), Store: client.NewMemoryStore(m), Hedge: -1, Now: l.now,
		Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return c
}

func (l *library) now() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Now()
}

// memory is that of a client that imported the block of a height.
func (l *library) memory(height uint64) *bundle.Memory { return bundle.NewMemory(l.Anchor(height)) }

// replaceValidators makes changes of the validator set, one validator each, with
// blocks in between.
func (l *library) replaceValidators(name string, changes, between int) {
	l.t.Helper()
	set := append([]*fixture.Key(nil), l.Validators()...)
	for i, k := range fixture.NewKeys(l.t, keys.KeytypeEd25519, name, changes) {
		set[i%len(set)] = k
		l.SetValidators(append([]*fixture.Key(nil), set...)...)
		for range 1 + between {
			l.Commit()
		}
	}
}

// rotate publishes a root that keeps the publisher's keys.
func (l *library) rotate(version uint64) {
	l.t.Helper()
	root := l.app.RotateRoot(version, l.app.RootKeys, l.app.TaggingKeys)
	l.Commit(l.Consortium.Publish(l.app.RootKeys[0], fixture.Update{Roots: []*tuf.Root{root}}))
}

var readRequest = bundletest.Request(readName + ":1.0")

// TestOneFormOverHTTP: the path of a question is written in one way. Parameters may be encoded
// as URLs allow, and stand in any order.
func TestOneFormOverHTTP(t *testing.T) {
	l := newLibrary(t)
	zero := strings.Repeat("0", 64)
	for _, tt := range []struct {
		name, uri string
		want      int
	}{
		{"as clients write it", "/v1/resolve?ref=registry.example.com%2Fapp%3A1.0&trusted_height=2", 200},
		{"as people write it", "/v1/resolve?trusted_height=2&ref=registry.example.com/app:1.0", 200},
		{"encoded path", "/v1/%72esolve?ref=registry.example.com/app:1.0", 400},
		{"encoded digest", "/v1/metadata/%30" + zero[1:], 400},
		{"encoded slash", "/v1/metadata/" + zero + "%2f", 400},
		{"capital path", "/V1/resolve?ref=registry.example.com/app:1.0", 404},
		{"encoded slash before", "/v1%2fresolve?ref=registry.example.com/app:1.0", 404},
		{"twice", "/v1/resolve?ref=registry.example.com/app:1.0&ref=registry.example.com/app:1.0", 400},
		{"twice, once encoded", "/v1/resolve?ref=registry.example.com/app:1.0&r%65f=registry.example.com/app:1.0", 400},
		{"semicolon", "/v1/resolve?ref=registry.example.com/app:1.0;x=1", 400},
		{"bad encoding", "/v1/resolve?ref=registry.example.com/app:1.0%", 400},
		{"nothing is a name", "/v1/resolve?ref=registry.example.com/app:1.0&=", 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res, err := http.Get(l.server.URL + tt.uri)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if res.StatusCode != tt.want {
				t.Errorf("status %d, want %d", res.StatusCode, tt.want)
			}
		})
	}
}

// TestSleeper: who slept through 5,000 blocks, three changes of the validators and
// two rotations of a root is up to date after one round trip.
func TestSleeper(t *testing.T) {
	l := newLibrary(t)
	awake := l.client(l.memory(1))
	if _, _, _, err := awake.Resolve(t.Context(), readRequest); err != nil {
		t.Fatal(err)
	}
	l.replaceValidators("first", 2, 400)
	l.rotate(2)
	for range 3000 {
		l.Commit()
	}
	l.replaceValidators("second", 1, 400)
	l.rotate(3)
	for l.Height() < 5004 {
		l.Commit()
	}
	l.requests()
	result, proof, warnings, err := awake.Resolve(t.Context(), readRequest)
	if err != nil || len(warnings) != 0 {
		t.Fatalf("error %v, warnings %v", err, warnings)
	}
	if result.RootVersion != 3 || result.HeaderHeight != l.Height() || len(proof.GetRoots()) != 2 || len(proof.GetState().GetIntermediateBlocks()) != 6 {
		t.Errorf("root %d by block %d, %d roots and %d light blocks sent", result.RootVersion, result.HeaderHeight, len(proof.GetRoots()), len(proof.GetState().GetIntermediateBlocks()))
	}
	if asked := l.requests(); len(asked) != 1 {
		t.Errorf("%d requests: %v", len(asked), asked)
	}
	// Awake again, neither roots nor light blocks are sent.
	if _, proof, _, err = awake.Resolve(t.Context(), readRequest); err != nil || len(proof.GetRoots())+len(proof.GetState().GetIntermediateBlocks()) != 0 {
		t.Errorf("error %v, %d roots, %d light blocks", err, len(proof.GetRoots()), len(proof.GetState().GetIntermediateBlocks()))
	}
}

// TestManyChanges: intermediate blocks for which there is no room at once come in pages.
func TestManyChanges(t *testing.T) {
	l := newLibrary(t)
	l.replaceValidators("many", bundle.MaxIntermediateBlocks/2+20, 1)
	c := l.client(l.memory(1))
	if _, _, warnings, err := c.Resolve(t.Context(), readRequest); err != nil || len(warnings) != 0 {
		t.Fatalf("error %v, warnings %v", err, warnings)
	}
	asked := l.requests()
	if len(asked) != 2 || !strings.Contains(asked[0], "trusted_height=1") || !strings.Contains(asked[1], "trusted_height=26") {
		t.Errorf("requests %q", asked)
	}
}

// TestFile: a bundle made for a file serves whoever imported an anchor that has
// not expired.
func TestFile(t *testing.T) {
	l := newLibrary(t)
	l.replaceValidators("file", 6, 3)
	b, err := l.reads.lookup.Resolve(readRequest, query.Known{TrustedHeight: 7, ForFile: true})
	if err != nil {
		t.Fatal(err)
	}
	for height := uint64(1); height <= l.Height(); height++ {
		if _, _, err := bundle.Verify(b, readRequest, l.memory(height), l.now(), bundle.OfflinePolicy()); err != nil {
			t.Errorf("anchor of height %d: %v", height, err)
		}
	}
}

// TestIndexSurvives: what leads over changes of the validators is found again
// after every restart, and also when old states are gone.
func TestIndexSurvives(t *testing.T) {
	l := newLibrary(t)
	l.replaceValidators("kept", 3, 2)
	v, err := l.StateMachine().View(l.Height())
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	var want []uint64
	for h := uint64(2); h <= l.Height(); h++ {
		if string(l.Block(h).ValidatorsHash) != string(l.Block(h-1).ValidatorsHash) {
			want = append(want, h)
		}
	}
	if got := fmt.Sprint(ledger.ValidatorChanges(v)); len(want) != 3 || got != fmt.Sprint(want) {
		t.Errorf("changes at %s, want %v", got, want)
	}
}

// TestManyRoots: more roots than a bundle has room for are verified and remembered
// in portions.
func TestManyRoots(t *testing.T) {
	l := newLibrary(t)
	const rotations = bundle.MaxRoots + 40
	version := uint64(2)
	for n := 0; n < rotations; n += 16 {
		var roots []*tuf.Root
		for range 16 {
			roots = append(roots, l.app.RotateRoot(version, l.app.RootKeys, l.app.TaggingKeys))
			version++
		}
		l.Commit(l.Consortium.Publish(l.app.RootKeys[0], fixture.Update{Roots: roots}))
	}
	l.Commit()
	c := l.client(l.memory(1))
	result, _, warnings, err := c.Resolve(t.Context(), readRequest)
	if err != nil || len(warnings) != 0 {
		t.Fatalf("error %v, warnings %v", err, warnings)
	}
	if result.RootVersion != version-1 {
		t.Errorf("root %d, want %d", result.RootVersion, version-1)
	}
	if asked := l.requests(); len(asked) < 2 || !strings.Contains(asked[len(asked)-1], "root_version=") {
		t.Errorf("requests %q", asked)
	}
	m, err := c.Memory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if seen, _ := m.Repository(readRequest.Repository); seen.RootVersion() != version-1 {
		t.Errorf("%d roots are remembered", seen.RootVersion())
	}

	// A portion is believed only as far as the ledger vouches for it.
	b, err := l.reads.lookup.Resolve(readRequest, query.Known{})
	if err != nil {
		t.Fatal(err)
	}
	for _, lie := range []struct {
		name string
		tell func()
		err  error
	}{
		{"honest", func() {}, bundle.ErrMoreRoots},
		{"last root unproven", func() { b.LastRoot.Proof[len(b.LastRoot.GetProof())-2] ^= 1 }, bundle.ErrProof},
		{"last root of another version", func() { b.Roots = b.GetRoots()[:len(b.GetRoots())-1] }, bundle.ErrProof},
		{"no last root", func() { b.LastRoot = nil }, bundle.ErrRoot},
	} {
		t.Run(lie.name, func(t *testing.T) {
			lie.tell()
			_, m, err := bundle.Verify(b, readRequest, l.memory(1), l.now(), bundle.DefaultPolicy())
			if !errors.Is(err, lie.err) || (m != nil) != errors.Is(lie.err, bundle.ErrMoreRoots) {
				t.Errorf("error %v, want %v; memory %v", err, lie.err, m != nil)
			}
			b, err = l.reads.lookup.Resolve(readRequest, query.Known{})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestHistoryOverHTTP: a client gets a whole history in pages, also while the
// ledger goes on, and no more than it wants.
func TestHistoryOverHTTP(t *testing.T) {
	l := newLibrary(t)
	const publications = 2*query.MaxHistoryPage + 30
	for version := uint64(2); version <= publications; version++ {
		l.Commit(l.app.Publish(version, fixture.Tags{"1.0": fmt.Sprint("image", version)}))
	}
	l.Commit()
	c := l.client(l.memory(1))
	l.requests()
	h, warnings, err := c.History(t.Context(), readRequest.Repository, client.HistoryOptions{})
	if err != nil || len(warnings) != 0 {
		t.Fatalf("error %v, warnings %v", err, warnings)
	}
	if n := len(h.Records); !h.Complete || n != publications+1 || h.Records[n-1].Revision != 1 || h.Revision != publications+1 {
		t.Errorf("%d records, complete: %v", n, h.Complete)
	}
	if asked := l.requests(); len(asked) != 3 {
		t.Errorf("%d requests", len(asked))
	}
	for _, tc := range []struct {
		options  client.HistoryOptions
		records  int
		complete bool
	}{
		{client.HistoryOptions{Limit: 1}, 1, false},
		{client.HistoryOptions{Limit: 130}, 130, false},
		{client.HistoryOptions{After: publications}, 1, true},
		{client.HistoryOptions{After: publications + 1}, 0, true},
		{client.HistoryOptions{After: 10, Limit: publications - 9}, publications - 9, true},
	} {
		h, _, err := c.History(t.Context(), readRequest.Repository, tc.options)
		if err != nil || len(h.Records) != tc.records || h.Complete != tc.complete {
			t.Errorf("%+v: error %v, history %+v", tc.options, err, h)
		}
	}
	_, _, err = c.History(t.Context(), reference.MustParseRepository("registry.example.com/none"), client.HistoryOptions{})
	if !errors.Is(err, bundle.ErrUnknownRepository) || client.ClassOf(err) != bundle.NotTrusted {
		t.Errorf("absent repository: %v", err)
	}
}

// TestAnswersOverHTTP asks the questions about transactions, the log and images.
func TestAnswersOverHTTP(t *testing.T) {
	l := newLibrary(t)
	l.replaceValidators("answers", 2, 1)
	tx := l.app.Publish(2, fixture.Tags{"1.0": "one", "2.0": "two"})
	height := l.Commit(tx)
	l.Commit()
	c := l.client(l.memory(1))
	l.requests()
	receipt, warnings, err := c.Receipt(t.Context(), tx, height)
	if err != nil || len(warnings) != 0 || receipt.Height != height || len(receipt.Records) != 1 || receipt.Records[0].Index != 2 {
		t.Fatalf("receipt %+v, error %v, warnings %v", receipt, err, warnings)
	}
	if asked := l.requests(); len(asked) != 1 {
		t.Errorf("requests %q", asked)
	}
	if r, _, err := c.Record(t.Context(), 1); err != nil || r.Repository.String() != readName || r.Revision != 2 {
		t.Errorf("record %+v, error %v", r, err)
	}
	if g, _, err := c.Growth(t.Context(), 2); err != nil || g.First.Log.Size != 2 || g.Second.Log.Size != 3 {
		t.Errorf("growth %+v, error %v", g, err)
	}
	if v, _, err := c.Vouchers(t.Context(), fixture.Digest("two")); err != nil || v.Count != 1 {
		t.Errorf("vouchers %+v, error %v", v, err)
	}
	// Much later it is found by its height only.
	for range 20 {
		l.Commit()
	}
	if _, err := l.reads.lookup.Receipt(query.Receipt{Hash: sha256.Sum256(tx)}, query.Known{}); !errors.Is(err, lookup.ErrNotFound) {
		t.Errorf("receipt of an old transaction: %v", err)
	}
	if r, _, err := c.Receipt(t.Context(), tx, height); err != nil || r.Height != height {
		t.Errorf("receipt of an old transaction: %+v, error %v", r, err)
	}
	// What is not there is not found, and no attack.
	if _, _, err := c.Receipt(t.Context(), l.app.Publish(9, nil), height); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("receipt of another transaction: %v", err)
	}
	if _, _, err := c.Record(t.Context(), 99); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("record 99: %v", err)
	}
}

// TestFilesTravelOnce: a targets file is sent again only after it has changed.
func TestFilesTravelOnce(t *testing.T) {
	l := newLibrary(t)
	tags := make(fixture.Tags)
	for i := range 200 {
		tags[fmt.Sprint("v", i)] = fmt.Sprint("image ", i)
	}
	tags["1.0"] = "one"
	l.Commit(l.app.Publish(2, tags))
	l.Commit()
	sizes := func() int {
		l.mu.Lock()
		defer l.mu.Unlock()
		n := l.sent
		l.sent = 0
		return n
	}
	c := l.client(l.memory(1))
	ask := func(want bool) {
		t.Helper()
		sizes()
		result, proof, warnings, err := c.Resolve(t.Context(), readRequest)
		if err != nil || len(warnings) != 0 || len(result.Targets.Targets) != len(tags) || len(proof.GetHeld()) != 0 {
			t.Fatalf("error %v, warnings %v", err, warnings)
		}
		if n := sizes(); (n > len(result.Targets.Bytes())) != want {
			t.Errorf("%d bytes were sent, the file has %d", n, len(result.Targets.Bytes()))
		}
	}
	ask(true)
	ask(false)
	tags["new"] = "new"
	l.Commit(l.app.Publish(3, tags))
	l.Commit()
	ask(true)
	ask(false)
	// Others need it all the same, and so does a file.
	proofs, _, err := c.Bundle(t.Context(), readRequest.Repository.WithTag(readRequest.Tag))
	if err != nil || len(proofs[0].Bundle.GetTargets()[0]) == 0 {
		t.Errorf("bundle for a file: %v", err)
	}
	c = l.client(l.memory(1))
	ask(true)
}
