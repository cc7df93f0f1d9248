package app

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// renew writes a certificate with a number that is valid for a time, and its key if
// that has a file. The files are replaced, as programs that renew certificates do.
func renew(t *testing.T, certFile, keyFile string, number int64, from, until time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(number), DNSNames: []string{"hullmark.example.com"}, NotBefore: from, NotAfter: until}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: certificate}, keyFile: {Type: "PRIVATE KEY", Bytes: private}} {
		if path == "" {
			continue
		}
		if err := os.WriteFile(path+".new", pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCertificate goes through the life of a certificate: renewed, half renewed, broken,
// gone, mended, expired.
func TestCertificate(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "c.pem"), filepath.Join(dir, "k.pem")
	now := time.Unix(1_800_000_000, 0)
	day := 24 * time.Hour
	renew(t, certFile, keyFile, 1, now.Add(-day), now.Add(day))
	log := new(journal)
	c, err := loadCertificate(certFile, keyFile, slog.New(slog.NewTextHandler(log, nil)), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	said := 1
	for _, step := range []struct {
		name   string
		wait   time.Duration
		change func()
		want   int64  // the number of the certificate in use
		log    string // what is logged, and once
		unfit  string
	}{
		{"as it was", time.Hour, func() {}, 1, "", ""},
		{"renewed, a moment later", time.Second - 1, func() { renew(t, certFile, keyFile, 2, now.Add(-day), now.Add(2*day)) }, 1, "", ""},
		{"a second later", 1, func() {}, 2, "TLS certificate read", ""},
		{"only the certificate", time.Second, func() { renew(t, certFile, "", 3, now.Add(-day), now.Add(2*day)) }, 2, "does not load", ""},
		{"still only the certificate", time.Second, func() {}, 2, "", ""},
		{"gone", time.Second, func() { _ = os.Remove(keyFile) }, 2, "does not load", ""},
		{"for everybody to read", time.Second, func() {
			renew(t, certFile, keyFile, 4, now.Add(-day), now.Add(2*day))
			_ = os.Chmod(keyFile, 0o644)
		}, 2, "does not load", ""},
		{"mended", time.Second, func() { renew(t, certFile, keyFile, 5, now.Add(-day), now.Add(2*day)) }, 5, "TLS certificate read", ""},
		{"a day later", day, func() {}, 5, "", ""},
		{"expired", day + time.Second, func() {}, 5, "", "has expired on 20"},
		{"renewed with an expired one", time.Second, func() { renew(t, certFile, keyFile, 6, now.Add(-day), now.Add(-time.Second)) }, 6, "clients refuse this node", "has expired"},
		{"renewed with one to come", time.Second, func() { renew(t, certFile, keyFile, 7, now.Add(day), now.Add(2*day)) }, 7, "clients refuse this node", "is valid from"},
		{"a clock set back", -10 * day, func() { renew(t, certFile, keyFile, 8, now.Add(-day), now.Add(day)) }, 8, "TLS certificate read", ""},
	} {
		now = now.Add(step.wait)
		step.change()
		for range 3 {
			pair, err := c.get(nil)
			if err != nil || pair.Leaf.SerialNumber.Int64() != step.want {
				t.Errorf("%s: certificate %v, %v; want %d", step.name, pair.Leaf.SerialNumber, err, step.want)
			}
		}
		if _, unfit := c.standing(); (unfit == "") != (step.unfit == "") || !strings.Contains(unfit, step.unfit) {
			t.Errorf("%s: clients refuse it because %q, want %q", step.name, unfit, step.unfit)
		}
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		news := lines[said:]
		if step.log == "" && len(news) != 0 || step.log != "" && (len(news) != 1 || !strings.Contains(news[0], step.log)) {
			t.Errorf("%s: logged %q, want %q", step.name, news, step.log)
		}
		said = len(lines)
	}
}

// TestExpiredCertificate: a node starts with one, says so loudly, is not ready, and
// serves a renewed one without a restart; its files lie where its home is.
func TestExpiredCertificate(t *testing.T) {
	h, _ := newHome(t, 1)
	certFile, keyFile := filepath.Join(string(h), "config", "c.pem"), filepath.Join(string(h), "config", "k.pem")
	now := time.Now()
	renew(t, certFile, keyFile, 1, now.Add(-2*time.Hour), now.Add(-time.Hour))
	t.Setenv("HULLMARKD_HTTP_CERTIFICATE_FILE", "config/c.pem")
	t.Setenv("HULLMARKD_HTTP_KEY_FILE", "config/k.pem")
	t.Chdir(t.TempDir())
	config, err := LoadConfig(h)
	if err != nil {
		t.Fatal(err)
	}
	log := new(journal)
	n, err := Open(h, Options{Config: config, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	start(t, n)
	if text := log.String(); !strings.Contains(text, "level=ERROR") || !strings.Contains(text, "the TLS certificate has expired") {
		t.Errorf("the log says nothing of it:\n%s", text)
	}
	ask := func() *Remote {
		t.Helper()
		r, err := OwnRemote(HTTPConfig{Address: n.Address(), CertificateFile: config.HTTP.CertificateFile})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := ask()
	eventually(t, "nothing else is wrong", func() bool {
		reason, err := r.Unready(t.Context())
		return err == nil && strings.Contains(reason, "certificate has expired")
	})
	renew(t, certFile, keyFile, 2, now.Add(-time.Hour), now.Add(time.Hour))
	eventually(t, "it serves the new one", func() bool {
		d := tls.Dialer{NetDialer: new(net.Dialer), Config: &tls.Config{InsecureSkipVerify: true}}
		c, err := d.Dial("tcp", n.Address())
		if err != nil {
			return false
		}
		defer func() { _ = c.Close() }()
		conn, ok := c.(*tls.Conn)
		return ok && conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64() == 2
	})
	r = ask()
	eventually(t, "it is ready", func() bool { reason, err := r.Unready(t.Context()); return err == nil && reason == "" })
}
