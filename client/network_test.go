package client_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	protobuf "google.golang.org/protobuf/proto"

	"hullmark/bundle"
	"hullmark/bundle/bundletest"
	"hullmark/client"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/lookup"
	"hullmark/proto"
	"hullmark/query"
	"hullmark/record"
)

const (
	app   = "registry.example.com/app"
	other = "registry.example.com/other"
)

// network is a ledger and the nodes that serve it over HTTP.
type network struct {
	tb    testing.TB
	nodes []*node
	app   *fixture.Publisher
	other *fixture.Publisher

	mu    sync.Mutex // guards the chain
	chain *bundletest.Chain
}

// node is a node of the network. Handle stands in for the honest answer to a
// request when it is set and returns true.
type node struct {
	*httptest.Server
	network *network

	mu     sync.Mutex
	handle func(w http.ResponseWriter, r *http.Request) bool
	calls  []string
}

func newNetwork(tb testing.TB, nodes int) *network {
	tb.Helper()
	n := &network{tb: tb, chain: bundletest.NewChain(tb, fixture.NewConsortium(tb, 4))}
	n.app = n.chain.NewPublisherOf(app, keys.KeytypeEd25519, keys.KeytypeECDSA)
	n.other = n.chain.NewPublisher(other)
	op := n.chain.Operators[0]
	n.chain.Commit(n.app.Register(op), n.other.Register(op))
	n.chain.Commit(n.app.Publish(1, fixture.Tags{"1.0": "one", "old": "gone"}), n.other.Publish(1, fixture.Tags{"1.0": "foreign"}))
	n.chain.Commit(n.app.Publish(2, fixture.Tags{"1.0": "one", "latest": "two"}))
	n.chain.Commit()
	for range nodes {
		nd := &node{network: n}
		nd.Server = httptest.NewServer(nd)
		tb.Cleanup(nd.Close)
		n.nodes = append(n.nodes, nd)
	}
	return n
}

// do runs f while nobody else uses the chain.
func (n *network) do(f func(c *bundletest.Chain)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f(n.chain)
}

func (n *network) commit(txs ...[]byte) { n.do(func(c *bundletest.Chain) { c.Commit(txs...) }) }

func (n *network) urls() []string {
	var out []string
	for _, nd := range n.nodes {
		out = append(out, nd.URL)
	}
	return out
}

// now is the clock of the network's clients.
func (n *network) now() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.chain.Now()
}

func (n *network) anchor() *bundle.Anchor {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.chain.Anchor(1)
}

// client returns a client of all nodes that never hedges and never waits.
func (n *network) client(change ...func(*client.Options)) *client.Client {
	n.tb.Helper()
	o := client.Options{
		Nodes: n.urls(), Store: client.NewMemoryStore(bundle.NewMemory(n.anchor())),
		Hedge: -1, Now: n.now, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
	for _, f := range change {
		f(&o)
	}
	c, err := client.New(o)
	if err != nil {
		n.tb.Fatal(err)
	}
	return c
}

// inOrder returns the nodes in the order in which a client asks them about a name.
func (n *network) inOrder(c *client.Client, name string) []*node {
	var out []*node
	for _, u := range c.Order(name) {
		i := slices.IndexFunc(n.nodes, func(nd *node) bool { return nd.URL == u })
		out = append(out, n.nodes[i])
	}
	return out
}

// lie sets what a node does instead of the honest thing.
func (nd *node) lie(f func(w http.ResponseWriter, r *http.Request) bool) {
	nd.mu.Lock()
	defer nd.mu.Unlock()
	nd.handle = f
}

// seen returns the requests the node got, as path and query.
func (nd *node) seen() []string {
	nd.mu.Lock()
	defer nd.mu.Unlock()
	return slices.Clone(nd.calls)
}

// ServeHTTP implements http.Handler.
func (nd *node) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	nd.mu.Lock()
	nd.calls = append(nd.calls, r.URL.RequestURI())
	handle := nd.handle
	nd.mu.Unlock()
	if handle != nil && handle(w, r) {
		return
	}
	nd.honest(w, r)
}

// honest answers as a node should.
func (nd *node) honest(w http.ResponseWriter, r *http.Request) {
	n := nd.network
	n.mu.Lock()
	defer n.mu.Unlock()
	switch r.URL.Path {
	case query.PathSubmit:
		tx, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if receipt := n.chain.Receipt(tx); receipt != nil {
			receipt.Duplicate = true
			send(w, receipt)
			return
		}
		if rejections := n.chain.TryCommit(tx); len(rejections) > 0 {
			code, _ := record.CodeOf(rejections[0])
			fail(w, 422, code.Name(), rejections[0].Error(), uint32(code))
			return
		}
		n.chain.Commit() // so that the state can be proven
		send(w, n.chain.Receipt(tx))
	case query.PathStatus:
		send(w, &proto.StatusResponse{Ledger: n.chain.Ledger(), Height: n.chain.Height(), NodeId: nd.URL})
	default:
		q, k, err := query.Parse(r.URL.Path, r.URL.Query())
		if err != nil {
			fail(w, 400, "bad-request", err.Error(), 0)
			return
		}
		n.answer(w, q, k)
	}
}

// answer looks a question up. The caller holds n.mu.
func (n *network) answer(w http.ResponseWriter, q query.Question, k query.Known) {
	var m protobuf.Message
	var err error
	switch q := q.(type) {
	case query.Content:
		var b []byte
		if b, err = n.chain.Reader().Content(q); err == nil {
			_, _ = w.Write(b)
			return
		}
	case query.LightBlock:
		m, err = n.chain.Reader().LightBlock(q)
	default:
		m, err = n.chain.Reader().Answer(q, k)
	}
	switch {
	case err == nil:
		send(w, m)
	case errors.Is(err, lookup.ErrNotReady):
		fail(w, 503, "not-ready", err.Error(), 0)
	case errors.Is(err, lookup.ErrNotFound):
		fail(w, 404, "not-found", err.Error(), 0)
	default:
		fail(w, 500, "internal", err.Error(), 0)
	}
}

func number(r *http.Request, name string) uint64 {
	v, err := strconv.ParseUint(r.URL.Query().Get(name), 10, 64)
	if err != nil {
		return 0
	}
	return v
}

// question reads the question whose answer is a bundle, if a request asks one.
func question(r *http.Request) (query.Resolve, query.Known, bool) {
	q, k, err := query.Parse(r.URL.Path, r.URL.Query())
	resolve, ok := q.(query.Resolve)
	return resolve, k, err == nil && ok
}

func send(w http.ResponseWriter, m protobuf.Message) {
	b, err := proto.MarshalJSON(m)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(b)
}

func fail(w http.ResponseWriter, status int, code, message string, ledger uint32) {
	w.WriteHeader(status)
	b, err := proto.MarshalJSON(&proto.ErrorResponse{Code: code, Message: message, LedgerCode: ledger})
	if err == nil {
		_, _ = w.Write(b)
	}
}

// The ways in which a node is bad. Each answers every request.

func busy(w http.ResponseWriter, _ *http.Request) bool {
	w.Header().Set("Retry-After", "1")
	fail(w, 503, "mempool-full", "later", 0)
	return true
}

func broken(w http.ResponseWriter, _ *http.Request) bool {
	fail(w, 500, "internal", "broken", 0)
	return true
}

func hangsUp(w http.ResponseWriter, _ *http.Request) bool {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = conn.Close()
	}
	return true
}

func says(b []byte) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		_, _ = w.Write(b)
		return true
	}
}

// twists changes honest bundles.
func (n *network) twists(change func(b *proto.Bundle)) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		q, k, ok := question(r)
		if !ok {
			return false
		}
		n.do(func(c *bundletest.Chain) {
			b := c.Newest().BundleFor(q, k)
			change(b)
			send(w, b)
		})
		return true
	}
}

// answers gives an answer from an earlier height.
func (n *network) answersFrom(height uint64) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		q, k, ok := question(r)
		if !ok {
			return false
		}
		n.do(func(c *bundletest.Chain) { send(w, c.Source(height).BundleFor(q, k)) })
		return true
	}
}

func ref(text string) query.Resolve { return bundletest.Request(text) }

func sum(b []byte) []byte {
	s := sha256.Sum256(b)
	return s[:]
}

func hexOf(b []byte) string { return hex.EncodeToString(b) }
