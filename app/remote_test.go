package app

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// writeCertificate writes a self-signed certificate that names another machine,
// and its key.
func writeCertificate(t *testing.T) (certificateFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "node"}, DNSNames: []string{"hullmark.example.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certificateFile, keyFile = filepath.Join(dir, "certificate.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{
		certificateFile: {Type: "CERTIFICATE", Bytes: certificate},
		keyFile:         {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certificateFile, keyFile
}

// serveTLS runs a server as a node does and returns its configuration.
func serveTLS(t *testing.T) HTTPConfig {
	t.Helper()
	var c HTTPConfig
	c.CertificateFile, c.KeyFile = writeCertificate(t)
	answer := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"moniker":"own"}`)) })
	pair, err := loadCertificate(c.CertificateFile, c.KeyFile, slog.New(slog.DiscardHandler), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	s, err := newServer(serverOptions{address: "127.0.0.1:0", connections: 10, tls: pair.config()}, answer, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s.start(func(err error) { t.Error(err) })
	t.Cleanup(func() {
		if err := s.stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	_, port, err := net.SplitHostPort(s.address())
	if err != nil {
		t.Fatal(err)
	}
	c.Address = net.JoinHostPort("0.0.0.0", port)
	return c
}

func TestOwnRemoteTrustsTheConfiguredCertificate(t *testing.T) {
	c := serveTLS(t)
	r, err := OwnRemote(c)
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.Status(t.Context())
	if err != nil || s.GetMoniker() != "own" {
		t.Fatalf("%v, %v", s, err)
	}

	// No other certificate is trusted, also not one that names the same machine.
	other := c
	other.CertificateFile, _ = writeCertificate(t)
	if r, err = OwnRemote(other); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Status(t.Context()); !errors.Is(err, ErrCertificate) || errors.Is(err, ErrUnreachable) {
		t.Errorf("another certificate: %v", err)
	}

	// A node that was named must show a certificate the system trusts.
	var verification *tls.CertificateVerificationError
	if _, err := FetchStatus(t.Context(), r.URL()); !errors.As(err, &verification) || errors.Is(err, ErrUnreachable) {
		t.Errorf("self-signed certificate: %v", err)
	}
}

func TestOwnRemoteWithoutCertificate(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]HTTPConfig{
		"no port":             {Address: "127.0.0.1"},
		"missing certificate": {Address: ":1", CertificateFile: empty + ".missing"},
		"no certificate":      {Address: ":1", CertificateFile: empty},
	} {
		if _, err := OwnRemote(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestUnreachable separates nodes that give no answer from those that give a bad one.
func TestUnreachable(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	answer := func(status int, body string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	hangs := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(hangs.Close)
	cuts := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	t.Cleanup(cuts.Close)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	for _, tc := range []struct {
		name        string
		ctx         context.Context
		url         string
		unreachable bool
		want        string
	}{
		{"nobody listens", t.Context(), "http://" + closed.Addr().String(), true, "refused"},
		{"time out", late, hangs.URL, true, "deadline"},
		{"connection cut", t.Context(), cuts.URL, true, "EOF"},
		{"interrupted", canceled, hangs.URL, false, "canceled"},
		{"no URL", t.Context(), "ftp://node", false, "unsupported protocol"},
		{"refused", t.Context(), answer(503, `{"code":"not-ready","message":"starting"}`), false, "not-ready: starting"},
		{"not a node", t.Context(), answer(404, "<html>"), false, "404"},
		{"not JSON", t.Context(), answer(200, "hello"), false, "not JSON"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := FetchStatus(tc.ctx, tc.url)
			if err == nil || errors.Is(err, ErrUnreachable) != tc.unreachable || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestCheckPrivate(t *testing.T) {
	_, key := writeCertificate(t)
	if err := checkPrivate(key); err != nil {
		t.Error(err)
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620} {
		if err := os.Chmod(key, mode); err != nil {
			t.Fatal(err)
		}
		if err := checkPrivate(key); err == nil {
			t.Errorf("mode %v: accepted", mode)
		}
	}
	if err := checkPrivate(key + ".missing"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
}

// TestUnready: what a node gives as its reason is shown, and nothing that does
// something to a terminal.
func TestUnready(t *testing.T) {
	for _, tc := range []struct {
		name, body, want string
		status           int
	}{
		{"ready", "ready\n", "", 200},
		{"not ready", "not ready: catching up\n", "catching up", 503},
		{"escapes", "not ready: \x1b]0;title\a\u202eold\n", `\x1b]0;title\a\u202eold`, 503},
		{"nothing", "", "it answers 503", 503},
		{"control characters only", "\x1b\x07", `\x1b\a`, 502},
		{"much", strings.Repeat("x", 10_000), strings.Repeat("x", maxReason) + "...", 503},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tc.status)
			_, _ = w.Write([]byte(tc.body))
		}))
		if got, err := NewRemote(s.URL).Unready(t.Context()); err != nil || got != tc.want {
			t.Errorf("%s: %q, %v; want %q", tc.name, got, err, tc.want)
		}
		s.Close()
	}
}
