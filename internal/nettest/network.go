// Package nettest is what the suites that run real networks share: networks of
// nodes in this process or in processes of their own, publishers that use them,
// and the check of what the nodes leave on disk.
//
// A function that cannot do what it is asked ends the test it was given.
package nettest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"hullmark/app"
	"hullmark/bundle"
	"hullmark/client"
	"hullmark/internal/testnet"
	"hullmark/keystore"
	"hullmark/proto"
	"hullmark/query"
	"hullmark/record"
)

// Network is a network under test.
type Network struct {
	*testnet.Network
	// T is the test that runs now; change it when a subtest takes over.
	T       testing.TB
	Genesis *record.Genesis
	// Anchor is the trust anchor of the network's first provable state.
	Anchor *bundle.Anchor
}

// Idle is the pause between blocks when nothing happens. Tests wait for blocks, so
// it is shorter than a real network's.
const Idle = 500 * time.Millisecond

// ReadyMaxAge is how old the newest block may be while a node is ready.
const ReadyMaxAge = 4 * time.Second

// New makes the homes of a network.
func New(t testing.TB, name string, validators int, change ...func(*testnet.Options)) *Network {
	t.Helper()
	o := testnet.Options{
		Dir: t.TempDir(), Name: name, Validators: validators, Namespaces: []string{"localhost:5000", "registry.example.com"},
		GenesisTime: time.Now(), TimeoutCommit: 100 * time.Millisecond,
		Unlimited: true, // publishers and whoever else a test has share an address
		Log:       app.LogConfig{Level: "info", EngineLevel: "error", Format: "text"},
	}
	for _, c := range change {
		c(&o)
	}
	n, err := testnet.Create(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range n.Nodes {
		Edit(t, filepath.Join(string(node.Home), "config", "config.toml"), `create_empty_blocks_interval = "5s"`, fmt.Sprintf(`create_empty_blocks_interval = "%s"`, Idle))
		Edit(t, filepath.Join(string(node.Home), "config", "hullmarkd.toml"), `ready_max_age = "30s"`, fmt.Sprintf(`ready_max_age = "%s"`, ReadyMaxAge))
	}
	g, err := app.LoadGenesis(n.Nodes[0].Home)
	if err != nil {
		t.Fatal(err)
	}
	return &Network{Network: n, T: t, Genesis: g}
}

// Edit replaces a line of a file.
func Edit(t testing.TB, path, from, to string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(b, []byte(from)) {
		t.Fatalf("%s has no %q", path, from)
	}
	if err := os.WriteFile(path, bytes.Replace(b, []byte(from), []byte(to), 1), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Patience is how long a test waits for what must happen at some time. The engine
// may ban a peer for a minute when both dial each other at once after a restart.
const Patience = 3 * time.Minute

// Context ends with the test, or after Patience.
func (n *Network) Context() context.Context {
	n.T.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	n.T.Cleanup(cancel)
	return ctx
}

// Until waits for a condition.
func (n *Network) Until(what string, condition func() bool) {
	n.T.Helper()
	for deadline := time.Now().Add(Patience); !condition(); time.Sleep(30 * time.Millisecond) {
		if time.Now().After(deadline) {
			n.T.Fatalf("waited too long until %s", what)
		}
	}
}

// Provable waits until nodes can prove the state of a height.
func (n *Network) Provable(height uint64, nodes ...int) {
	n.T.Helper()
	for _, i := range nodes {
		if err := testnet.WaitProvable(n.Context(), height, n.Nodes[i].URL); err != nil {
			n.T.Fatal(err)
		}
	}
}

// Status is what a node says of itself.
func (n *Network) Status(i int) *proto.StatusResponse {
	n.T.Helper()
	s, err := app.FetchStatus(n.Context(), n.Nodes[i].URL)
	if err != nil {
		n.T.Fatal(err)
	}
	return s
}

// Client returns a client that knows the network's anchor and nothing else.
func (n *Network) Client(urls ...string) *client.Client {
	n.T.Helper()
	return n.ClientWith(client.Options{Nodes: urls})
}

// ClientWith is Client with options; it asks one node at a time unless told.
func (n *Network) ClientWith(o client.Options) *client.Client {
	n.T.Helper()
	o.Store = client.NewMemoryStore(bundle.NewMemory(n.Anchor))
	if o.Hedge == 0 {
		o.Hedge = -1
	}
	c, err := client.New(o)
	if err != nil {
		n.T.Fatal(err)
	}
	return c
}

// Operator returns the governance key of an operator.
func (n *Network) Operator(i int) *keystore.Key {
	n.T.Helper()
	passphrase, err := os.ReadFile(n.PassphraseFile)
	if err != nil {
		n.T.Fatal(err)
	}
	key, err := keystore.New(filepath.Dir(n.Operators[i].KeyFile)).Open(n.Operators[i].ID, bytes.TrimSpace(passphrase))
	if err != nil {
		n.T.Fatal(err)
	}
	n.T.Cleanup(key.Close)
	return key
}

// Submit posts a transaction to a node.
func (n *Network) Submit(i int, tx []byte) (status int, receipt *proto.TransactionResponse, problem *proto.ErrorResponse) {
	n.T.Helper()
	req, err := http.NewRequestWithContext(n.Context(), http.MethodPost, n.Nodes[i].URL+query.PathSubmit, bytes.NewReader(tx))
	if err != nil {
		n.T.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		n.T.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		n.T.Fatal(err)
	}
	if resp.StatusCode == http.StatusOK {
		receipt = new(proto.TransactionResponse)
		err = proto.UnmarshalJSON(b, receipt)
	} else {
		problem = new(proto.ErrorResponse)
		err = proto.UnmarshalJSON(b, problem)
	}
	if err != nil {
		n.T.Fatalf("status %d: %.200s: %v", resp.StatusCode, b, err)
	}
	return resp.StatusCode, receipt, problem
}

// Ready returns what a node answers to /readyz.
func (n *Network) Ready(i int) bool {
	resp, err := http.Get(n.Nodes[i].URL + query.PathReady)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}
