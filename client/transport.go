package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	protobuf "google.golang.org/protobuf/proto"

	"hullmark/printable"
	"hullmark/proto"
	"hullmark/query"
)

// newHTTPClient returns an HTTP client that stays on the host it was sent to.
func newHTTPClient(transport http.RoundTripper) *http.Client {
	if transport == nil {
		transport = &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			TLSHandshakeTimeout:    5 * time.Second,
			MaxIdleConnsPerHost:    16,
			IdleConnTimeout:        time.Minute,
			MaxResponseHeaderBytes: 64 << 10,
			DisableCompression:     true,
			ForceAttemptHTTP2:      true,
		}
	}
	return &http.Client{
		Transport: transport,
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if req.URL.Host != via[0].URL.Host || req.URL.Scheme != via[0].URL.Scheme {
				return fmt.Errorf("%w: redirect to another host", ErrResponse)
			}
			if len(via) > maxRedirects {
				return fmt.Errorf("%w: too many redirects", ErrResponse)
			}
			return nil
		},
	}
}

// get fetches a resource of at most limit bytes from a node.
func (c *Client) get(ctx context.Context, node, path string, values url.Values, limit int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	u := node + path
	if len(values) > 0 {
		u += "?" + values.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return nil, fmt.Errorf("couldn't make request: %w: %w", ErrConfig, err)
	}
	return c.do(req, limit)
}

// post sends bytes to a node and returns the answer. Sent is false when no
// connection was there to send them on.
func (c *Client) post(ctx context.Context, node, path string, body []byte, limit int64) (answer []byte, sent bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, max(c.timeout, SubmitTimeout))
	defer cancel()
	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected.Store(true) }})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, node+path, bytes.NewReader(body))
	if err != nil {
		return nil, false, fmt.Errorf("couldn't make request: %w: %w", ErrConfig, err)
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	answer, err = c.do(req, limit)
	// A transport that is not the standard one may report nothing.
	_, reports := c.http.Transport.(*http.Transport)
	return answer, connected.Load() || !reports, err
}

// do sends a request and reads the answer, never more than limit bytes of it and
// never decompressed: a compressed answer could be of any size.
func (c *Client) do(req *http.Request, limit int64) (body []byte, err error) {
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("User-Agent", c.userAgent)
	res, err := c.http.Do(req)
	if err != nil {
		if errors.Is(err, ErrResponse) {
			return nil, err
		}
		// The address is named by whoever reports this.
		if u := new(url.Error); errors.As(err, &u) {
			err = u.Err
		}
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	defer res.Body.Close() //nolint:errcheck // only read from
	if e := res.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return nil, fmt.Errorf("%w: encoded as %s", ErrResponse, printable.Quote(e))
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return nil, readError(res, c.now())
	}
	body, err = io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	if int64(len(body)) > limit {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrResponse, limit)
	}
	return body, nil
}

// retryAfter returns how long an answer asks to wait (RFC 9110, section 10.2.3), at most
// maxWish, and zero for what says nothing. Nodes send seconds. A date, as proxies send it,
// counts from the date of the answer, else from now.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if text != "" && strings.Trim(text, "0123456789") == "" {
		s, err := strconv.ParseUint(text, 10, 64)
		if err != nil || s > uint64(maxWish/time.Second) {
			return maxWish
		}
		return time.Duration(s) * time.Second
	}
	until, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return min(max(until.Sub(now), 0), maxWish)
}

// readError returns the error object of an answer.
func readError(res *http.Response, now time.Time) error {
	e := &HTTPError{Status: res.StatusCode, RetryAfter: retryAfter(res.Header, now)}
	b, err := io.ReadAll(io.LimitReader(res.Body, maxMessage))
	if err != nil {
		return e
	}
	var m proto.ErrorResponse
	if proto.UnmarshalJSON(b, &m) == nil {
		e.Code, e.Message, e.LedgerCode = printable.Clip(m.GetCode(), maxShown), printable.Clip(m.GetMessage(), maxShown), m.GetLedgerCode()
	}
	return e
}

// put asks a node a question and returns its answer of at most limit bytes.
func (c *Client) put(ctx context.Context, node string, q query.Question, k query.Known, limit int64) ([]byte, error) {
	path, values := query.Encode(q, k)
	return c.get(ctx, node, path, values, limit)
}

// getMessage fetches a message.
func (c *Client) getMessage(ctx context.Context, node, path string, values url.Values, m protobuf.Message) error {
	b, err := c.get(ctx, node, path, values, maxMessage)
	if err != nil {
		return err
	}
	return decodeMessage(b, m)
}

func decodeMessage(b []byte, m protobuf.Message) error {
	if err := proto.UnmarshalJSON(b, m); err != nil {
		return fmt.Errorf("%w: %w", ErrResponse, err)
	}
	return nil
}
