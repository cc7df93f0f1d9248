package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"hullmark/app/admission"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/record"
	"hullmark/tuf"
)

// loopback is the client all tests of this machine are.
var loopback = admission.ClientAt("127.0.0.1:1")

// eventually waits for what must happen at some time.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long until %s", what)
		}
	}
}

// takeAll takes all that is left of a share for a client.
func takeAll(s *admission.Share, c admission.Client) (release func()) {
	var held []*admission.Held
	for {
		h, err := s.Take(c, 1)
		if err != nil {
			return func() {
				for _, h := range held {
					h.Release()
				}
			}
		}
		held = append(held, h)
	}
}

// TestWaitingLookupsHoldNoPlaces: look-ups that wait for a height of the future keep
// nobody from look-ups, however many they are, and are bounded.
func TestWaitingLookupsHoldNoPlaces(t *testing.T) {
	h, c := newHome(t, 4) // without a quorum no height comes
	n := openHome(t, h, func(c *Config) { c.HTTP.Places = 4 })
	url := start(t, n)
	_ = c
	ctx, cancel := context.WithCancel(context.Background())
	var asking sync.WaitGroup
	const waits = 20 // of one address, which has one place
	for i := range waits {
		asking.Go(func() {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/v1/resolve?ref=registry.example.com/app:%d&min_state_height=16", url, i), nil)
			if err != nil {
				t.Error(err)
				return
			}
			if resp, err := http.DefaultTransport.RoundTrip(req); err == nil {
				_ = resp.Body.Close()
			}
		})
	}
	eventually(t, "all of them wait", func() bool { return n.gate.LookupWaits.Taken() == waits })
	if taken := n.gate.Lookups.Taken(); taken != 0 {
		t.Errorf("%d places are taken", taken)
	}
	get(t, url+"/v1/metadata?repository=registry.example.com/app&role=root").expect(t, http.StatusNotFound, "not-found", 0)
	// A receipt of a height to come waits in the same table.
	release := takeAll(n.gate.LookupWaits, loopback)
	for _, query := range []string{"resolve?ref=registry.example.com/app:1&min_state_height=1", "receipt/" + strings.Repeat("0", 64) + "?height=1"} {
		r := get(t, url+"/v1/"+query)
		r.expect(t, http.StatusTooManyRequests, "busy", 0)
		if r.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
	release()
	cancel()
	asking.Wait()
	eventually(t, "they have gone", func() bool { return n.gate.LookupWaits.Taken() == 0 })
}

// TestPlacesOfOneAddress: one address has a part of the places, and another one finds
// the rest.
func TestPlacesOfOneAddress(t *testing.T) {
	p := newPublished(t, func(c *Config) { c.HTTP.Places = 4 })
	ask := func() reply { t.Helper(); return get(t, p.url+"/v1/resolve?ref=registry.example.com/app:1.0") }
	mine := takeAll(p.gate.Lookups, loopback)
	if taken := p.gate.Lookups.Taken(); taken != 1 {
		t.Errorf("one address takes %d of 4 places", taken)
	}
	ask().expect(t, http.StatusTooManyRequests, "busy", 0)
	mine()
	if r := ask(); r.status != http.StatusOK {
		t.Errorf("status %d", r.status)
	}
	var others []func()
	for i := range 4 {
		others = append(others, takeAll(p.gate.Lookups, admission.ClientAt(fmt.Sprintf("192.0.2.%d:1", i+1))))
	}
	ask().expect(t, http.StatusServiceUnavailable, "busy", 0)
	for _, release := range others {
		release()
	}
}

// TestSlowBodiesHoldNoPlaces: transactions of which one byte has come take neither the
// places nor the room of whole ones, and a publish beside them is committed.
func TestSlowBodiesHoldNoPlaces(t *testing.T) {
	p := newPublished(t, func(c *Config) { c.HTTP.Places = 1 })
	const slow = 40
	for range slow {
		c, err := net.Dial("tcp", p.Address())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		if _, err := fmt.Fprintf(c, "POST /v1/tx HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\nH", record.MaxTransactionSize); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all of them are being read", func() bool { return p.gate.Bodies.Taken() >= slow*4<<10 })
	if taken := p.gate.Bodies.Taken(); taken > slow*4<<10 {
		t.Errorf("%d bytes are held for %d", taken, slow)
	}
	if p.gate.Submissions.Taken()+p.gate.Urgent.Taken()+p.gate.SubmitWaits.Taken() != 0 {
		t.Error("they hold places")
	}
	post(t, p.url, p.app.Publish(2, nil)).receipt(t)
}

// TestRequestDeadlines: a request arrives within seconds or is refused, and says so.
func TestRequestDeadlines(t *testing.T) {
	s, err := newServer(serverOptions{address: "127.0.0.1:0", connections: 1}, http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.closeListener() }()
	if s.http.ReadTimeout != admission.ReadTime || s.http.ReadHeaderTimeout != admission.ReadTime || admission.ReadTime != 5*time.Second {
		t.Errorf("header within %s, request within %s", s.http.ReadHeaderTimeout, s.http.ReadTimeout)
	}
	if s.http.IdleTimeout != time.Minute || s.http.WriteTimeout == 0 || s.http.MaxHeaderBytes != 16<<10 {
		t.Errorf("idle %s, answer %s, header %d", s.http.IdleTimeout, s.http.WriteTimeout, s.http.MaxHeaderBytes)
	}
	for _, tc := range []struct {
		err    error
		status int
	}{
		{fmt.Errorf("read: %w", os.ErrDeadlineExceeded), 408},
		{&http.MaxBytesError{Limit: 1}, 413},
		{admission.ErrTooLarge, 413},
		{admission.ErrOwnShare, 429},
		{admission.ErrFull, 503},
		{io.ErrUnexpectedEOF, 400},
	} {
		if e := toAPIError(unread(tc.err)); e.status != tc.status {
			t.Errorf("%v: status %d, want %d", tc.err, e.status, tc.status)
		}
	}
}

// stuck is a response whose reader takes nothing until it is let go.
type stuck struct {
	recorder
	writing chan<- struct{}
	letGo   <-chan struct{}
}

// Write implements http.ResponseWriter.
func (w *stuck) Write(b []byte) (int, error) {
	w.writing <- struct{}{}
	<-w.letGo
	return 0, errors.New("gone")
}

// TestSlowReaders: answers that nobody takes hold a bounded number of bytes and no
// place, and small answers go on.
func TestSlowReaders(t *testing.T) {
	gate, err := admission.NewGate(admission.Options{Places: 8, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	s := &reads{log: slog.New(slog.DiscardHandler), gate: gate}
	const size = 1 << 20
	ask := func(w http.ResponseWriter, address string, size int) {
		r := httptest.NewRequest(http.MethodGet, "/v1/resolve", nil)
		r.RemoteAddr = address
		r, _ = gate.Admit(r, false)
		place, err := gate.Lookups.Take(admission.ClientOf(r), 1)
		if err != nil {
			refuse(s.log, w, r, err)
			return
		}
		s.lookIn(place, w, r, func() (*found, error) { return foundBytes("application/json", make([]byte, size)), nil })
	}
	writing, letGo := make(chan struct{}, 1000), make(chan struct{})
	var readers sync.WaitGroup
	begin := func(address string) {
		readers.Go(func() { ask(&stuck{writing: writing, letGo: letGo}, address, size) })
		<-writing
	}
	status := func(address string, size int) int {
		var w recorder
		ask(&w, address, size)
		return w.status
	}
	for range 16 { // one address's share
		begin("192.0.2.1:1")
	}
	if held, places := gate.Answers.Taken(), gate.Lookups.Taken(); held != 16*size || places != 0 {
		t.Errorf("%d bytes and %d places are held", held, places)
	}
	if got := status("192.0.2.1:1", size); got != http.StatusTooManyRequests {
		t.Errorf("the 17th large answer: %d", got)
	}
	if got := status("192.0.2.1:1", 10_000); got != http.StatusOK {
		t.Errorf("a small answer for the same address: %d", got)
	}
	for i := range 7 * 16 { // all that there is, by the addresses of one subscriber each
		begin(fmt.Sprintf("[2001:db8:%x::1]:1", i/16))
	}
	if got := status("192.0.2.9:1", size); got != http.StatusServiceUnavailable {
		t.Errorf("a large answer when all room is taken: %d", got)
	}
	if got := status("192.0.2.9:1", 10_000); got != http.StatusOK {
		t.Errorf("a small answer when all room is taken: %d", got)
	}
	close(letGo)
	readers.Wait()
	if held := gate.Answers.Taken(); held != 0 {
		t.Errorf("%d bytes are left behind", held)
	}
	if got := status("192.0.2.9:1", 100*size); got != http.StatusOK {
		t.Errorf("one answer larger than a share: %d", got)
	}
}

// TestEmergencyPlaces: a header that claims an emergency holds no place once it is
// judged; a rotation that a root's key has signed finds one when all others are taken,
// and keeps it.
func TestEmergencyPlaces(t *testing.T) {
	h, c := newHome(t, 4) // without a quorum everything waits
	n := openHome(t, h, func(c *Config) { c.HTTP.SubmitTimeout = time.Second })
	url := start(t, n)
	app := c.NewPublisher("registry.example.com/app")
	post(t, url, app.Register(c.Operators[0])).expect(t, 504, "not-committed", 0)

	body := []byte("no body of a publication")
	claim := record.NewHeader(c.Ledger(), record.KindPublish, app.RootKeys[0].PublicKey(), "", body, record.RoleScope(app.Repository, record.RoleRoot, 2))
	for range 3 {
		if r := post(t, url, record.EncodeEnvelope(claim, body, [keys.FixedSize]byte{1})); r.status != http.StatusUnprocessableEntity {
			t.Errorf("a claim: %d %s", r.status, r.body)
		}
	}
	if n.gate.Urgent.Taken() != 0 || n.gate.UrgentWaits.Taken() != 0 {
		t.Error("a claim keeps its place")
	}

	// A flood has found everything that is for all.
	var release []func()
	for i := range 300 {
		other := admission.ClientAt(fmt.Sprintf("198.51.%d.%d:1", 100+i>>8, i&255))
		release = append(release, takeAll(n.gate.Submissions, other), takeAll(n.gate.SubmitWaits, other))
	}
	defer func() {
		for _, r := range release {
			r()
		}
	}()
	post(t, url, app.Publish(1, nil)).expect(t, http.StatusServiceUnavailable, "busy", 0)
	rotation := c.NewPublish(app.RootKeys[0], fixture.Update{Roots: []*tuf.Root{app.Root(2)}})
	answer := make(chan reply)
	go func() { answer <- post(t, url, rotation.Bytes()) }()
	eventually(t, "the rotation waits", func() bool { return n.gate.UrgentWaits.Taken() == 1 })
	eventually(t, "it is judged", func() bool { return n.gate.Urgent.Taken() == 0 })
	(<-answer).expect(t, http.StatusGatewayTimeout, "not-committed", 0)
	if n.gate.UrgentWaits.Taken() != 0 {
		t.Error("its place is not given back")
	}
}

// TestForwardedFor: limits count for the client that a named proxy names, and for
// nobody else's word.
func TestForwardedFor(t *testing.T) {
	for _, tc := range []struct {
		name    string
		proxies []string
		want    int // answers of 200 to three clients' four requests each
	}{
		{"no proxy is named", nil, 2},
		{"another proxy is named", []string{"10.0.0.1"}, 2},
		{"this machine is named", []string{"127.0.0.1"}, 6},
	} {
		h, _ := newHome(t, 1)
		n := openHome(t, h, func(c *Config) { c.HTTP.RequestsPerSecond, c.HTTP.TrustedProxies = 1, tc.proxies })
		proxies, err := admission.ParseProxies(tc.proxies)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodGet, "/v1/status", nil)
		r.RemoteAddr = "127.0.0.1:1"
		r.Header.Set("X-Forwarded-For", "198.51.100.7")
		r, _ = n.gate.Admit(r, false)
		if got, want := admission.ClientOf(r), proxies.Client(r); got != want {
			t.Errorf("%s: the client is %s, want %s", tc.name, got, want)
		}
		stopped := time.Unix(1000, 0)
		n.gate, err = admission.NewGate(admission.Options{RequestsPerSecond: 1, Places: 4, Proxies: proxies, Now: func() time.Time { return stopped }})
		if err != nil {
			t.Fatal(err)
		}
		handler, got := n.handler(), 0
		for i := range 12 {
			r := httptest.NewRequest(http.MethodGet, "/v1/status", nil)
			r.RemoteAddr = "127.0.0.1:1"
			r.Header.Set("X-Forwarded-For", fmt.Sprintf("203.0.113.%d, 198.51.100.%d", i, i%3))
			var w recorder
			handler.ServeHTTP(&w, r)
			if w.status == http.StatusOK {
				got++
			}
		}
		if got != tc.want {
			t.Errorf("%s: %d of 12 answered, want %d", tc.name, got, tc.want)
		}
		// Probes have tokens of their own.
		var w recorder
		r = httptest.NewRequest(http.MethodGet, "/healthz", nil)
		r.RemoteAddr = "127.0.0.1:1"
		if handler.ServeHTTP(&w, r); w.status != http.StatusOK {
			t.Errorf("%s: healthz %d", tc.name, w.status)
		}
		if err := n.close(); err != nil {
			t.Error(err)
		}
	}
}
