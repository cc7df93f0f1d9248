package flood

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	abcicli "github.com/cometbft/cometbft/abci/client"
	cmtabci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/proxy"

	"hullmark/app"
	"hullmark/change"
	"hullmark/client"
	"hullmark/internal/fixture"
	"hullmark/internal/nettest"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

const (
	// largeRows makes a targets file of nearly the largest size.
	largeRows = 7500
	// rounds is how often the honest publisher publishes beside each flood.
	rounds = 4
	// refusedPerSecond is what stalled four validators once, with 5 kB.
	refusedPerSecond = 12
	// proposed is how many refused transactions the faulty proposer puts into a block.
	proposed = 100
)

// arena is a network of processes in which somebody who may publish works against the
// others, beside an honest publisher.
type arena struct {
	*nettest.Processes
	t      *testing.T
	c      *client.Client
	honest *nettest.Publisher
	tags   map[string]string
	next   uint64 // version of the honest publisher's file
}

func newArena(t *testing.T, n *nettest.Network, p *nettest.Processes) *arena {
	t.Helper()
	a := &arena{Processes: p, t: t, c: p.Client(p.URLs()...), tags: make(map[string]string), next: 1}
	a.honest = n.Publisher("registry.example.com/honest")
	a.honest.Register(a.c)
	return a
}

// publish publishes once and returns after how many blocks it was committed.
func (a *arena) publish() uint64 {
	a.t.Helper()
	a.tags["latest"] = fmt.Sprint(a.next)
	tx := a.honest.Transaction(a.next, a.tags)
	a.next++
	tip := a.tip()
	receipt, _, err := a.c.Submit(a.Context(), tx)
	if err != nil {
		a.t.Fatalf("an honest publish: %v", err)
	}
	return receipt.GetHeight() - tip
}

func (a *arena) tip() (tip uint64) {
	a.t.Helper()
	for i := range a.Nodes {
		tip = max(tip, a.Status(i).GetHeight())
	}
	return tip
}

// rides publishes some times while a flood is under way.
func (a *arena) rides(flood string) {
	a.t.Helper()
	began, from, cpu := time.Now(), a.tip(), a.cpu()
	for range rounds {
		if took := a.publish(); took > withinBlocks {
			a.t.Errorf("%s: an honest publish is in block %d after the newest when it was sent", flood, took)
		}
	}
	a.t.Logf("%s: %d honest publishes in %d blocks and %.1f s; %.1f s of CPU by all nodes",
		flood, rounds, a.tip()-from, time.Since(began).Seconds(), (a.cpu() - cpu).Seconds())
}

// cpu is what this process's children that still run have used, as far as the system
// says.
func (a *arena) cpu() (sum time.Duration) {
	const ticks = 100 // a second, on every Linux
	for _, path := range a.stats() {
		b, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
		var user, system int64
		if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err == nil {
			sum += time.Duration(user+system) * time.Second / ticks
		}
	}
	return sum
}

func (a *arena) stats() []string {
	var out []string
	for i := range a.Nodes {
		if pid, ok := a.PID(i); ok {
			out = append(out, fmt.Sprintf("/proc/%d/stat", pid))
		}
	}
	return out
}

// large is a publisher with a targets file of nearly the largest size.
type large struct {
	*nettest.Publisher
	rows []tuf.Target
	file *tuf.Targets // the ledger has
}

// newLarge registers a publisher and has its file grow.
func (a *arena) newLarge(name string, rows int) *large {
	a.t.Helper()
	l := &large{Publisher: a.honest.Network.Publisher("registry.example.com/" + name)}
	l.Register(a.c)
	for len(l.rows) < rows {
		for range min(record.MaxChanges-1, rows-len(l.rows)) {
			tag := fmt.Sprintf("v%07d", len(l.rows))
			l.rows = append(l.rows, tuf.Target{Tag: reference.MustParseTag(tag), Digest: fixture.Digest(tag), Length: 1})
		}
		next := l.sign(a.t, 0)
		if _, _, err := a.c.Submit(a.Context(), l.delta(a.t, next)); err != nil {
			a.t.Fatal(err)
		}
		l.file = next
	}
	return l
}

// nextFile returns the file after the one the ledger has, in which one tag means
// something else; change makes each another one.
func (l *large) nextFile(t *testing.T, change int) *tuf.Targets {
	t.Helper()
	version := uint64(1)
	if l.file != nil {
		version = l.file.Version + 1
	}
	spec := tuf.TargetsSpec{Version: version, Expires: l.Expires(), Binding: l.Binding(tuf.RoleTargets), Targets: slices.Clone(l.rows)}
	spec.Targets[0].Digest = fixture.Digest(fmt.Sprint(version, change))
	file, err := tuf.NewTargets(spec)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func (l *large) sign(t *testing.T, change int) *tuf.Targets {
	t.Helper()
	file, err := l.nextFile(t, change).Sign(l.Tags)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// forge returns a next file whose signature is no signature.
func (l *large) forge(t *testing.T, change int) *tuf.Targets {
	t.Helper()
	file, err := l.nextFile(t, change).AddSignatures(tuf.Signature{KeyID: l.Tags.ID(), Sig: make([]byte, 64)})
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// delta returns the transaction that publishes a file as a change of the one the ledger
// has. The submitter's signature is good.
func (l *large) delta(t *testing.T, file *tuf.Targets) []byte {
	t.Helper()
	u := change.Update{Roles: []*tuf.Targets{file}}
	if l.file != nil {
		u.Stored = []*tuf.Targets{l.file}
	}
	tx, err := change.NewPublication(l.Network.Ledger, "", nettest.Submitter{Key: l.Tags}, u)
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

// TestFloodRefused: a registered publisher with a large file sends deltas whose
// submitter's signature is good and whose file's is not, then as many valid ones as its
// quota lets wait. An honest publisher is in a block soon all the while.
func TestFloodRefused(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs hullmarkd")
	}
	n := nettest.New(t, "refused", 4)
	p := nettest.NewProcesses(t, n)
	p.StartAll()
	a := newArena(t, n, p)
	l := a.newLarge("large", largeRows)
	a.rides("nothing else")

	// Made beforehand: the sender shares the machine.
	refused := make([][]byte, 30*refusedPerSecond)
	for i := range refused {
		refused[i] = l.delta(t, l.forge(t, i))
	}
	ctx, stop := context.WithCancel(p.Context())
	defer stop()
	var sent atomic.Int64
	var senders sync.WaitGroup
	for i := range n.Nodes {
		senders.Go(func() { sendAll(ctx, n.Nodes[i].URL, refused, &sent) })
	}
	a.rides("refused deltas of a large file")
	for sent.Load() < int64(enoughJunk) && ctx.Err() == nil {
		if took := a.publish(); took > withinBlocks {
			t.Errorf("an honest publish is %d blocks behind", took)
		}
	}
	stop()
	senders.Wait()
	t.Logf("%d refused transactions were sent", sent.Load())

	// Another publisher, whose account at the nodes is not the one that the flood emptied.
	l = a.newLarge("valid", largeRows)
	before := l.file.Version
	for _, waiting := range []int{40, 70} { // the quota has 120 tokens, of which growing took some
		for i := range waiting {
			next := l.sign(t, i)
			if _, err := p.RPC(0).BroadcastTxAsync(p.Context(), l.delta(t, next)); err != nil {
				t.Fatal(err)
			}
			l.file = next
		}
		a.rides(fmt.Sprintf("%d valid deltas of a large file", waiting))
	}
	reader := p.Client(p.URLs()...)
	p.Until("what was valid is committed", func() bool {
		r, _, err := reader.Repository(p.Context(), l.Repository)
		return err == nil && r.TargetsVersion > before+40
	})
	p.StopAll()
}

// sendAll posts one transaction after the other to a node, at the pace of a flood.
func sendAll(ctx context.Context, url string, txs [][]byte, sent *atomic.Int64) {
	pace := time.NewTicker(time.Second / refusedPerSecond)
	defer pace.Stop()
	var posts sync.WaitGroup
	defer posts.Wait()
	for i := 0; ; i = (i + 1) % len(txs) {
		select {
		case <-ctx.Done():
			return
		case <-pace.C:
		}
		posts.Go(func() {
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/tx", bytes.NewReader(txs[i]))
			if err != nil {
				return
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return // it is not refused
			}
			sent.Add(1)
		})
	}
}

// TestFloodProposals: a validator whose every proposal holds transactions that are
// refused delays nobody for long.
func TestFloodProposals(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs hullmarkd")
	}
	const culprit = 3
	n := nettest.New(t, "proposals", 4)
	p := nettest.NewProcesses(t, n)
	config, err := app.LoadConfig(n.Nodes[culprit].Home)
	if err != nil {
		t.Fatal(err)
	}
	f := new(proposer)
	node, err := app.Open(n.Nodes[culprit].Home, app.Options{
		Config: config, Version: "faulty", Log: p.Logs.Of(culprit), Hooks: app.Hooks{Connections: f.connections},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range culprit {
		p.Start(i)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	stopped := false
	t.Cleanup(func() {
		if !stopped {
			_ = node.Stop() // the test has failed already
		}
	})
	for i := range n.Nodes {
		p.Provable(1, i)
	}
	if p.Anchor, err = node.Anchor(); err != nil {
		t.Fatal(err)
	}
	a := newArena(t, n, p)
	l := a.newLarge("large", largeRows)
	bad := make([][]byte, proposed)
	for i := range bad {
		bad[i] = l.delta(t, l.forge(t, i))
	}
	f.set(bad)
	a.rides(fmt.Sprintf("proposals of %d refused deltas", proposed))
	for f.made.Load() < 2 {
		if took := a.publish(); took > withinBlocks {
			t.Errorf("an honest publish is %d blocks behind", took)
		}
	}
	t.Logf("%d such proposals were made", f.made.Load())
	f.set(nil)
	a.publish()
	if err := node.Stop(); err != nil {
		t.Error(err)
	}
	stopped = true
	p.StopAll()
}

// proposer is a validator that proposes what it likes, and takes it for good.
type proposer struct {
	mu   sync.Mutex
	txs  [][]byte
	made atomic.Int64
}

func (f *proposer) set(txs [][]byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.txs = txs
}

func (f *proposer) now() [][]byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.txs
}

func (f *proposer) connections(c proxy.ClientCreator) proxy.ClientCreator {
	return faultyConnections{c, f}
}

type faultyConnections struct {
	proxy.ClientCreator
	f *proposer
}

// NewABCIClient implements proxy.ClientCreator.
func (c faultyConnections) NewABCIClient() (abcicli.Client, error) {
	inner, err := c.ClientCreator.NewABCIClient()
	return faultyConnection{inner, c.f}, err
}

type faultyConnection struct {
	abcicli.Client
	f *proposer
}

// PrepareProposal implements abcicli.Client.
func (c faultyConnection) PrepareProposal(ctx context.Context, req *cmtabci.RequestPrepareProposal) (*cmtabci.ResponsePrepareProposal, error) {
	resp, err := c.Client.PrepareProposal(ctx, req)
	if txs := c.f.now(); txs != nil && err == nil {
		c.f.made.Add(1)
		resp.Txs = txs
	}
	return resp, err
}

// ProcessProposal implements abcicli.Client.
func (c faultyConnection) ProcessProposal(ctx context.Context, req *cmtabci.RequestProcessProposal) (*cmtabci.ResponseProcessProposal, error) {
	if c.f.now() != nil {
		return &cmtabci.ResponseProcessProposal{Status: cmtabci.ResponseProcessProposal_ACCEPT}, nil
	}
	return c.Client.ProcessProposal(ctx, req)
}
