package app

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	cmtcfg "github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/privval"

	"hullmark/internal/fixture"
	"hullmark/proto"
	"hullmark/record"
)

// quick is a configuration for a node that needs no fixed port and no patience.
func quick() Config {
	c := DefaultConfig()
	c.HTTP.Address = "127.0.0.1:0"
	c.HTTP.MetricsAddress = ""
	c.HTTP.SubmitTimeout = 5 * time.Second
	return c
}

func quickEngine(c *cmtcfg.Config) {
	c.RPC.ListenAddress = ""
	c.P2P.ListenAddress = "tcp://127.0.0.1:0"
	c.P2P.AllowDuplicateIP = true
	c.P2P.AddrBookStrict = false
	c.Consensus.TimeoutCommit = 20 * time.Millisecond
	c.Consensus.CreateEmptyBlocksInterval = 100 * time.Millisecond
	c.Instrumentation.Prometheus = false
}

// newHome makes the home of op-0 of a consortium of n validators, of whom the
// others never run.
func newHome(t testing.TB, n int) (Home, *fixture.Consortium) {
	t.Helper()
	h := Home(t.TempDir())
	if _, err := Init(h, InitOptions{Moniker: "op-0", Config: quick(), Engine: quickEngine}); err != nil {
		t.Fatal(err)
	}
	c := fixture.NewConsortium(t, n)
	c.Time = time.Now().UTC().Truncate(time.Second).Add(-time.Second)
	key := privval.LoadFilePV(h.validatorKeyFile(), h.validatorStateFile())
	c.Operators[0].Validator = fixture.KeyOf(t, ed25519.PrivateKey(key.Key.PrivKey.Bytes()))
	g := c.Genesis()
	doc, err := EncodeGenesis(g)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := InstallGenesis(h, doc); err != nil {
		t.Fatal(err)
	}
	return h, c
}

// openHome opens the node of a home and stops it after the test.
func openHome(t testing.TB, h Home, change func(*Config)) *Node {
	t.Helper()
	c, err := LoadConfig(h)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&c)
	}
	n, err := Open(h, Options{Config: c, Version: "test", Log: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// start runs a node until the end of the test.
func start(t testing.TB, n *Node) string {
	t.Helper()
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Stop(); err != nil {
			t.Errorf("couldn't stop: %v", err)
		}
	})
	return "http://" + n.Address()
}

// provable waits until a node can prove the state of a height.
func provable(t testing.TB, n *Node, height uint64) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if h, ok := n.lookup.StateHeight(); ok && h >= height {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("height %d cannot be proven", height)
		}
	}
}

// reply is an answer of the HTTP API.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func do(t testing.TB, method, url string, body io.Reader) reply {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, b}
}

func get(t testing.TB, url string) reply { t.Helper(); return do(t, http.MethodGet, url, nil) }

func post(t testing.TB, url string, tx []byte) reply {
	t.Helper()
	return do(t, http.MethodPost, url+"/v1/tx", bytes.NewReader(tx))
}

// problem returns the error object of an answer.
func (r reply) problem(t testing.TB) *proto.ErrorResponse {
	t.Helper()
	m := new(proto.ErrorResponse)
	if err := proto.UnmarshalJSON(r.body, m); err != nil || m.GetCode() == "" || m.GetMessage() == "" {
		t.Fatalf("status %d without an error object: %.200q (%v)", r.status, r.body, err)
	}
	return m
}

// receipt returns the receipt in an answer.
func (r reply) receipt(t testing.TB) *proto.TransactionResponse {
	t.Helper()
	m := new(proto.TransactionResponse)
	if err := proto.UnmarshalJSON(r.body, m); err != nil || r.status != http.StatusOK {
		t.Fatalf("status %d without a receipt: %.200q (%v)", r.status, r.body, err)
	}
	return m
}

func (r reply) expect(t testing.TB, status int, code string, ledger record.Code) {
	t.Helper()
	m := r.problem(t)
	if r.status != status || m.GetCode() != code || m.GetLedgerCode() != uint32(ledger) {
		t.Errorf("status %d, code %q, ledger code %d (%s); want %d, %q, %d", r.status, m.GetCode(), m.GetLedgerCode(), m.GetMessage(), status, code, ledger)
	}
}

// journal is a log that tests read.
type journal struct {
	mu sync.Mutex
	b  strings.Builder
}

// Write implements io.Writer.
func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func replaceFile(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
