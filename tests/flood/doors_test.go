package flood

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"hullmark/change"
	"hullmark/client"
	"hullmark/internal/fixture"
	"hullmark/internal/nettest"
	"hullmark/reference"
	"hullmark/tuf"
)

// attack is what one address does to a node to keep others out. It goes on until ctx is
// done.
type attack struct {
	name string
	// many is by how many connections at once.
	many int
	run  func(d *doors, ctx context.Context)
}

// doors is a node under attack.
type doors struct {
	*nettest.Processes
	address string // of the HTTP API
	height  atomic.Uint64
	large   string // a request with a large answer
}

// attackers have one address that is not that of honest users.
const attackers = 99

// fewFiles is how many files the node may open.
const fewFiles = 1024

// maxHeld is what the node may hold of memory, whatever its readers do.
const maxHeld = 1 << 30

// TestDoors: what one address does with slow, waiting and idle requests keeps nobody
// else from a node, in a process that may open few files. The rate limit alone would let
// each of these through.
func TestDoors(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs hullmarkd")
	}
	n := nettest.New(t, "doors", 1, limited)
	d := &doors{Processes: nettest.NewProcesses(t, n), address: n.Nodes[0].URL[len("http://"):]}
	limitFiles(t, d.Processes)
	d.StartAll()
	pub := d.Publisher("registry.example.com/honest")
	c := d.Client(d.URLs()...)
	pub.Register(c)
	tags, version := map[string]string{"latest": "0"}, uint64(1)
	receipt, _, err := c.Submit(d.Context(), pub.Transaction(version, tags))
	if err != nil {
		t.Fatal(err)
	}
	d.Provable(receipt.GetHeight(), 0)
	d.large = largeAnswer(t, d.Network, c)
	for _, a := range []attack{
		{"look-ups for a height to come", 256, (*doors).wait},
		{"transactions of one byte", 256, (*doors).trickle},
		{"large answers that nobody reads", 192, (*doors).leaveUnread},
		{"connections that do nothing", fewFiles - 14, (*doors).idle},
	} {
		t.Run(a.name, func(t *testing.T) {
			d.T = t
			d.height.Store(d.Status(0).GetHeight())
			ctx, stop := context.WithCancel(d.Context())
			var running sync.WaitGroup
			for range a.many {
				running.Go(func() { a.run(d, ctx) })
			}
			time.Sleep(3 * time.Second) // that all of them are there
			h := honest{doors: d, web: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
			for range 10 {
				for range 5 {
					h.look("registry.example.com/honest:latest")
				}
				if version++; !h.publish(pub.Transaction(version, tags)) {
					version--
				}
			}
			stop()
			running.Wait()
			t.Logf("look-ups %d of %d, slowest %s; publishes %d of %d; memory %d MiB", h.looked, h.looks, h.slowest.Round(time.Millisecond),
				h.published, h.publishes, h.memory>>20)
			if h.looked != h.looks || h.published != h.publishes {
				t.Errorf("refused: %v", h.refused)
			}
			if h.memory > maxHeld {
				t.Errorf("the node holds %d MiB", h.memory>>20)
			}
			if !d.Running(0) {
				t.Fatal("the node has ended")
			}
		})
	}
	d.T = t
	d.StopAll()
}

// limitFiles lets the nodes open few files.
func limitFiles(t *testing.T, p *nettest.Processes) {
	t.Helper()
	script := filepath.Join(t.TempDir(), "limited")
	text := fmt.Sprintf("#!/bin/sh\nulimit -n %d\nexec %s \"$@\"\n", fewFiles, p.Binary)
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	p.Binary = script
}

// largeAnswer publishes a targets file near the largest and returns a question about it.
func largeAnswer(t *testing.T, n *nettest.Network, c *client.Client) string {
	t.Helper()
	const name, each = "registry.example.com/large", 900
	pub := n.Publisher(name)
	pub.Register(c)
	for size, from := 0, 0; size < tuf.MaxTargetsSize*3/4; size, from = size+130*each, from+each {
		p := pub.Publication("unused", "")
		p.Changes = nil
		for i := range each {
			tag := reference.MustParseTag(fmt.Sprintf("release-%d", from+i))
			p.Changes = append(p.Changes, change.TagChange{Tag: tag, Digest: fixture.Digest(tag.String()), Size: 1})
		}
		if _, err := c.Publish(n.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	return "/v1/resolve?ref=" + name + ":release-0"
}

// dial connects from the attackers' address.
func (d *doors) dial() (net.Conn, error) {
	c, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, attackers)}, Timeout: time.Second}).Dial("tcp", d.address)
	if err != nil {
		return nil, err
	}
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetReadBuffer(4 << 10)
	}
	return c, nil
}

// again does something over and over, with a pause, until ctx is done.
func again(ctx context.Context, f func()) {
	for ctx.Err() == nil {
		f()
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// hold sends a request and keeps the connection until the node or ctx ends it.
func (d *doors) hold(ctx context.Context, request string, read bool) {
	again(ctx, func() {
		c, err := d.dial()
		if err != nil {
			return
		}
		defer func() { _ = c.Close() }()
		if _, err := io.WriteString(c, request); err != nil {
			return
		}
		over := make(chan struct{})
		if read {
			go func() {
				defer close(over)
				_, _ = io.Copy(io.Discard, c)
			}()
		}
		select {
		case <-ctx.Done():
		case <-over:
		}
		_ = c.Close()
	})
}

func (d *doors) wait(ctx context.Context) {
	d.hold(ctx, fmt.Sprintf("GET /v1/resolve?ref=registry.example.com/honest:latest&min_state_height=%d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", d.height.Load()+15), true)
}

func (d *doors) trickle(ctx context.Context) {
	d.hold(ctx, "POST /v1/tx HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\nH", true)
}

func (d *doors) leaveUnread(ctx context.Context) {
	d.hold(ctx, "GET "+d.large+" HTTP/1.1\r\nHost: x\r\n\r\n", false)
}

func (d *doors) idle(ctx context.Context) {
	d.hold(ctx, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", true)
}

// honest is somebody with another address, who opens a connection for each request and
// tries nothing twice.
type honest struct {
	*doors
	web                  *http.Client
	looks, looked        int
	publishes, published int
	slowest              time.Duration
	memory               uint64
	refused              []string
}

func (h *honest) do(method, path string, body io.Reader) bool {
	began := time.Now()
	defer func() {
		if method == http.MethodGet {
			h.slowest = max(h.slowest, time.Since(began))
		}
		if held, ok := h.Memory(0); ok {
			h.memory = max(h.memory, held)
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+h.address+path, body)
	if err != nil {
		h.T.Fatal(err)
	}
	resp, err := h.web.Do(req)
	if err != nil {
		h.refused = append(h.refused, err.Error())
		return false
	}
	defer func() { _ = resp.Body.Close() }()
	if height, err := strconv.ParseUint(resp.Header.Get("Hullmark-Height"), 10, 64); err == nil {
		h.height.Store(height)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		h.refused = append(h.refused, fmt.Sprintf("%s %s: %d %.100s %v", method, path, resp.StatusCode, b, err))
		return false
	}
	return true
}

func (h *honest) look(ref string) {
	h.looks++
	if h.do(http.MethodGet, "/v1/resolve?ref="+ref, nil) {
		h.looked++
	}
}

func (h *honest) publish(tx []byte) bool {
	h.publishes++
	if h.do(http.MethodPost, "/v1/tx", bytes.NewReader(tx)) {
		h.published++
		return true
	}
	return false
}
