package flood

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cometbft/cometbft/mempool"
	protomem "github.com/cometbft/cometbft/proto/tendermint/mempool"
	"hullmark/internal/nettest"
	"hullmark/internal/testnet"
)

// withinBlocks is how many blocks an honest publish may take beside the flood: one
// that is being decided when it comes, one it would be in, and one for the way.
const withinBlocks = 3

// maxMemory is what a node may hold while it is flooded.
const maxMemory = 384 << 20

// enoughJunk is how many pieces make a flood, from each side.
const enoughJunk = 300

// enough reports whether there was enough junk from every side.
func (f *flood) enough() bool {
	for _, count := range f.sent {
		if count.Load() < enoughJunk {
			return false
		}
	}
	return true
}

// TestFlood floods four processes with junk from all sides while somebody
// publishes: over the HTTP API, over the engine's RPC, and from peers.
func TestFlood(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs hullmarkd")
	}
	publishes := 12
	if os.Getenv("HULLMARK_LONG") != "" {
		publishes = 120
	}
	n := nettest.New(t, "flood", 4, limited)
	p := nettest.NewProcesses(t, n)
	p.StartAll()
	pub := p.Publisher("registry.example.com/flood")
	c := p.Client(p.URLs()...)
	pub.Register(c)
	tags := map[string]string{"latest": "0"}
	committed := pub.Transaction(1, tags)
	receipt, _, err := c.Submit(p.Context(), committed)
	if err != nil {
		t.Fatal(err)
	}
	p.Provable(receipt.GetHeight(), 0, 1, 2, 3)
	records := p.Status(0).GetLogSize()

	ctx, stop := context.WithCancel(p.Context())
	defer stop()
	f := &flood{Network: n, ctx: ctx, kinds: kinds(t, n, pub, committed), sent: make(map[string]*atomic.Uint64)}
	f.begin()
	// A slow machine sends junk more slowly; the flood is not over before there was
	// enough from every side.
	version := uint64(2)
	for ; version < uint64(2+publishes) || !f.enough(); version++ {
		// Begin from the newest block anybody has.
		var tip uint64
		for i := range p.Nodes {
			tip = max(tip, p.Status(i).GetHeight())
		}
		tags["latest"] = fmt.Sprint(version)
		receipt, _, err := c.Submit(p.Context(), pub.Transaction(version, tags))
		if err != nil {
			t.Fatalf("version %d: %v", version, err)
		}
		if took := receipt.GetHeight() - tip; took > withinBlocks {
			t.Errorf("version %d is in block %d, %d after the newest when it was sent", version, receipt.GetHeight(), took)
		}
		for i := range p.Nodes {
			if used, ok := p.Memory(i); ok && used > maxMemory {
				t.Errorf("node %d holds %d MiB", i, used>>20)
			}
		}
	}
	stop()
	f.running.Wait()
	for _, s := range f.strangers {
		s.Close()
	}
	for way, count := range f.sent {
		t.Logf("%s: %d", way, count.Load())
	}
	for i := range p.Nodes {
		p.Until(fmt.Sprintf("node %d has nothing left to do", i), func() bool { return p.Status(i).GetPending() == 0 })
		if used, ok := p.Memory(i); ok {
			t.Logf("node %d holds %d MiB", i, used>>20)
		}
	}
	last := pub.Publish(c, "after", "it all").Transaction.GetHeight()
	for i := range p.Nodes {
		p.Provable(last, i)
		p.Until(fmt.Sprintf("node %d is ready", i), func() bool { return p.Ready(i) })
		p.Until(fmt.Sprintf("node %d has its peers and no others", i), func() bool { return p.Status(i).GetPeers() == 3 })
		reader := p.Client(p.Nodes[i].URL)
		pub.Means(reader, "latest", tags["latest"])
		pub.Means(reader, "after", "it all")
		want := records + version - 2 + 1 // all in the loop, and the last
		if s := p.Status(i); s.GetLogSize() != want {
			t.Errorf("node %d has %d records, want %d", i, s.GetLogSize(), want)
		}
	}
	p.StopAll()
}

// limited gives the nodes the limits of the default configuration, where senders can
// have addresses of their own: other systems have one loopback address.
func limited(o *testnet.Options) { o.Unlimited = runtime.GOOS != "linux" }

// from returns a client of a node's HTTP API with an address of its own: to a node,
// whoever comes from 127.0.0.1 is one client.
func from(host byte) *http.Client {
	var d net.Dialer
	if runtime.GOOS == "linux" {
		d.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 1, host)}
	}
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4, DialContext: d.DialContext}}
}

// flood is everybody who sends junk.
type flood struct {
	*nettest.Network
	ctx     context.Context
	kinds   []junk
	running sync.WaitGroup
	sent    map[string]*atomic.Uint64

	strangers []*nettest.Stranger
}

// perSecond bounds what one sender sends. The senders share the machine with the
// nodes: without a bound they would measure how it shares its processors.
const perSecond = 150

// begin starts the senders.
func (f *flood) begin() {
	for i := range f.Nodes {
		url := f.Nodes[i].URL + "/v1/tx"
		for worker := range 4 {
			web := from(byte(1 + 10*i + worker))
			f.sender("http", uint64(10*i+worker), func(tx []byte) bool {
				req, err := http.NewRequestWithContext(f.ctx, http.MethodPost, url, bytes.NewReader(tx))
				if err != nil {
					return false
				}
				resp, err := web.Do(req)
				if err != nil {
					return false // the node has closed the connection, as it may
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				return true
			})
		}
		rpc := f.RPC(i)
		f.sender("rpc", uint64(100+i), func(tx []byte) bool {
			_, err := rpc.BroadcastTxAsync(f.ctx, tx)
			return err == nil
		})
	}
	for peer := range 2 {
		s := nettest.NewStranger(f.Network)
		f.strangers = append(f.strangers, s)
		f.sender("peer", uint64(200+peer), func(tx []byte) bool {
			// A node may throw it out; it comes again.
			for i := range f.Nodes {
				if err := s.Dial(i); err != nil && f.ctx.Err() != nil {
					return false
				}
			}
			return s.SendMessage(mempool.MempoolChannel, &protomem.Txs{Txs: [][]byte{tx}}) > 0
		})
	}
}

// sender sends one piece of junk after the other until the flood is over.
func (f *flood) sender(way string, seed uint64, send func(tx []byte) bool) {
	if f.sent[way] == nil {
		f.sent[way] = new(atomic.Uint64)
	}
	count := f.sent[way]
	f.running.Go(func() {
		r := rand.New(rand.NewPCG(seed, 0))
		pace := time.NewTicker(time.Second / perSecond)
		defer pace.Stop()
		for {
			select {
			case <-f.ctx.Done():
				return
			case <-pace.C:
			}
			if send(f.kinds[r.IntN(len(f.kinds))].make(r)) {
				count.Add(1)
			}
		}
	})
}
