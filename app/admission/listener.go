package admission

import (
	"container/list"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
)

// Listener bounds the connections of an HTTP server: so many together, and a part of
// them for each address. When there are as many as there may be, a new one takes the
// place of the one that has been idle for longest, or is closed at once if none is:
// whoever asked another node would have an answer by now.
type Listener struct {
	net.Listener
	most, each int
	exempt     Proxies

	mu    sync.Mutex
	open  map[Client]int
	total int
	idle  list.List // of *conn, longest first
	// refused counts those closed at once, for their address and for all.
	refusedOwn, refusedAll uint64
}

// NewListener bounds a listener to most connections, of which one address may have its
// part unless it is a proxy's; every address may have all of them if unlimited.
func NewListener(l net.Listener, most int, exempt Proxies, unlimited bool) *Listener {
	each := min(connectionsEach, max(1, most/connectionsShare))
	if unlimited {
		each = most
	}
	return &Listener{Listener: l, most: most, each: each, exempt: exempt, open: make(map[Client]int)}
}

// conn is one open connection.
type conn struct {
	net.Conn
	listener *Listener
	client   Client
	idle     *list.Element // guarded by the listener's lock, like closed
	closed   bool
}

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		inner, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if tcp, ok := inner.(*net.TCPConn); ok {
			// The kernel's own choice holds megabytes for a reader that does not read.
			_ = tcp.SetWriteBuffer(sendBuffer)
		}
		address := inner.RemoteAddr().String()
		c := &conn{Conn: inner, listener: l, client: ClientAt(address)}
		if l.enter(c, l.exempt.includeAt(address)) {
			return c, nil
		}
		_ = inner.Close() // nobody to tell: an answer would cost what the limit saves
	}
}

// enter counts a connection, and makes room for it where idle ones leave it.
func (l *Listener) enter(c *conn, exempt bool) bool {
	l.mu.Lock()
	var evicted *conn
	switch {
	case !exempt && l.open[c.client] >= l.each:
		evicted = l.longestIdle(func(other *conn) bool { return other.client == c.client })
	case l.total >= l.most:
		evicted = l.longestIdle(func(*conn) bool { return true })
	default:
		l.count(c.client, 1)
		l.mu.Unlock()
		return true
	}
	if evicted == nil {
		if l.total < l.most {
			l.refusedOwn++
		} else {
			l.refusedAll++
		}
		l.mu.Unlock()
		return false
	}
	l.forget(evicted)
	l.count(c.client, 1)
	l.mu.Unlock()
	_ = evicted.Conn.Close() // its server finds out, and has nothing to lose
	return true
}

func (l *Listener) longestIdle(of func(*conn) bool) *conn {
	for e := l.idle.Front(); e != nil; e = e.Next() {
		if c, ok := e.Value.(*conn); ok && of(c) {
			return c
		}
	}
	return nil
}

// forget ends the count of a connection, once.
func (l *Listener) forget(c *conn) {
	if c.closed {
		return
	}
	c.closed = true
	l.rest(c, false)
	l.count(c.client, -1)
}

func (l *Listener) count(c Client, n int) {
	l.total += n
	if l.open[c] += n; l.open[c] == 0 {
		delete(l.open, c)
	}
}

// rest notes whether a connection is idle.
func (l *Listener) rest(c *conn, idle bool) {
	if c.idle != nil {
		l.idle.Remove(c.idle)
		c.idle = nil
	}
	if idle && !c.closed {
		c.idle = l.idle.PushBack(c)
	}
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.listener.mu.Lock()
	c.listener.forget(c)
	c.listener.mu.Unlock()
	return c.Conn.Close()
}

// ConnState notes which connections are idle. It is the hook of an http.Server that
// serves the listener, with TLS around it or without.
func (l *Listener) ConnState(n net.Conn, state http.ConnState) {
	if t, ok := n.(*tls.Conn); ok {
		n = t.NetConn()
	}
	if c, ok := n.(*conn); ok && c.listener == l && (state == http.StateActive || state == http.StateIdle) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.rest(c, state == http.StateIdle)
	}
}

// Open returns how many connections are open.
func (l *Listener) Open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total
}

// Most returns how many connections may be open.
func (l *Listener) Most() int { return l.most }

// Refused returns how many connections were closed at once because of their address,
// and because of all.
func (l *Listener) Refused() (own, all uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refusedOwn, l.refusedAll
}
