package admission

import (
	"net"
	"net/http"
	"slices"
	"testing"
)

// fakeListener hands out connections of chosen addresses.
type fakeListener struct {
	net.Listener
	next []*fakeConn
}

type fakeConn struct {
	net.Conn
	address net.Addr
	closed  int
}

func (c *fakeConn) RemoteAddr() net.Addr { return c.address }
func (c *fakeConn) Close() error         { c.closed++; return nil }

// Accept implements net.Listener.
func (l *fakeListener) Accept() (net.Conn, error) {
	if len(l.next) == 0 {
		return nil, net.ErrClosed
	}
	c := l.next[0]
	l.next = l.next[1:]
	return c, nil
}

// dial has a connection of an address accepted, and returns both of its ends; the
// server's is nil if it was closed at once.
func dial(t *testing.T, l *Listener, address string) (net.Conn, *fakeConn) {
	t.Helper()
	a, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	inner, ok := l.Listener.(*fakeListener)
	if !ok {
		t.Fatal("another listener")
	}
	c := &fakeConn{address: a}
	inner.next = append(inner.next, c)
	got, err := l.Accept()
	if err != nil {
		return nil, c
	}
	return got, c
}

func TestConnectionsPerClient(t *testing.T) {
	proxies, err := ParseProxies([]string{"10.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	l := NewListener(&fakeListener{}, 8, proxies, false) // two for each address
	open := make(map[string]net.Conn)
	for _, tc := range []struct {
		address string
		taken   bool
	}{
		{"192.0.2.1:1", true}, {"192.0.2.1:2", true}, {"192.0.2.1:3", false},
		{"127.0.0.1:1", true}, {"127.0.0.1:2", true}, {"127.0.0.1:3", false},
		{"[2001:db8::1]:1", true}, {"[2001:db8::2]:1", true}, {"[2001:db8::3]:1", false},
		{"10.0.0.1:1", true}, {"10.0.0.1:2", true}, {"10.0.0.1:3", false}, // all eight are taken
	} {
		c, inner := dial(t, l, tc.address)
		if (c != nil) != tc.taken || inner.closed != 0 == tc.taken {
			t.Errorf("%s: taken %t", tc.address, c != nil)
		}
		open[tc.address] = c
	}
	if own, all := l.Refused(); l.Open() != 8 || own != 3 || all != 1 {
		t.Errorf("%d open, %d and %d refused", l.Open(), own, all)
	}
	for range 2 { // closing twice frees one place
		_ = open["127.0.0.1:1"].Close()
	}
	for address, taken := range map[string]bool{"192.0.2.1:9": false} {
		if c, _ := dial(t, l, address); (c != nil) != taken {
			t.Errorf("%s: taken %t", address, c != nil)
		}
	}
	if c, _ := dial(t, l, "10.0.0.1:4"); c == nil {
		t.Error("a proxy has no share of its own")
	}
	for _, c := range open {
		if c != nil {
			_ = c.Close()
		}
	}
	if l.Open() != 1 || len(l.open) != 1 {
		t.Errorf("%d open of %d clients", l.Open(), len(l.open))
	}
	all := NewListener(&fakeListener{}, 3, nil, true)
	for i := range 4 {
		if c, _ := dial(t, all, "192.0.2.1:1"); (c != nil) != (i < 3) {
			t.Errorf("unlimited, connection %d: taken %t", i, c != nil)
		}
	}
}

// TestIdleConnectionsMakeRoom: connections that do nothing keep nobody away.
func TestIdleConnectionsMakeRoom(t *testing.T) {
	l := NewListener(&fakeListener{}, 4, nil, false)
	var idle []*fakeConn
	var conns []net.Conn
	for _, address := range []string{"192.0.2.1:1", "192.0.2.2:1", "192.0.2.3:1", "192.0.2.4:1"} {
		c, inner := dial(t, l, address)
		l.ConnState(c, http.StateActive)
		idle, conns = append(idle, inner), append(conns, c)
	}
	if c, _ := dial(t, l, "192.0.2.5:1"); c != nil {
		t.Error("one too many while all are at work")
	}
	for _, i := range []int{2, 0, 1} {
		l.ConnState(conns[i], http.StateIdle)
	}
	l.ConnState(conns[2], http.StateActive) // it was idle for longest
	closed := func() (out []int) {
		for i, c := range idle {
			if c.closed > 0 {
				out = append(out, i)
			}
		}
		return out
	}
	if c, _ := dial(t, l, "192.0.2.5:1"); c == nil || !slices.Equal(closed(), []int{0}) {
		t.Errorf("closed %v, want the one idle for longest", closed())
	}
	// One address's own idle connection goes first.
	if c, _ := dial(t, l, "192.0.2.2:2"); c == nil || !slices.Equal(closed(), []int{0, 1}) {
		t.Errorf("closed %v, want its own", closed())
	}
	_ = conns[0].Close() // its server finds out
	l.ConnState(conns[1], http.StateIdle)
	if l.Open() != 4 || l.idle.Len() != 0 {
		t.Errorf("%d open, %d idle", l.Open(), l.idle.Len())
	}
	if c, _ := dial(t, l, "192.0.2.6:1"); c != nil {
		t.Error("a closed connection makes room twice")
	}
}
