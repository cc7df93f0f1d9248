package liar_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	protobuf "google.golang.org/protobuf/proto"

	"hullmark/internal/liar"
	"hullmark/proto"
)

// honest counts what it is asked and says so.
type honest struct{ asked int }

// ServeHTTP implements http.Handler.
func (h *honest) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.asked++
	body, err := io.ReadAll(r.Body)
	if err != nil || r.URL.Query().Get("ref") == "bad" {
		http.Error(w, "bad", http.StatusBadRequest)
		return
	}
	w.Header().Set("Hullmark-Height", fmt.Sprint(h.asked))
	_, _ = fmt.Fprintf(w, "%d %s %s %q", h.asked, r.Method, r.URL.RequestURI(), body)
}

// newLiar returns a liar before an honest server, and how to ask it.
func newLiar(t *testing.T, h http.Handler) (*liar.Liar, func(method, path string) (int, string)) {
	t.Helper()
	target := httptest.NewServer(h)
	t.Cleanup(target.Close)
	l := liar.New(target.URL + "/")
	s, err := l.Serve("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return l, func(method, path string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, bytes.NewReader([]byte("body")))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
}

func expect(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestHonest passes everything on unchanged.
func TestHonest(t *testing.T) {
	l, ask := newLiar(t, new(honest))
	_, got := ask("POST", "/v1/tx?a=b&c=%20")
	expect(t, got, `1 POST /v1/tx?a=b&c=%20 "body"`)
	if status, _ := ask("GET", "/v1/resolve?ref=bad"); status != http.StatusBadRequest {
		t.Errorf("status %d", status)
	}
	if l.Asked("/v1/tx") != 1 || l.Asked("/v1/") != 2 || l.Asked("/v2") != 0 {
		t.Error("requests are miscounted")
	}
}

// TestReplay repeats answers by question, not by what the client knows already.
func TestReplay(t *testing.T) {
	l, ask := newLiar(t, new(honest))
	l.Record("/v1/resolve")
	_, first := ask("GET", "/v1/resolve?ref=registry.example.com/a:1")
	_, newest := ask("GET", "/v1/resolve?ref=registry.example.com/a:1&root_version=1")
	if first == newest {
		t.Fatal("recording is replaying")
	}
	ask("GET", "/v1/resolve?ref=bad")
	l.Replay("/v1/resolve")
	for _, query := range []string{"ref=registry.example.com/a:1", "ref=registry.example.com/a:1&min_state_height=9", "trusted_height=5&ref=registry.example.com/a:1&root_version=3"} {
		_, got := ask("GET", "/v1/resolve?"+query)
		expect(t, got, newest)
	}
	_, got := ask("GET", "/v1/resolve?ref=registry.example.com/b:1")
	expect(t, got, `4 GET /v1/resolve?ref=registry.example.com/b:1 "body"`)
	_, got = ask("GET", "/v1/status?ref=registry.example.com/a:1")
	expect(t, got, `5 GET /v1/status?ref=registry.example.com/a:1 "body"`)
	if status, _ := ask("GET", "/v1/resolve?ref=bad"); status != http.StatusBadRequest {
		t.Error("an error was recorded as an answer")
	}
	l.Honest()
	_, got = ask("GET", "/v1/resolve?ref=registry.example.com/a:1")
	expect(t, got, `7 GET /v1/resolve?ref=registry.example.com/a:1 "body"`)
	l.Replay("/v1/resolve") // the recording outlives honesty
	_, got = ask("GET", "/v1/resolve?ref=registry.example.com/a:1")
	expect(t, got, newest)
}

// TestNewestLieIsTold where it fits.
func TestNewestLieIsTold(t *testing.T) {
	l, ask := newLiar(t, new(honest))
	l.Tell("/v1/", liar.Status(500, "all"))
	l.Tell("/v1/resolve", liar.Status(501, "some"))
	for path, want := range map[string]int{"/v1/resolve?x=y": 501, "/v1/status": 500, "/healthz": 200} {
		if status, _ := ask("GET", path); status != want {
			t.Errorf("%s: %d, want %d", path, status, want)
		}
	}
}

func TestEdits(t *testing.T) {
	l, ask := newLiar(t, new(honest))
	l.Tell("/half", liar.Half())
	_, got := ask("GET", "/half")
	expect(t, got, `1 GET /ha`)
	l.Tell("/more", liar.Append("more"))
	_, got = ask("GET", "/more")
	expect(t, got, `2 GET /more "body"more`)
	l.Tell("/instead", liar.Instead(url.Values{"ref": {"b"}}))
	_, got = ask("GET", "/instead?ref=a&c=d")
	expect(t, got, `3 GET /instead?c=d&ref=b "body"`)
	l.Tell("/gzip", liar.Gzip())
	_, got = ask("GET", "/gzip")
	z, err := gzip.NewReader(bytes.NewReader([]byte(got)))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, string(plain), `4 GET /gzip "body"`)
	l.Tell("/redirect", liar.Redirect("http://127.0.0.1:1/"))
	if status, _ := ask("GET", "/redirect"); status != http.StatusTemporaryRedirect {
		t.Errorf("status %d", status)
	}
	// A message is changed; what is none passes.
	l.Tell("/message", liar.Receipt(func(r *proto.TransactionResponse) { r.Height++ }))
	_, got = ask("GET", "/message")
	expect(t, got, `5 GET /message "body"`)
}

// TestParts: every part of a bundle that has bytes can be flipped, and is.
func TestParts(t *testing.T) {
	whole := func() *proto.Bundle {
		part := func() []byte { return bytes.Repeat([]byte{8}, 300) }
		entry := func() *proto.MapEntry { return &proto.MapEntry{Value: part(), Proof: part()} }
		return &proto.Bundle{
			State: &proto.StateProof{
				Version: 1, LightBlock: part(), AppState: &proto.AppState{LogRoot: part(), MapRoot: part(), Meta: part()},
			},
			Repository: entry(), Tag: entry(), Image: entry(),
			Roots: [][]byte{part()}, Targets: [][]byte{part()},
		}
	}
	l, ask := newLiar(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		b, err := proto.MarshalJSON(whole())
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(b)
	}))
	for _, p := range liar.Parts() {
		l.Tell("/", liar.Flip(p))
		_, got := ask("GET", "/")
		var b proto.Bundle
		if err := proto.UnmarshalJSON([]byte(got), &b); err != nil {
			t.Fatal(err)
		}
		for _, other := range liar.Parts() {
			if changed := !bytes.Equal(other.At(&b), other.At(whole())); changed != (other.Name == p.Name) {
				t.Errorf("flip of %s: %s changed: %v", p.Name, other.Name, changed)
			}
		}
		if at := p.At(new(proto.Bundle)); at != nil {
			t.Errorf("%s of an empty bundle: %x", p.Name, at)
		}
	}
}

// TestOmissions: each lie changes what it says, and nothing else.
func TestOmissions(t *testing.T) {
	files := func(names ...string) [][]byte {
		var out [][]byte
		for _, n := range names {
			out = append(out, []byte(n))
		}
		return out
	}
	whole := func() *proto.Bundle {
		return &proto.Bundle{
			State: &proto.StateProof{Version: 1}, Repository: &proto.MapEntry{Value: []byte("v"), Proof: []byte("p")},
			Roots: files("r1", "r2"), Targets: files("t1", "t2"), Statements: files("s"),
			LastRoot: &proto.MapEntry{Value: []byte("l")},
		}
	}
	l, ask := newLiar(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		b, err := proto.MarshalJSON(whole())
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(b)
	}))
	for _, tc := range []struct {
		name   string
		lie    liar.Lie
		change func(*proto.Bundle)
	}{
		{"targets", liar.CutTargets(1), func(b *proto.Bundle) { b.Targets = files("t1") }},
		{"more targets than there are", liar.CutTargets(9), func(*proto.Bundle) {}},
		{"roots", liar.CutRoots(1), func(b *proto.Bundle) { b.Roots, b.LastRoot = files("r1"), nil }},
		{"twice", liar.Twice(), func(b *proto.Bundle) {
			b.Roots, b.Targets, b.Statements = files("r1", "r2", "r1", "r2"), files("t1", "t2", "t1", "t2"), files("s", "s")
		}},
		{"fill", liar.Fill(4), func(b *proto.Bundle) { b.Roots = files("r1", "r2", "r1", "r1") }},
		{"grow", liar.Grow(2), func(b *proto.Bundle) { b.Repository.Proof = []byte("p\x00\x00") }},
		{"unasked", liar.Unasked(), func(b *proto.Bundle) {
			entry := &proto.MapEntry{Value: []byte("unasked"), Proof: []byte("unasked")}
			b.Tag, b.Image = entry, entry
		}},
		{"no light block to change", liar.JunkCommit(), func(*proto.Bundle) {}},
	} {
		l.Tell("/", tc.lie)
		_, got := ask("GET", "/v1/resolve")
		var b proto.Bundle
		if err := proto.UnmarshalJSON([]byte(got), &b); err != nil {
			t.Fatal(err)
		}
		want := whole()
		tc.change(want)
		if !protobuf.Equal(&b, want) {
			t.Errorf("%s: %v", tc.name, &b)
		}
	}
	l.Tell("/", liar.RepeatField())
	_, got := ask("GET", "/v1/resolve")
	if n := bytes.Count([]byte(got), []byte(`"version":`)); n != 2 {
		t.Errorf("%d versions in %s", n, got)
	}
}
