package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"hullmark/bundle"
	"hullmark/client"
	"hullmark/internal/nettest"
)

// TestPartitions cuts, stalls, pauses and kills processes of a network in turn.
// Whoever has a quorum goes on; who has none says so, still answers, and writes
// nothing; and everything that was acknowledged is there afterwards, everywhere.
func TestPartitions(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs hullmarkd")
	}
	n := nettest.New(t, "partitions", 4)
	links := n.Interpose()
	p := &partitioned{Processes: nettest.NewProcesses(t, n), links: links}
	p.StartAll()
	p.pub = p.Publisher("registry.example.com/partitions")
	p.height = p.pub.Register(p.Client(p.URLs()...))
	for _, step := range []struct {
		name string
		run  func(t *testing.T, p *partitioned)
	}{
		{"one cut off", func(t *testing.T, p *partitioned) { p.minority(t, 3, func() { p.links.Split(3) }, p.links.Heal) }},
		{"one unheard", func(t *testing.T, p *partitioned) { p.minority(t, 0, func() { p.links.Stall(0) }, p.links.Heal) }},
		{"one paused", paused},
		{"one killed while another is cut off", killedAndCut},
		{"halves", halves},
	} {
		if !t.Run(step.name, func(t *testing.T) {
			before := p.T
			p.T = t
			defer func() { p.T = before }()
			step.run(t, p)
			p.whole()
		}) {
			return
		}
	}
	p.StopAll()
}

type partitioned struct {
	*nettest.Processes
	links *nettest.Links
	pub   *nettest.Publisher
	// acknowledged is how many tags were published, each with its own name.
	acknowledged int
	height       uint64
}

// publish publishes one more tag through some nodes.
func (p *partitioned) publish(nodes ...int) {
	p.T.Helper()
	var urls []string
	for _, i := range nodes {
		p.Provable(p.height, i) // a client that remembers nothing believes whom it asks
		urls = append(urls, p.Nodes[i].URL)
	}
	p.height = p.pub.Publish(p.Client(urls...), fmt.Sprint("v", p.acknowledged), fmt.Sprint(p.acknowledged)).Transaction.GetHeight()
	p.acknowledged++
}

// whole waits until all nodes are ready, and checks that each proves everything
// that was ever acknowledged.
func (p *partitioned) whole() {
	p.T.Helper()
	p.publish(0, 1, 2, 3)
	for i := range p.Nodes {
		p.Provable(p.height, i)
		p.Until(fmt.Sprintf("node %d is ready", i), func() bool { return p.Ready(i) })
		c := p.Client(p.Nodes[i].URL)
		for v := range p.acknowledged {
			p.pub.Means(c, fmt.Sprint("v", v), fmt.Sprint(v))
		}
	}
}

// stands waits until nodes say that they are not ready because time has stopped
// for them, and checks that they still answer what they know.
func (p *partitioned) stands(known int, nodes ...int) {
	p.T.Helper()
	for _, i := range nodes {
		p.Until(fmt.Sprintf("node %d says that it is not ready", i), func() bool {
			resp, err := http.Get(p.Nodes[i].URL + "/readyz")
			if err != nil {
				return false
			}
			defer func() { _ = resp.Body.Close() }()
			b, err := io.ReadAll(resp.Body)
			return err == nil && resp.StatusCode == http.StatusServiceUnavailable && strings.Contains(string(b), "old")
		})
		p.pub.Means(p.Client(p.Nodes[i].URL), fmt.Sprint("v", known-1), fmt.Sprint(known-1))
	}
}

// minority divides one node from the others.
func (p *partitioned) minority(t *testing.T, alone int, divide, heal func()) {
	p.publish(0, 1, 2, 3)
	p.Provable(p.height, alone)
	known := p.acknowledged
	divide()
	var others []int
	for i := range p.Nodes {
		if i != alone {
			others = append(others, i)
		}
	}
	for range 3 {
		p.publish(others...)
	}
	p.stands(known, alone)
	if at := p.Status(alone).GetHeight(); at >= p.height {
		t.Errorf("the node that is alone is at height %d", at)
	}
	for _, i := range others {
		p.Until(fmt.Sprintf("node %d is ready without the other", i), func() bool { return p.Ready(i) })
	}
	heal()
}

// paused stops a process without ending it.
func paused(_ *testing.T, p *partitioned) {
	p.Signal(2, syscall.SIGSTOP)
	for range 3 {
		p.publish(0, 1, 3)
	}
	p.Signal(2, syscall.SIGCONT)
	p.Provable(p.height, 2)
	// A second time with two of four: nothing moves, and then it does.
	p.Signal(1, syscall.SIGSTOP)
	p.Signal(2, syscall.SIGSTOP)
	p.stands(p.acknowledged, 0, 3)
	p.Signal(1, syscall.SIGCONT)
	p.Signal(2, syscall.SIGCONT)
}

// killedAndCut takes the quorum away by two faults of different kinds.
func killedAndCut(_ *testing.T, p *partitioned) {
	p.links.Split(1)
	p.publish(0, 2, 3)
	p.Provable(p.height, 0, 2, 3)
	p.Kill(2)
	p.stands(p.acknowledged, 0, 3)
	p.Start(2)
	p.publish(0, 2, 3)
	p.links.Heal()
}

// halves divides the network in two equal parts, neither of which is a quorum.
func halves(t *testing.T, p *partitioned) {
	undecided := p.Publisher("registry.example.com/halves")
	p.height = undecided.Register(p.Client(p.URLs()...))
	p.publish(0, 1, 2, 3)
	p.Provable(p.height, 0, 1, 2, 3)
	p.links.Split(0, 1)
	p.stands(p.acknowledged, 0, 1, 2, 3)
	before := make([]uint64, len(p.Nodes))
	for i := range p.Nodes {
		before[i] = p.Status(i).GetHeight()
	}
	// Each half takes an update and acknowledges nothing.
	tx := undecided.Transaction(1, map[string]string{"latest": "undecided"})
	for _, i := range []int{0, 3} {
		ctx, cancel := context.WithTimeout(p.Context(), 2*time.Second)
		_, _, err := p.Client(p.Nodes[i].URL).Submit(ctx, tx)
		cancel()
		if err == nil {
			t.Errorf("node %d acknowledged a transaction without a quorum", i)
		}
	}
	for i := range p.Nodes {
		// A block that was decided when the cut came may still have been on its way.
		if at := p.Status(i).GetHeight(); at > before[i]+1 {
			t.Errorf("node %d went from height %d to %d without a quorum", i, before[i], at)
		}
	}
	// A client whose bound has passed refuses what they say.
	policy := bundle.DefaultPolicy()
	policy.MaxAge = 1
	for i := range p.Nodes {
		c := p.ClientWith(client.Options{Nodes: []string{p.Nodes[i].URL}, Policy: &policy})
		if _, _, _, err := c.Resolve(p.Context(), p.pub.Ask("v0")); client.ClassOf(err) != bundle.Stale {
			t.Errorf("node %d, an answer that is too old: %v", i, err)
		}
	}
	p.links.Heal()
	// Sent again it is done once, wherever it waited meanwhile.
	p.whole()
	receipt, _, err := p.Client(p.URLs()...).Submit(p.Context(), tx)
	if err != nil {
		t.Fatalf("what was sent during the split: %v", err)
	}
	p.Provable(receipt.GetHeight(), 0, 1, 2, 3)
	undecided.Means(p.Client(p.URLs()...), "latest", "undecided")
}
