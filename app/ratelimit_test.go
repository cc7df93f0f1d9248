package app

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"
)

func TestRateLimit(t *testing.T) {
	now := time.Unix(1000, 0)
	l, err := newRateLimit(10)
	if err != nil {
		t.Fatal(err)
	}
	l.now = func() time.Time { return now }
	allowed := func(address string) int {
		n := 0
		for range 100 {
			if l.allow(address) {
				n++
			}
		}
		return n
	}
	for _, step := range []struct {
		name, address string
		wait          time.Duration
		want          int
	}{
		{"at once", "192.0.2.1:1000", 0, 20},
		{"another port", "192.0.2.1:1001", 0, 0},
		{"mapped", "[::ffff:192.0.2.1]:1002", 0, 0},
		{"another address", "192.0.2.2:1000", 0, 20},
		{"after half a second", "192.0.2.1:1000", 500 * time.Millisecond, 5},
		{"after a long time", "192.0.2.1:1000", time.Hour, 20},
		{"a clock set back", "192.0.2.1:1000", -time.Hour, 0},
		{"IPv6", "[2001:db8:1:2::1]:1", 0, 20},
		{"the same subscriber", "[2001:db8:1:2:3::1]:1", 0, 0},
		{"another subscriber", "[2001:db8:1:3::1]:1", 0, 20},
		{"this machine", "127.0.0.1:1", 0, 100},
		{"this machine, IPv6", "[::1]:1", 0, 100},
		{"no address", "@", 0, 20},
	} {
		now = now.Add(step.wait)
		if got := allowed(step.address); got != step.want {
			t.Errorf("%s: %d of 100 allowed, want %d", step.name, got, step.want)
		}
	}
	for i := range maxClients + 10 {
		l.allow(fmt.Sprintf("198.18.%d.%d:1", i>>8&255, i&255))
		l.allow(fmt.Sprintf("[2001:db8:%x::]:1", i))
	}
	if n := l.clients.Len(); n > maxClients {
		t.Errorf("%d addresses are remembered", n)
	}
	off, err := newRateLimit(0)
	if err != nil || !off.allow("192.0.2.1:1") {
		t.Errorf("without a limit: %v", err)
	}
}

// fakeListener hands out connections of chosen addresses.
type fakeListener struct {
	net.Listener
	addresses []string
}

type fakeConn struct {
	net.Conn
	address net.Addr
	closed  bool
}

func (c *fakeConn) RemoteAddr() net.Addr { return c.address }
func (c *fakeConn) Close() error         { c.closed = true; return nil }

// Accept implements net.Listener.
func (l *fakeListener) Accept() (net.Conn, error) {
	if len(l.addresses) == 0 {
		return nil, net.ErrClosed
	}
	a, err := net.ResolveTCPAddr("tcp", l.addresses[0])
	l.addresses = l.addresses[1:]
	return &fakeConn{address: a}, err
}

func TestConnectionsPerClient(t *testing.T) {
	inner := &fakeListener{addresses: []string{"192.0.2.1:1", "192.0.2.1:2", "192.0.2.1:3", "192.0.2.2:1", "127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"}}
	l := limitClients(inner, 2)
	var open []net.Conn
	for {
		c, err := l.Accept()
		if err != nil {
			break
		}
		open = append(open, c)
	}
	if len(open) != 6 {
		t.Fatalf("%d connections, want 6", len(open))
	}
	for range 2 { // closing twice frees one place
		_ = open[0].Close()
	}
	inner.addresses = []string{"192.0.2.1:4", "192.0.2.1:5"}
	if c, err := l.Accept(); err != nil || c.RemoteAddr().String() != "192.0.2.1:4" {
		t.Errorf("after one was closed: %v", err)
	}
	if _, err := l.Accept(); err == nil {
		t.Error("one too many")
	}
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
