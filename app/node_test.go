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
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hullmark/internal/fixture"
)

// certificate writes a certificate for 127.0.0.1 and its key, and returns their
// paths and the certificate.
func certificate(t testing.TB) (certFile, keyFile string, cert *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	if cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	replaceFile(t, certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	replaceFile(t, keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
	return certFile, keyFile, cert
}

func TestTLS(t *testing.T) {
	certFile, keyFile, cert := certificate(t)
	h, _ := newHome(t, 1)
	n := openHome(t, h, func(c *Config) { c.HTTP.CertificateFile, c.HTTP.KeyFile = certFile, keyFile })
	start(t, n)
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	request := func(url string, maxVersion uint16) (int, error) {
		c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MaxVersion: maxVersion}}}
		defer c.CloseIdleConnections()
		resp, err := c.Get(url + "/healthz")
		if err != nil {
			return 0, err
		}
		return resp.StatusCode, resp.Body.Close()
	}
	if status, err := request("https://"+n.Address(), 0); err != nil || status != http.StatusOK {
		t.Errorf("over TLS: %d, %v", status, err)
	}
	if _, err := request("https://"+n.Address(), tls.VersionTLS12); err == nil {
		t.Error("an old version of TLS is taken")
	}
	if status, err := request("http://"+n.Address(), 0); err == nil && status == http.StatusOK {
		t.Error("plain text is answered")
	}
}

// TestTLSFailsClosed: a certificate that does not load stops the start.
func TestTLSFailsClosed(t *testing.T) {
	certFile, keyFile, _ := certificate(t)
	otherCert, _, _ := certificate(t)
	empty := filepath.Join(t.TempDir(), "empty.pem")
	replaceFile(t, empty, nil)
	wide := filepath.Join(t.TempDir(), "wide.pem")
	content, err := os.ReadFile(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(wide, content, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, files := range map[string][2]string{
		"key others can read": {certFile, wide},
		"no certificate":      {certFile + ".none", keyFile},
		"no key":              {certFile, keyFile + ".none"},
		"empty certificate":   {empty, keyFile},
		"empty key":           {certFile, empty},
		"the wrong way":       {keyFile, certFile},
		"another key's":       {otherCert, keyFile},
		"directory for file":  {t.TempDir(), keyFile},
	} {
		t.Run(name, func(t *testing.T) {
			h, _ := newHome(t, 1)
			c := quick()
			c.HTTP.CertificateFile, c.HTTP.KeyFile = files[0], files[1]
			n, err := Open(h, Options{Config: c, Log: io.Discard})
			if err == nil {
				t.Error("it starts")
				_ = n.close()
			} else if !strings.Contains(err.Error(), "TLS certificate") {
				t.Error(err)
			}
		})
	}
}

func TestMetrics(t *testing.T) {
	p := newPublished(t, func(c *Config) { c.HTTP.MetricsAddress = "127.0.0.1:0" })
	r := get(t, "http://"+p.metrics.address()+"/metrics")
	for _, line := range []string{`hullmark_executed_transactions_total{verdict="ok"} 2`, "hullmark_log_records 2"} {
		if !strings.Contains(string(r.body), line) {
			t.Errorf("no %q in\n%s", line, r.body)
		}
	}
	// They are not for everybody.
	get(t, p.url+"/metrics").expect(t, 404, "not-found", 0)
}

func wait(t testing.TB, n *Node) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	err := n.Wait(ctx)
	if err == nil {
		t.Fatal("the node did not notice")
	}
	return err
}

// TestDiskFailureEndsTheNode: when the ledger cannot be written the process must
// end. The database is closed under the node, which is as bad as a full disk.
func TestDiskFailureEndsTheNode(t *testing.T) {
	h, _ := newHome(t, 1)
	log := new(journal)
	n, err := Open(h, Options{Config: quick(), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	provable(t, n, 1)
	if err := n.db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := wait(t, n); err == nil || errors.Is(err, ErrConsensusFailed) {
		t.Errorf("failed with %v, want the reason", err)
	}
	_ = n.Stop() // complains about the database
	if !strings.Contains(log.String(), "stopping: the application cannot go on") {
		t.Errorf("the log does not say why:\n%s", log)
	}
}

// TestConsensusFailureEndsTheNode: the engine's consensus routine is gone while
// everything else runs, as CometBFT leaves it after a failure.
func TestConsensusFailureEndsTheNode(t *testing.T) {
	h, _ := newHome(t, 1)
	n := openHome(t, h, nil)
	start(t, n)
	provable(t, n, 1)
	consensus, ok := n.env.ConsensusState.(interface{ Stop() error })
	if !ok {
		t.Fatal("consensus cannot be stopped")
	}
	if err := consensus.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := wait(t, n); !errors.Is(err, ErrConsensusFailed) {
		t.Errorf("failed with %v, want ErrConsensusFailed", err)
	}
}

// TestWaitEndsWithItsContext, and a node that is stopped has not failed.
func TestWaitEndsWithItsContext(t *testing.T) {
	h, _ := newHome(t, 1)
	n := openHome(t, h, nil)
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := n.Wait(ctx); err != nil {
		t.Error(err)
	}
	if err := n.Stop(); err != nil {
		t.Error(err)
	}
	select {
	case err := <-n.failed:
		t.Errorf("stopping is reported as a failure: %v", err)
	default:
	}
}

// TestRestart goes on where the node stopped, with the same answers.
func TestRestart(t *testing.T) {
	h, c := newHome(t, 1)
	app := c.NewPublisher("registry.example.com/app")
	var height uint64
	for v := range uint64(3) {
		n := openHome(t, h, nil)
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
		url := "http://" + n.Address()
		if n.ledger.Height() < height {
			t.Errorf("height %d after %d", n.ledger.Height(), height)
		}
		if v == 0 {
			post(t, url, app.Register(c.Operators[0])).receipt(t)
		}
		height = post(t, url, app.Publish(v+1, fixture.Tags{"1.0": "one"})).receipt(t).GetHeight()
		if v > 0 {
			if r := post(t, url, app.Publish(v, fixture.Tags{"1.0": "one"})).receipt(t); !r.GetDuplicate() {
				t.Errorf("a publication from before the restart: %v", r)
			}
		}
		if err := n.Stop(); err != nil {
			t.Fatal(err)
		}
	}
}
