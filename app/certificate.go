package app

import (
	"crypto/tls"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"
)

// tlsCertificate is the TLS certificate of the HTTP API. Its files are read again when they
// have changed, so that renewing one needs no restart. A pair that does not load, such as
// a new certificate whose key is not there yet, leaves the one before in use.
type tlsCertificate struct {
	certFile, keyFile string
	log               *slog.Logger
	now               func() time.Time

	mu     sync.Mutex
	pair   *tls.Certificate
	read   [2]fs.FileInfo // the files that pair was read from
	looked time.Time
	failed string // what was logged last about files that do not load
}

// certificateLook is how often the files are looked at, at most: two questions to the
// file system, when somebody connects.
const certificateLook = time.Second

// loadCertificate reads a certificate chain and its key, both PEM. One that has expired
// is logged as an error and used: it keeps clients away, and a validator from nothing.
func loadCertificate(certFile, keyFile string, log *slog.Logger, now func() time.Time) (*tlsCertificate, error) {
	c := &tlsCertificate{certFile: certFile, keyFile: keyFile, log: log, now: now}
	if err := c.load(); err != nil {
		return nil, err
	}
	c.report()
	return c, nil
}

// load reads both files.
func (c *tlsCertificate) load() error {
	var read [2]fs.FileInfo
	for i, path := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("couldn't load TLS certificate: %w", err)
		}
		read[i] = info
	}
	if err := checkPrivate(c.keyFile); err != nil {
		return fmt.Errorf("couldn't load TLS certificate: %w", err)
	}
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("couldn't load TLS certificate %s: %w", c.certFile, err)
	}
	c.pair, c.read, c.looked = &pair, read, c.now()
	return nil
}

// report says until when the certificate is valid, and loudly if it is not.
func (c *tlsCertificate) report() {
	until := c.pair.Leaf.NotAfter.UTC()
	if reason := c.unusable(); reason != "" {
		c.log.Error("clients refuse this node for its TLS certificate: put a new one and its key in place, they are read without a restart",
			"reason", reason, "certificate_file", c.certFile, "valid_until", until)
		return
	}
	c.log.Info("TLS certificate read", "certificate_file", c.certFile, "valid_until", until)
}

// unusable returns why clients refuse the certificate now, or nothing.
func (c *tlsCertificate) unusable() string {
	switch now, leaf := c.now(), c.pair.Leaf; {
	case now.After(leaf.NotAfter):
		return "the TLS certificate has expired on " + leaf.NotAfter.UTC().Format(time.RFC3339)
	case now.Before(leaf.NotBefore):
		return "the TLS certificate is valid from " + leaf.NotBefore.UTC().Format(time.RFC3339) + " on"
	}
	return ""
}

// refresh reads the files again if they have changed.
func (c *tlsCertificate) refresh() {
	if now := c.now(); now.Sub(c.looked) >= certificateLook || now.Before(c.looked) {
		c.looked = now
	} else {
		return
	}
	same := true
	for i, path := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(path)
		same = same && err == nil && os.SameFile(info, c.read[i]) && info.ModTime().Equal(c.read[i].ModTime()) && info.Size() == c.read[i].Size()
	}
	if same {
		c.failed = ""
		return
	}
	if err := c.load(); err != nil {
		if c.failed != err.Error() { // once, and not with every connection
			c.log.Error("the TLS certificate has changed and does not load; the one before stays in use", "err", err)
		}
		c.failed = err.Error()
		return
	}
	c.failed = ""
	c.report()
}

// get is a tls.Config's GetCertificate.
func (c *tlsCertificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refresh()
	return c.pair, nil
}

// standing returns until when the certificate is valid, and why clients refuse it now.
func (c *tlsCertificate) standing() (until time.Time, unusable string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refresh()
	return c.pair.Leaf.NotAfter, c.unusable()
}

// config returns how a server is to serve with the certificate. HTTP/2 is not offered:
// the limits of connections are those of requests under way.
func (c *tlsCertificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, GetCertificate: c.get, NextProtos: []string{"http/1.1"}}
}
