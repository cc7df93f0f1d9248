package app

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// Limits of one client, named by its address: an IPv4 address or an IPv6 /64,
// which is what one subscriber gets.
const (
	// maxClients is how many addresses are remembered; whoever is forgotten
	// starts with a full bucket.
	maxClients = 1 << 16
	// burstSeconds is how many seconds' worth of requests may come at once.
	burstSeconds = 2
	// maxConnectionsPerClient bounds the share of maxConnections one address
	// takes. It is far above what a client or a proxy pool needs.
	maxConnectionsPerClient = 256
)

// clientOf returns what an address is limited by; false for one that is not
// limited: whoever is on this machine, such as a reverse proxy, which is to limit
// its own clients.
func clientOf(address string) (netip.Prefix, bool) {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return netip.Prefix{}, true // all of unknown origin share one bucket
	}
	a := ap.Addr().Unmap()
	if a.IsLoopback() {
		return netip.Prefix{}, false
	}
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, err := a.WithZone("").Prefix(bits)
	return p, err == nil
}

// rateLimit is a token bucket per client.
type rateLimit struct {
	perSecond float64
	now       func() time.Time

	mu      sync.Mutex
	clients *lru.Cache[netip.Prefix, *tokens]
}

type tokens struct {
	left float64
	at   time.Time
}

// newRateLimit returns nil, which limits nobody, for zero.
func newRateLimit(perSecond int) (*rateLimit, error) {
	if perSecond == 0 {
		return nil, nil
	}
	clients, err := lru.New[netip.Prefix, *tokens](maxClients)
	if err != nil {
		return nil, fmt.Errorf("couldn't make rate limit: %w", err)
	}
	return &rateLimit{perSecond: float64(perSecond), now: time.Now, clients: clients}, nil
}

// allow takes a token of the client at an address.
func (l *rateLimit) allow(address string) bool {
	if l == nil {
		return true
	}
	client, limited := clientOf(address)
	if !limited {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now, most := l.now(), burstSeconds*l.perSecond
	t, known := l.clients.Get(client)
	if !known {
		t = &tokens{left: most, at: now}
		l.clients.Add(client, t)
	}
	t.left = min(most, t.left+l.perSecond*max(0, now.Sub(t.at).Seconds()))
	t.at = now
	if t.left < 1 {
		return false
	}
	t.left--
	return true
}

func tooMany() *apiError {
	return &apiError{status: http.StatusTooManyRequests, code: "busy", retry: time.Second,
		message: "too many requests from your address; ask again, or ask another node"}
}

// clientListener closes connections beyond maxConnectionsPerClient at once.
type clientListener struct {
	net.Listener
	most int

	mu   sync.Mutex
	open map[netip.Prefix]int
}

func limitClients(l net.Listener, most int) *clientListener {
	return &clientListener{Listener: l, most: most, open: make(map[netip.Prefix]int)}
}

// Accept implements net.Listener.
func (l *clientListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		client, limited := clientOf(c.RemoteAddr().String())
		if !limited {
			return c, nil
		}
		if l.enter(client) {
			return &clientConn{Conn: c, leave: sync.OnceFunc(func() { l.leave(client) })}, nil
		}
		_ = c.Close() // nobody to tell: an answer would cost what the limit saves
	}
}

func (l *clientListener) enter(client netip.Prefix) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[client] >= l.most {
		return false
	}
	l.open[client]++
	return true
}

func (l *clientListener) leave(client netip.Prefix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[client]--; l.open[client] == 0 {
		delete(l.open, client)
	}
}

type clientConn struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (c *clientConn) Close() error {
	c.leave()
	return c.Conn.Close()
}
