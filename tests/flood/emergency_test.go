package flood

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"hullmark/change"
	"hullmark/internal/nettest"
	"hullmark/tuf"
)

// TestFloodEmergency floods four processes with junk and with publishes that are
// valid, of a repository at each node, while an honest publisher publishes and rotates
// its root: both commit within a few blocks, and every node is whole afterwards.
func TestFloodEmergency(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs hullmarkd")
	}
	const versions, rounds = 400, 4
	n := nettest.New(t, "emergency", 4, limited)
	p := nettest.NewProcesses(t, n)
	p.StartAll()
	c := p.Client(p.URLs()...)
	pub := p.Publisher("registry.example.com/honest")
	pub.Register(c)
	tags := map[string]string{"latest": "1"}
	committed := pub.Transaction(1, tags)
	if _, _, err := c.Submit(p.Context(), committed); err != nil {
		t.Fatal(err)
	}
	valid := make([][][]byte, len(p.Nodes))
	for i := range valid {
		flooder := p.Publisher(fmt.Sprintf("registry.example.com/flooder-%d", i))
		flooder.Register(c)
		for version := range uint64(versions) {
			valid[i] = append(valid[i], flooder.Transaction(version+1, map[string]string{"latest": fmt.Sprint(version)}))
		}
	}

	ctx, stop := context.WithCancel(p.Context())
	defer stop()
	f := &flood{Network: n, ctx: ctx, kinds: kinds(t, n, pub, committed), sent: make(map[string]*atomic.Uint64)}
	f.begin()
	for i, txs := range valid {
		rpc := p.RPC(i)
		f.running.Go(func() {
			for ctx.Err() == nil { // what a quota refuses now may pass later
				for _, tx := range txs {
					if _, err := rpc.BroadcastTxAsync(ctx, tx); err != nil && ctx.Err() != nil {
						return
					}
				}
			}
		})
	}
	within := func(what string, tx []byte) {
		t.Helper()
		var tip uint64
		for i := range p.Nodes {
			tip = max(tip, p.Status(i).GetHeight())
		}
		receipt, _, err := c.Submit(p.Context(), tx)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if took := receipt.GetHeight() - tip; took > withinBlocks {
			t.Errorf("%s is in block %d, %d after the newest when it was sent", what, receipt.GetHeight(), took)
		}
	}
	for round := uint64(2); round < 2+rounds; round++ {
		tags["latest"] = fmt.Sprint(round)
		within(fmt.Sprintf("publish %d", round), pub.Transaction(round, tags))
		rotation, err := change.NewPublication(n.Ledger, "", nettest.Submitter{Key: pub.Root},
			change.Update{Roots: []*tuf.Root{pub.RootFile(round)}})
		if err != nil {
			t.Fatal(err)
		}
		within(fmt.Sprintf("rotation %d", round), rotation)
	}
	stop()
	f.running.Wait()
	for _, s := range f.strangers {
		s.Close()
	}
	for way, count := range f.sent {
		if count.Load() < 100 {
			t.Errorf("%s: only %d pieces of junk", way, count.Load())
		}
	}
	for i := range p.Nodes {
		p.Until(fmt.Sprintf("node %d has nothing left to do", i), func() bool { return p.Status(i).GetPending() == 0 })
	}
	last := pub.Publish(c, "after", "it all").Transaction.GetHeight()
	for i := range p.Nodes {
		p.Provable(last, i)
		p.Until(fmt.Sprintf("node %d is ready", i), func() bool { return p.Ready(i) })
		reader := p.Client(p.Nodes[i].URL)
		if r := pub.Means(reader, "latest", tags["latest"]); r.RootVersion != rounds+1 {
			t.Errorf("node %d proves root %d", i, r.RootVersion)
		}
		flooder := p.Publisher(fmt.Sprintf("registry.example.com/flooder-%d", i))
		if r, _, err := reader.Repository(p.Context(), flooder.Repository); err != nil || r.TargetsVersion < 2 {
			t.Errorf("node %d: the valid flood got nowhere: %v, %v", i, r, err)
		}
	}
	p.StopAll() // which checks the ledger that each node leaves
}
