package oci

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"

	"hullmark/printable"
)

// errShort says that a body is not the whole one. It is tried again like an answer that
// the registry is busy.
var errShort = fmt.Errorf("%w: it broke off: %w", ErrManifest, io.ErrUnexpectedEOF)

// guard is the way to a registry for one question. It bounds what is read and followed,
// and what is sent in clear.
type guard struct {
	inner http.RoundTripper
	// clear says that the registry speaks no TLS and may be asked all the same.
	clear bool
	// anywhere allows plain HTTP to other machines then.
	anywhere  bool
	redirects atomic.Int32
}

// RoundTrip implements http.RoundTripper.
func (g *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	inClear := g.clear && (g.anywhere || isLoopback(r.URL.Host))
	if r.URL.Scheme != "https" && !inClear {
		return nil, fmt.Errorf("%s is not asked in clear", r.URL.Host)
	}
	resp, err := g.inner.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode/100 == 3 && g.redirects.Add(1) > maxRedirects {
		return nil, errors.Join(fmt.Errorf("stopped after %d redirects", maxRedirects), resp.Body.Close())
	}
	// A redirected request has the headers of the first one.
	if resp.StatusCode != http.StatusOK || !strings.Contains(r.Header.Get("Accept"), mediaTypeManifest) {
		resp.Body = limited{io.LimitReader(resp.Body, maxOther), resp.Body}
		return resp, nil
	}
	body, err := wholeManifest(resp)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// limited is a body that ends early.
type limited struct {
	io.Reader
	io.Closer
}

// wholeManifest reads the body of an answer that has a manifest, which must be as long
// as announced and have the digest that the answer names.
func wholeManifest(resp *http.Response) ([]byte, error) {
	if resp.ContentLength > maxManifest {
		return nil, fmt.Errorf("%w: it has %d bytes, at most %d are read", ErrManifest, resp.ContentLength, maxManifest)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxManifest+1))
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, errShort
	case err != nil:
		return nil, err
	case len(body) > maxManifest:
		return nil, fmt.Errorf("%w: it has more than %d bytes", ErrManifest, maxManifest)
	case len(body) == 0:
		return nil, errShort
	}
	named := resp.Header.Get("Docker-Content-Digest")
	if named == "" || hasDigest(body, named) {
		return body, nil
	}
	return nil, fmt.Errorf("%w; the answer's header names %s", errShort, printable.Quote(named))
}

// hasDigest reports whether bytes have a digest, in its text form.
func hasDigest(b []byte, digest string) bool {
	var h hash.Hash
	algorithm, sum, _ := strings.Cut(digest, ":")
	switch algorithm {
	case "sha256":
		h = sha256.New()
	case "sha384":
		h = sha512.New384()
	case "sha512":
		h = sha512.New()
	default:
		return false
	}
	h.Write(b)
	return hex.EncodeToString(h.Sum(nil)) == sum
}

// isLoopback reports whether a host, with or without a port, is this machine.
func isLoopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// speaksNoTLS finds out whether a registry must be asked in clear. This is decided before
// anything is sent, and not by whichever answer comes first. Only an answer that is no
// TLS says so. A handshake that fails in any other way ends the question, for whoever
// cuts it off or shows another certificate would be told the credentials.
func speaksNoTLS(ctx context.Context, registry string) (bool, error) {
	address := registry
	if _, _, err := net.SplitHostPort(registry); err != nil {
		address = net.JoinHostPort(strings.Trim(registry, "[]"), "443")
	}
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	conn, err := new(tls.Dialer).DialContext(ctx, "tcp", address)
	if err == nil {
		return false, conn.Close()
	}
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &record) && isText(record.RecordHeader[0]):
		return true, nil
	case isCertificate(err):
		return false, err
	default:
		return false, fmt.Errorf("couldn't find out whether it speaks TLS: %w", err)
	}
}

// isText reports whether the first byte of an answer can begin one of HTTP, which is a
// letter, or the < of a server that leaves the headers out. No record of TLS begins with
// a printable character.
func isText(c byte) bool { return c > ' ' && c < 0x7f }
