package crash

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"hullmark/app"
	"hullmark/client"
	"hullmark/database"
	"hullmark/internal/nettest"
	"hullmark/ledger"
	"hullmark/merkle/store"
)

// network is a network of processes of which one at a time dies.
type network struct {
	*nettest.Processes
	hullmarkd string
	pub       *nettest.Publisher
	writer    *client.Client
	version   int    // published last
	height    uint64 // of its block
}

func newNetwork(t *testing.T, name string) *network {
	t.Helper()
	if testing.Short() {
		t.Skip("runs real processes")
	}
	p := nettest.NewProcesses(t, nettest.New(t, name, 4))
	return &network{Processes: p, hullmarkd: p.Binary}
}

// run is a subtest that the network's helpers belong to meanwhile.
func (n *network) run(t *testing.T, name string, f func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		before := n.T
		n.T = t
		defer func() { n.T = before }()
		f(t)
	})
}

// startAt starts a node that ends at a point; never for an empty one.
func (n *network) startAt(i int, point string) {
	n.T.Helper()
	self, err := os.Executable()
	if err != nil {
		n.T.Fatal(err)
	}
	n.Binary = self
	defer func() { n.Binary = n.hullmarkd }()
	n.Start(i, roleVariable+"=node", pointVariable+"="+point)
}

// killed waits until a node has killed itself.
func (n *network) killed(i int) {
	n.T.Helper()
	if code := n.Ended(i); code != -1 {
		n.T.Fatalf("node %d ended with %d instead of at its point", i, code)
	}
}

// findAnchor asks the first node for the network's trust anchor.
func (n *network) findAnchor() {
	n.T.Helper()
	var err error
	if n.Anchor, err = app.FetchAnchor(n.Context(), n.Nodes[0].Home, n.Nodes[0].URL); err != nil {
		n.T.Fatal(err)
	}
}

// register makes the repository that publish publishes in, through some nodes.
func (n *network) register(urls ...string) {
	n.T.Helper()
	n.pub = n.Publisher("registry.example.com/crashes")
	n.writer = n.Client(urls...)
	n.pub.Register(n.writer)
	n.publish()
}

// publish publishes the next version.
func (n *network) publish() {
	n.T.Helper()
	n.version++
	n.height = n.pub.Publish(n.writer, "latest", fmt.Sprint(n.version)).Transaction.GetHeight()
}

// back checks that a node knows all that was acknowledged, and proves it.
func (n *network) back(i int) {
	n.T.Helper()
	n.Provable(n.height, i)
	n.pub.Means(n.Client(n.Nodes[i].URL), "latest", fmt.Sprint(n.version))
}

// checkDead checks what a node left on disk when it died: one height, whole, and
// its app hash is the one in the next header, as another node has it.
func (n *network) checkDead(i, witness int) {
	n.T.Helper()
	dir := n.T.TempDir()
	// A copy, so that the node finds what the crash left and not what opening made
	// of it.
	if err := os.CopyFS(filepath.Join(dir, "ledger.db"), os.DirFS(ledgerDir(n.Nodes[i].Home))); err != nil {
		n.T.Fatal(err)
	}
	db, err := database.OpenLedger(filepath.Join(dir, "ledger.db"), database.Options{})
	if err != nil {
		n.T.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			n.T.Error(err)
		}
	}()
	st, err := store.Open(db, store.Options{KeepRecent: keepRecent})
	if err != nil {
		n.T.Fatal(err)
	}
	l, err := ledger.New(n.Genesis, st)
	if err != nil {
		n.T.Fatal(err)
	}
	if err := ledger.Check(l); err != nil {
		n.T.Fatal(err)
	}
	if l.Height() == 0 {
		return
	}
	v := l.Latest()
	defer v.Close()
	hash := v.State().AppHash()
	n.Provable(l.Height(), witness)
	header, _, err := n.Client(n.Nodes[witness].URL).LightBlock(n.Context(), l.Height()+1)
	if err != nil {
		n.T.Fatal(err)
	}
	if !bytes.Equal(header.AppHash, hash[:]) {
		n.T.Errorf("node %d died with app hash %s at height %d, the network has %s", i, hash, l.Height(), header.AppHash)
	}
}

// TestFirstBlock kills every node of a new network at a step of its first block,
// two networks at eight steps, before there is anybody to catch up with.
func TestFirstBlock(t *testing.T) {
	for _, points := range [][]string{
		{"init-chain/before:1", "init-chain/after:1", "finalize-block/before:1", "finalize-block/after:1"},
		{"batch/set:1", "batch/before-write:1", "batch/after-write:1", "commit/after:1"},
	} {
		t.Run(fmt.Sprint(points), func(t *testing.T) {
			n := newNetwork(t, "first")
			for i, point := range points {
				n.startAt(i, point)
			}
			// One comes back as soon as it has died: too few of them may be left for
			// the others to get as far as they are to die.
			back := make(map[int]bool)
			n.Until("every node has died", func() bool {
				for i := range points {
					if !back[i] && !n.Running(i) {
						n.killed(i)
						n.startAt(i, "")
						back[i] = true
					}
				}
				return len(back) == len(points)
			})
			for i := range points {
				n.Provable(1, i)
			}
			n.findAnchor()
			n.register(n.URLs()...)
			for i := range points {
				n.back(i)
			}
			n.StopAll()
		})
	}
}

// point is where a node dies.
type point struct {
	name string
	// long says that the point is left to the long run: it lies beside another one
	// with nothing but computing in between.
	long bool
	// signal says that the node dies there when it is told to end.
	signal bool
}

// points are those of our own, in the order of a block's life. A number behind the
// colon above one lets whole blocks pass first, after coming back from the point
// before.
var points = []point{
	{name: "prepare-proposal/before:2", long: true},
	{name: "prepare-proposal/after:1"}, // as proposer
	{name: "process-proposal/before:2", long: true},
	{name: "process-proposal/after:2"},
	{name: "blockstore/before-write:2"},
	{name: "blockstore/after-write:2"},
	{name: "finalize-block/before:2", long: true},
	{name: "finalize-block/after:2"},
	{name: "state/before-write:4"}, // of the answer to FinalizeBlock, or of the state after it
	{name: "state/after-write:4"},
	{name: "state/before-write:5", long: true},
	{name: "state/after-write:5", long: true},
	{name: "commit/before:2", long: true},
	{name: "batch/set:1", long: true},
	{name: "batch/set:20"}, // of another batch than the first
	{name: "prune/list:2"},
	{name: "prune/delete:1", long: true},
	{name: "prune/delete:20"},
	{name: "batch/before-write:3"},
	{name: "batch/after-write:3"},
	{name: "batch/close:2", long: true},
	{name: "commit/after:2"},
	{name: "shutdown/before-close:1", signal: true},
	{name: "shutdown/after-close:1", signal: true, long: true},
}

// enginePoints is how many fail points of its own the engine passes with a block:
// its votes, before and after the block is saved, after the write-ahead log, after
// FinalizeBlock, after its answer is saved, after the application's Commit, after
// the engine's state is saved, and twice after that. A node that catches up passes
// only those around FinalizeBlock and Commit, so that the numbers fall on different
// ones from one round to the next.
const enginePoints = 13

// TestCrashPoints kills one validator of four at every step of a block, of pruning
// and of an orderly end, while the others go on. What it leaves on disk is one
// height, whole, and that of the network; and it comes back, if only to die at the
// next point. The long run lets it catch up with the others each time.
func TestCrashPoints(t *testing.T) {
	const victim, witness = 3, 0
	long := faultTime(t, 0) > 0
	n := newNetwork(t, "points")
	n.StartAll()
	n.register(n.URLs()[:victim]...)
	n.Kill(victim)
	dead := func() {
		t.Helper()
		n.checkDead(victim, witness)
		if long {
			n.startAt(victim, "")
			n.publish()
			n.back(victim)
			n.Kill(victim)
		}
	}
	for _, p := range points {
		if p.long && !long {
			continue
		}
		n.run(t, p.name, func(*testing.T) {
			n.startAt(victim, p.name)
			n.publish() // something to catch up with
			if p.signal {
				n.back(victim)
				n.Signal(victim, syscall.SIGTERM)
			}
			n.killed(victim)
			dead()
		})
	}
	for i := range enginePoints {
		if i%2 == 1 && !long {
			continue
		}
		n.run(t, fmt.Sprint("engine/", i), func(t *testing.T) {
			n.Start(victim, fmt.Sprint("FAIL_TEST_INDEX=", i))
			n.publish()
			if code := n.Ended(victim); code != 1 {
				t.Fatalf("ended with %d, want the fail point's 1", code)
			}
			dead()
		})
	}
	n.Start(victim)
	n.publish()
	n.back(victim)
	n.run(t, "a taken home", func(t *testing.T) {
		cmd := exec.Command(n.hullmarkd, "start", "--home", string(n.Nodes[0].Home))
		if out, err := cmd.CombinedOutput(); err == nil || cmd.ProcessState.ExitCode() != 1 {
			t.Errorf("a second process with one home: %v\n%s", err, out)
		}
	})
	n.StopAll()
}
