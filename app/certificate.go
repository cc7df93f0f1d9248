package app

import (
	"crypto/tls"
	"fmt"
)

// tls returns how a server is to serve over TLS, or nil if it does not.
func (c HTTPConfig) tls() (*tls.Config, error) {
	if c.CertificateFile == "" {
		return nil, nil
	}
	if err := checkPrivate(c.KeyFile); err != nil {
		return nil, fmt.Errorf("couldn't load TLS certificate: %w", err)
	}
	pair, err := tls.LoadX509KeyPair(c.CertificateFile, c.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("couldn't load TLS certificate: %w", err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{pair}}, nil
}
