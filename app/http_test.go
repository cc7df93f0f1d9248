package app

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	cmtabci "github.com/cometbft/cometbft/abci/types"

	"hullmark/abci"
	"hullmark/bundle"
	"hullmark/internal/fixture"
	"hullmark/proto"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// published is a running node of one validator whose ledger holds one repository
// with one tag.
type published struct {
	*Node
	c   *fixture.Consortium
	app *fixture.Publisher
	url string
	tx  []byte // publication of targets 1
	at  *proto.TransactionResponse
}

func newPublished(t testing.TB, change func(*Config)) *published {
	t.Helper()
	h, c := newHome(t, 1)
	p := &published{Node: openHome(t, h, change), c: c, app: c.NewPublisher("registry.example.com/app")}
	p.url = start(t, p.Node)
	p.tx = p.app.Publish(1, fixture.Tags{"1.0": "one"})
	post(t, p.url, p.app.Register(c.Operators[0])).receipt(t)
	p.at = post(t, p.url, p.tx).receipt(t)
	provable(t, p.Node, p.at.GetHeight())
	return p
}

// TestHTTP goes through the whole interface of one node.
func TestHTTP(t *testing.T) {
	p := newPublished(t, nil)
	digest := fixture.Digest("one").String()
	root := p.app.Root(1)
	rootName := root.FileDigest()
	tip := func() string { return get(t, p.url+"/v1/status").header.Get("Hullmark-Height") }

	t.Run("bundles", func(t *testing.T) {
		for _, query := range []string{
			"/v1/resolve?ref=registry.example.com/app:1.0",
			"/v1/resolve?ref=registry.example.com/app:1.0&trusted_height=1&root_version=1&min_state_height=2",
			"/v1/resolve?ref=registry.example.com/app:none&assurance=ledger",
			"/v1/image?repository=registry.example.com/app&digest=" + digest,
			"/v1/repository?name=registry.example.com/app",
			"/v1/repository?name=registry.example.com/none",
		} {
			r := get(t, p.url+query)
			if r.status != http.StatusOK || r.header.Get("Content-Type") != bundle.MediaType {
				t.Errorf("%s: status %d, %s: %.200s", query, r.status, r.header.Get("Content-Type"), r.body)
				continue
			}
			if b, err := bundle.Decode(r.body); err != nil || b.GetState().GetLedger() != p.c.Ledger() {
				t.Errorf("%s: %v", query, err)
			}
		}
	})
	t.Run("files", func(t *testing.T) {
		for path, want := range map[string][]byte{
			"/v1/metadata/" + hex.EncodeToString(rootName[:]):                         root.Bytes(),
			"/v1/metadata?repository=registry.example.com/app&role=root":              root.Bytes(),
			"/v1/metadata?repository=registry.example.com/app&role=root&version=1":    root.Bytes(),
			"/v1/metadata?repository=registry.example.com/app&role=targets&version=1": p.app.Targets(1, fixture.Tags{"1.0": "one"}).Bytes(),
			"/v1/metadata?repository=registry.example.com/app&role=targets":           p.app.Targets(1, fixture.Tags{"1.0": "one"}).Bytes(),
		} {
			if r := get(t, p.url+path); r.status != http.StatusOK || !bytes.Equal(r.body, want) {
				t.Errorf("%s: status %d: %.200s", path, r.status, r.body)
			}
		}
	})
	t.Run("light blocks", func(t *testing.T) {
		for _, query := range []string{"", "?height=1", "?height=" + tip()} {
			r := get(t, p.url+"/v1/light-block"+query)
			m := new(proto.LightBlockResponse)
			if err := proto.UnmarshalJSON(r.body, m); err != nil || r.status != http.StatusOK {
				t.Fatalf("%s: status %d, %v", query, r.status, err)
			}
			lb, err := bundle.DecodeLightBlock(p.c.Ledger(), m.GetLightBlock())
			if err != nil || uint64(lb.Height) != m.GetHeight() {
				t.Errorf("%s: %v", query, err)
			}
		}
	})
	t.Run("status", func(t *testing.T) {
		r := get(t, p.url+"/v1/status")
		m := new(proto.StatusResponse)
		if err := proto.UnmarshalJSON(r.body, m); err != nil {
			t.Fatal(err)
		}
		if m.GetLedger() != p.c.Ledger() || m.GetOperator() != "op-0" || !m.GetValidator() || m.GetLogSize() != 2 || m.GetVersion() != "test" ||
			m.GetHeight() <= m.GetStateHeight() || m.GetStateHeight() < p.at.GetHeight() || len(m.GetAppHash()) != 32 {
			t.Errorf("status %v", m)
		}
		if _, err := time.Parse(time.RFC3339Nano, m.GetBlockTime()); err != nil {
			t.Error(err)
		}
	})
	t.Run("health", func(t *testing.T) {
		for _, path := range []string{"/healthz", "/readyz"} {
			if r := get(t, p.url+path); r.status != http.StatusOK {
				t.Errorf("%s: %d %s", path, r.status, r.body)
			}
		}
	})
	t.Run("headers", func(t *testing.T) {
		for _, path := range []string{"/v1/status", "/v1/resolve?ref=registry.example.com/app:1.0", "/v1/nothing", "/v1/resolve"} {
			h := get(t, p.url+path).header
			if h.Get("Hullmark-Ledger") != p.c.Ledger() || h.Get("Hullmark-Height") == "" || h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s: %v", path, h)
			}
		}
		// Content never changes, so everybody may keep it.
		if h := get(t, p.url+"/v1/metadata/"+hex.EncodeToString(rootName[:])).header; !strings.Contains(h.Get("Cache-Control"), "immutable") {
			t.Errorf("content: %v", h)
		}
		// An error must not be kept in its place.
		if h := get(t, p.url+"/v1/metadata/"+strings.Repeat("0", 64)).header; h.Get("Cache-Control") != "no-store" {
			t.Errorf("no content: %v", h)
		}
	})
	t.Run("refused", func(t *testing.T) {
		tests := []struct {
			method, path string
			status       int
			code         string
		}{
			{"GET", "/", 404, "not-found"},
			{"GET", "/v1", 404, "not-found"},
			{"GET", "/v1/nothing", 404, "not-found"},
			{"GET", "/v1/resolve/", 404, "not-found"},
			{"GET", "/" + strings.Repeat("x", 5000), 404, "not-found"},
			{"POST", "/v1/resolve?ref=registry.example.com/app:1.0", 405, "method-not-allowed"},
			{"DELETE", "/v1/metadata/" + strings.Repeat("0", 64), 405, "method-not-allowed"},
			{"PUT", "/v1/tx", 405, "method-not-allowed"},
			{"GET", "/v1/tx", 405, "method-not-allowed"},
			{"POST", "/healthz", 405, "method-not-allowed"},
			{"OPTIONS", "/v1/status", 405, "method-not-allowed"},
			{"GET", "/v1/resolve", 400, "bad-request"},
			{"GET", "/v1/resolve?ref=%00", 400, "bad-request"},
			{"GET", "/v1/resolve?ref=Upper/Case:1", 400, "bad-request"},
			{"GET", "/v1/resolve?ref=registry.example.com/app@" + digest, 400, "bad-request"},
			{"GET", "/v1/resolve?ref=registry.example.com/app:1.0&assurance=none", 400, "bad-request"},
			{"GET", "/v1/resolve?ref=registry.example.com/app:1.0&root_version=x", 400, "bad-request"},
			{"GET", "/v1/resolve?ref=registry.example.com/app:1.0&trusted_height=-1", 400, "bad-request"},
			{"GET", "/v1/resolve?ref=registry.example.com/app:1.0&min_state_height=1e3", 400, "bad-request"},
			{"GET", "/v1/resolve?ref=registry.example.com/app:1.0&min_state_height=9223372036854775807", 503, "not-ready"},
			{"GET", "/v1/image?repository=registry.example.com/app", 400, "bad-request"},
			{"GET", "/v1/image?digest=" + digest + "&repository=", 400, "bad-request"},
			{"GET", "/v1/repository", 400, "bad-request"},
			{"GET", "/v1/metadata", 400, "bad-request"},
			{"GET", "/v1/metadata?repository=registry.example.com/app", 400, "bad-request"},
			{"GET", "/v1/metadata?repository=registry.example.com/app&role=snapshot", 400, "bad-request"},
			{"GET", "/v1/metadata?repository=registry.example.com/app&role=targets&version=0", 400, "bad-request"},
			{"GET", "/v1/metadata?repository=registry.example.com/app&role=targets&unknown=arg", 400, "bad-request"},
			{"GET", "/v1/resolve?ref=registry.example.com/app:1.0&root_version=%zz", 400, "bad-request"},
			{"GET", "/v1/light-block?height=0", 400, "bad-request"},
			{"GET", "/v1/metadata?repository=registry.example.com/app&role=../root", 400, "bad-request"},
			{"GET", "/v1/metadata?repository=registry.example.com/app&role=root&version=2", 404, "not-found"},
			{"GET", "/v1/metadata?repository=registry.example.com/none&role=root", 404, "not-found"},
			{"GET", "/v1/metadata?repository=registry.example.com/app&role=targets/ci", 404, "not-found"},
			{"GET", "/v1/metadata/" + strings.Repeat("0", 64), 404, "not-found"},
			{"GET", "/v1/metadata/" + strings.Repeat("0", 63), 400, "bad-request"},
			{"GET", "/v1/metadata/" + strings.Repeat("g", 64), 400, "bad-request"},
			{"GET", "/v1/light-block?height=1000000", 404, "not-found"},
			{"GET", "/v1/light-block?height=9223372036854775807", 404, "not-found"},
			{"GET", "/v1/light-block?height=9223372036854775808", 400, "bad-request"},
			{"GET", "/v1/light-block?height=-1", 400, "bad-request"},
		}
		for _, tc := range tests {
			t.Run(tc.method+" "+tc.path[:min(len(tc.path), 70)], func(t *testing.T) {
				r := do(t, tc.method, p.url+tc.path, nil)
				r.expect(t, tc.status, tc.code, 0)
				if (r.header.Get("Allow") != "") != (tc.status == 405) || (r.header.Get("Retry-After") != "") != (tc.status == 503) {
					t.Errorf("headers %v", r.header)
				}
				if len(r.body) > 1000 {
					t.Errorf("an error of %d bytes", len(r.body))
				}
			})
		}
	})
}

// TestSubmit sends good, repeated and bad transactions to a node of one validator.
func TestSubmit(t *testing.T) {
	p := newPublished(t, nil)
	if p.at.GetDuplicate() {
		t.Error("a new transaction is called a duplicate")
	}
	env, err := record.DecodeEnvelope(p.tx)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(p.at.GetHash(), env.Hash[:]) {
		t.Error("the receipt is of another transaction")
	}
	lb, err := p.blocks.LightBlock(p.at.GetHeight())
	if err != nil {
		t.Fatal(err)
	}
	if err := bundle.VerifyTransaction(p.tx, p.at, lb.Header); err != nil {
		t.Error(err)
	}
	before := p.Status().GetLogSize()
	again := post(t, p.url, p.tx).receipt(t)
	if !again.GetDuplicate() || again.GetHeight() != p.at.GetHeight() || again.GetIndex() != p.at.GetIndex() || !bytes.Equal(again.GetProof(), p.at.GetProof()) {
		t.Errorf("sent again: %v; first: %v", again, p.at)
	}
	// The engine has forgotten it, the ledger has not.
	p.engine.Mempool().Flush()
	if again := post(t, p.url, p.tx).receipt(t); !again.GetDuplicate() || again.GetHeight() != p.at.GetHeight() {
		t.Errorf("sent again later: %v", again)
	}

	stranger := p.c.NewPublish(p.c.Operators[0].Notary, fixture.Update{Targets: p.app.Targets(2, nil)})
	wrongChain := p.c.NewPublish(p.app.TaggingKeys[0], fixture.Update{Targets: p.app.Targets(2, nil)})
	wrongChain.ChainID = "other-0123456789abcdef"
	tests := []struct {
		name   string
		tx     []byte
		status int
		code   record.Code
	}{
		{"nothing", nil, 422, record.CodeMalformed},
		{"text", []byte("hello"), 422, record.CodeMalformed},
		{"cut short", p.tx[:len(p.tx)-1], 422, record.CodeMalformed},
		{"largest that is read", make([]byte, record.MaxTransactionSize), 422, record.CodeMalformed},
		{"too large", make([]byte, record.MaxTransactionSize+1), 413, record.CodeTooLarge},
		{"much too large", make([]byte, 8<<20), 413, record.CodeTooLarge},
		{"another chain", wrongChain.Bytes(), 422, record.CodeWrongChain},
		{"stranger", stranger.Bytes(), 422, record.CodeUnknownSubmitter},
		{"other content of a version", p.app.Publish(1, fixture.Tags{"1.0": "evil"}), 422, record.CodeStaleScope},
		{"version left out", p.app.Publish(3, nil), 422, record.CodeFutureScope},
		{"repository again", p.c.Register(p.c.Operators[0], p.app.SignRoot(rootWithOtherExpiry(p.app), p.app.RootKeys...)), 422, record.CodeRepositoryExists},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			for range 2 {
				post(t, p.url, tc.tx).expect(t, tc.status, tc.code.Name(), tc.code)
			}
		})
	}
	if s := p.Status(); s.GetLogSize() != before || s.GetPending() != 0 {
		t.Errorf("%d records instead of %d, %d transactions wait", s.GetLogSize(), before, s.GetPending())
	}
	// Its first registration is found in its block, too.
	if r := post(t, p.url, p.app.Register(p.c.Operators[0])).receipt(t); !r.GetDuplicate() {
		t.Errorf("registered again: %v", r)
	}
	// What was refused while its predecessor was missing is taken after it.
	three := p.app.Publish(3, nil)
	post(t, p.url, three).expect(t, 422, record.CodeFutureScope.Name(), record.CodeFutureScope)
	post(t, p.url, p.app.Publish(2, nil)).receipt(t)
	post(t, p.url, three).receipt(t)
}

// TestSubmitTogether: the same bytes sent at once are committed once, and everybody
// gets a receipt.
func TestSubmitTogether(t *testing.T) {
	p := newPublished(t, nil)
	tx := p.app.Publish(2, nil)
	replies := make(chan reply, 8)
	for range cap(replies) {
		go func() { replies <- post(t, p.url, tx) }()
	}
	for range cap(replies) {
		r := <-replies
		m := new(proto.TransactionResponse)
		if err := proto.UnmarshalJSON(r.body, m); err != nil || r.status != http.StatusOK {
			t.Errorf("status %d: %.200s", r.status, r.body)
		}
	}
	if n := p.Status().GetLogSize(); n != 3 {
		t.Errorf("%d records, want 3", n)
	}
}

// TestWithoutQuorum: a node whose peers are down runs, says that it is not ready,
// and promises nothing.
func TestWithoutQuorum(t *testing.T) {
	h, c := newHome(t, 4)
	n := openHome(t, h, func(c *Config) { c.HTTP.SubmitTimeout = time.Second })
	url := start(t, n)
	if r := get(t, url+"/healthz"); r.status != http.StatusOK {
		t.Errorf("healthz: %d", r.status)
	}
	if r := get(t, url+"/readyz"); r.status != http.StatusServiceUnavailable {
		t.Errorf("readyz: %d %s", r.status, r.body)
	}
	for _, path := range []string{"/v1/resolve?ref=registry.example.com/app:1.0", "/v1/repository?name=registry.example.com/app&min_state_height=17", "/v1/light-block"} {
		r := get(t, url+path)
		r.expect(t, http.StatusServiceUnavailable, "not-ready", 0)
		if r.header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", path)
		}
	}
	get(t, url+"/v1/metadata?repository=registry.example.com/app&role=root").expect(t, http.StatusNotFound, "not-found", 0)
	app := c.NewPublisher("registry.example.com/app")
	for range 2 { // new, and waiting
		r := post(t, url, app.Register(c.Operators[0]))
		r.expect(t, http.StatusGatewayTimeout, "not-committed", 0)
	}
	post(t, url, c.NewPublisher("registry.example.com/other").Register(c.Operators[1])).expect(t, 422, record.CodeNotOwner.Name(), record.CodeNotOwner)
	if n.Status().GetPending() != 1 {
		t.Errorf("%d transactions wait, want 1", n.Status().GetPending())
	}
	if _, err := n.Anchor(); err == nil {
		t.Error("a trust anchor without a block")
	}
}

// TestDroppedIsAnswered: who waits for a transaction is told at once, and why, when the
// mempool drops it or refuses it from somebody else; the node's own refusals say when to
// come again.
func TestDroppedIsAnswered(t *testing.T) {
	h, c := newHome(t, 4) // without the others no block ends the wait
	n := openHome(t, h, func(c *Config) { c.HTTP.SubmitTimeout = time.Hour })
	url := start(t, n)
	for _, tc := range []struct {
		name    string
		verdict *cmtabci.ResponseCheckTx
		status  int
		code    string
		ledger  record.Code
		retry   string
	}{
		{"expired", &cmtabci.ResponseCheckTx{Code: uint32(record.CodeExpired), Codespace: record.Codespace, Log: "expired"}, 422, "metadata-expired", record.CodeExpired, ""},
		{"lost a race", &cmtabci.ResponseCheckTx{Code: uint32(record.CodeStaleScope), Codespace: record.Codespace, Log: "stale"}, 422, "stale-scope", record.CodeStaleScope, ""},
		{"no turn", &cmtabci.ResponseCheckTx{Code: abci.CodeBusy, Codespace: abci.NodeCodespace}, 503, "busy", 0, "2"},
		{"account empty", &cmtabci.ResponseCheckTx{Code: abci.CodeCharged, Codespace: abci.NodeCodespace, Info: "7"}, 429, "busy", 0, "7"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tx := c.NewPublisher("registry.example.com/" + strings.ReplaceAll(tc.name, " ", "-")).Register(c.Operators[0])
			replies := make(chan reply, 2)
			for range cap(replies) {
				go func() { replies <- post(t, url, tx) }()
			}
			hash := sha256.Sum256(tx)
			for waiting := 0; waiting < cap(replies); time.Sleep(time.Millisecond) {
				n.submissions.mu.Lock()
				if sub := n.submissions.open[hash]; sub != nil {
					waiting = sub.users
				}
				n.submissions.mu.Unlock()
			}
			n.submissions.refuse(hash, refusal(tc.verdict))
			for range cap(replies) {
				r := <-replies
				r.expect(t, tc.status, tc.code, tc.ledger)
				if got := r.header.Get("Retry-After"); got != tc.retry {
					t.Errorf("Retry-After %q, want %q", got, tc.retry)
				}
			}
		})
	}
}

// TestMempoolFull: a node that takes no more says when to come back.
func TestMempoolFull(t *testing.T) {
	h, c := newHome(t, 4)
	text := string(readFile(t, h.engineConfigFile()))
	changed := strings.Replace(text, "\nsize = 5000\n", "\nsize = 100\n", 1) // 80 of them ordinary
	if changed == text {
		t.Fatal("config.toml has no size of the mempool")
	}
	replaceFile(t, h.engineConfigFile(), []byte(changed))
	n := openHome(t, h, func(c *Config) { c.HTTP.SubmitTimeout = time.Second })
	url := start(t, n)
	for i := range 79 {
		if err := n.offer(c.NewPublisher(fmt.Sprintf("registry.example.com/a%d", i)).Register(c.Operators[0])); err != nil {
			t.Fatalf("registration %d: %v", i, err)
		}
	}
	post(t, url, c.NewPublisher("registry.example.com/a").Register(c.Operators[0])).expect(t, 504, "not-committed", 0)
	r := post(t, url, c.NewPublisher("registry.example.com/b").Register(c.Operators[0]))
	r.expect(t, 503, "mempool-full", 0)
	if r.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

// TestErrorsAreJSON: every answer that is not 2xx is one JSON object, whatever the
// request.
func TestErrorsAreJSON(t *testing.T) {
	h, _ := newHome(t, 1)
	n := openHome(t, h, nil)
	url := start(t, n)
	for _, r := range []reply{
		get(t, url+"/v1/resolve?ref=%E2%80%AE"),
		get(t, url+"/%22%3Cscript%3E"),
		do(t, http.MethodPost, url+"/v1/tx", io.LimitReader(endless{}, 2*record.MaxTransactionSize)),
	} {
		if !json.Valid(r.body) || r.header.Get("Content-Type") != "application/json" {
			t.Errorf("status %d: %s %q", r.status, r.header.Get("Content-Type"), r.body)
		}
	}
}

type endless struct{}

// Read implements io.Reader.
func (endless) Read(b []byte) (int, error) { return len(b), nil }

// FuzzRequest: no request makes a node answer with an error of its own.
func FuzzRequest(f *testing.F) {
	p := newPublished(f, nil)
	handler := p.handler()
	for _, path := range []string{"/v1/resolve?ref=registry.example.com/app:1.0", "/v1/image?digest=" + reference.SumSHA256(nil).String(), "/v1/metadata/00", "/v1/light-block?height=1", "/v1/repository?name=a&root_version=1"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, target string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://x/"+strings.TrimLeft(target, "/"), nil)
		if err != nil || r.URL.Query().Has("min_state_height") {
			return // no request, or one that waits
		}
		var w recorder
		handler.ServeHTTP(&w, r)
		if w.status == http.StatusInternalServerError || w.status == 0 {
			t.Errorf("%q: status %d", target, w.status)
		}
	})
}

type recorder struct {
	header http.Header
	status int
}

func (w *recorder) Header() http.Header {
	if w.header == nil {
		w.header = make(http.Header)
	}
	return w.header
}
func (w *recorder) WriteHeader(status int)      { w.status = status }
func (w *recorder) Write(b []byte) (int, error) { return len(b), nil }

// rootWithOtherExpiry is another root 1 of a publisher.
func rootWithOtherExpiry(p *fixture.Publisher) tuf.RootSpec {
	spec := p.RootSpec(1)
	spec.Expires = spec.Expires.Add(time.Hour)
	return spec
}

// TestCompressedBodies: a node unpacks nothing.
func TestCompressedBodies(t *testing.T) {
	p := newPublished(t, nil)
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(p.tx)
	_ = z.Close()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, p.url+"/v1/tx", &b)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Encoding", "gzip")
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("status %d", resp.StatusCode)
	}
}
