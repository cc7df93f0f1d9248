package app

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"

	"hullmark/printable"
	"hullmark/proto"
	"hullmark/query"
)

// ErrUnreachable is returned when a node gives no answer at all. A node that
// refuses a question, or that is another one than expected, has answered.
var ErrUnreachable = errors.New("the node does not answer")

// ErrCertificate is returned when the program at a node's own address shows
// another TLS certificate than the node is configured with.
var ErrCertificate = errors.New("the certificate is not the one in http.certificate_file")

// ErrNotReady is returned for a node that runs and should get no traffic.
var ErrNotReady = errors.New("the node is not ready")

// maxReason bounds what is shown of a node's reason.
const maxReason = 300

// maxFetch bounds an answer of a node in bytes.
const maxFetch = 8 << 20

// Remote is a node that is asked over its HTTP API, such as by its operator.
type Remote struct {
	url  string
	http *http.Client
}

// NewRemote returns the node at a base URL. Over TLS its certificate must be one
// the system trusts.
func NewRemote(url string) *Remote {
	return &Remote{url: strings.TrimRight(url, "/"), http: http.DefaultClient}
}

// OwnRemote returns the node that a configuration runs on this machine. Over TLS
// exactly the configured certificate is trusted, whatever names it holds and
// whoever signed it: the loopback address is in hardly any, and who can put
// another one there can change the node itself.
func OwnRemote(c HTTPConfig) (*Remote, error) {
	host, port, err := net.SplitHostPort(c.Address)
	if err != nil {
		return nil, fmt.Errorf("couldn't read http.address: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	// The way to this machine leads through no proxy.
	transport := &http.Transport{DisableKeepAlives: true}
	r := &Remote{url: "http://" + net.JoinHostPort(host, port), http: &http.Client{Transport: transport}}
	if c.CertificateFile == "" {
		return r, nil
	}
	leaf, err := loadLeaf(c.CertificateFile)
	if err != nil {
		return nil, err
	}
	r.url = "https://" + net.JoinHostPort(host, port)
	transport.TLSClientConfig = &tls.Config{
		MinVersion: tls.VersionTLS13,
		// VerifyConnection replaces the check of names and authorities.
		InsecureSkipVerify: true,
		VerifyConnection: func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 || !bytes.Equal(s.PeerCertificates[0].Raw, leaf) {
				return ErrCertificate
			}
			return nil
		},
	}
	return r, nil
}

// loadLeaf returns the first certificate of a PEM file, which is the server's own.
func loadLeaf(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("couldn't read TLS certificate: %w", err)
	}
	for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			return block.Bytes, nil
		}
	}
	return nil, fmt.Errorf("couldn't read TLS certificate: %s holds none", path)
}

// URL returns the node's base URL.
func (r *Remote) URL() string { return r.url }

// Status asks the node where it stands. Errors wrap ErrUnreachable when there is
// no answer.
func (r *Remote) Status(ctx context.Context) (*proto.StatusResponse, error) {
	m := new(proto.StatusResponse)
	if err := r.fetch(ctx, query.PathStatus, func(b []byte) error { return proto.UnmarshalJSON(b, m) }); err != nil {
		return nil, fmt.Errorf("couldn't get status of %s: %w", r.url, err)
	}
	return m, nil
}

// Ready asks the node whether its answers are fresh and can be proven, and returns
// its reason as an error if they are not.
func (r *Remote) Ready(ctx context.Context) error {
	reason, err := r.Unready(ctx)
	if err == nil && reason != "" {
		err = fmt.Errorf("%w: %s", ErrNotReady, reason)
	}
	if err != nil {
		return fmt.Errorf("couldn't rely on %s: %w", r.url, err)
	}
	return nil
}

// Unready returns the node's reason for not being ready, fit for a terminal, or
// nothing if it is.
func (r *Remote) Unready(ctx context.Context) (string, error) {
	status, b, err := r.get(ctx, query.PathReady)
	if err != nil || status == http.StatusOK {
		return "", err
	}
	reason := strings.TrimPrefix(strings.TrimSpace(string(b)), "not ready: ")
	if reason == "" {
		reason = fmt.Sprintf("it answers %d", status)
	}
	return printable.Clip(reason, maxReason), nil
}

// get gets an answer.
func (r *Remote) get(ctx context.Context, path string) (status int, body []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url+path, nil)
	if err != nil {
		return 0, nil, err
	}
	resp, err := r.http.Do(req)
	if err != nil {
		return 0, nil, unanswered(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxFetch))
	if err != nil {
		return 0, nil, unanswered(err)
	}
	return resp.StatusCode, b, nil
}

// fetch gets an answer in JSON and decodes it.
func (r *Remote) fetch(ctx context.Context, path string, decode func([]byte) error) error {
	status, b, err := r.get(ctx, path)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		var e proto.ErrorResponse
		if proto.UnmarshalJSON(b, &e) == nil && e.GetMessage() != "" {
			return fmt.Errorf("%s: %s", e.GetCode(), e.GetMessage())
		}
		return fmt.Errorf("the node answers %d %s", status, http.StatusText(status))
	}
	if !json.Valid(b) {
		return errors.New("the node's answer is not JSON")
	}
	return decode(b)
}

// unanswered marks an error of the transport, unless it says that somebody did
// answer, that the address makes no sense, or that the user gave up.
func unanswered(err error) error {
	var verification *tls.CertificateVerificationError
	var network *net.OpError
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, ErrCertificate), errors.As(err, &verification):
		return err
	case errors.As(err, &network), errors.Is(err, context.DeadlineExceeded), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	default:
		return err
	}
}
