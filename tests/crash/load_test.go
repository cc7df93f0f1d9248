package crash

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"hullmark/client"
	"hullmark/internal/fixture"
	"hullmark/internal/nettest"
)

// durationVariable asks for the long run, and for how long the tests with random
// faults go on then, instead of the short time that suits each change.
const durationVariable = "HULLMARK_CRASH_DURATION"

// faultTime returns how long to make faults.
func faultTime(t *testing.T, short time.Duration) time.Duration {
	t.Helper()
	text := os.Getenv(durationVariable)
	if text == "" {
		return short
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("%s: %v", durationVariable, err)
	}
	return d
}

// newRand returns random numbers that a failed run can be repeated with.
func newRand(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("HULLMARK_CRASH_SEED"); text != "" {
		if _, err := fmt.Sscan(text, &seed); err != nil {
			t.Fatalf("HULLMARK_CRASH_SEED: %v", err)
		}
	}
	t.Logf("HULLMARK_CRASH_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, seed))
}

// publishers is how many repositories the load is about.
const publishers = 3

// load publishes all the time, and keeps what was acknowledged. Every publish is a
// tag of its own, so that each can be looked up for ever.
type load struct {
	n       *network
	pubs    []*nettest.Publisher
	clients []*client.Client

	mu sync.Mutex
	// acknowledged are the tags per publisher, and the greatest height of them.
	acknowledged [publishers][]string
	height       uint64
	failed       int

	cancel context.CancelFunc
	done   sync.WaitGroup
}

// newLoad registers the repositories.
func newLoad(n *network) *load {
	n.T.Helper()
	l := &load{n: n}
	for i := range publishers {
		pub := n.Publisher(fmt.Sprintf("registry.example.com/load/%d", i))
		c := n.Client(n.URLs()...)
		pub.Register(c)
		l.pubs, l.clients = append(l.pubs, pub), append(l.clients, c)
	}
	return l
}

// start publishes until stop. A publish that fails is no promise of anything.
func (l *load) start() {
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	for i := range l.pubs {
		// Unique also over several starts.
		first := len(l.acknowledged[i]) + l.failed
		l.done.Go(func() {
			for k := first; ctx.Err() == nil; k++ {
				l.publish(ctx, i, fmt.Sprintf("t%d-%d", time.Now().UnixNano(), k))
			}
		})
	}
}

func (l *load) publish(ctx context.Context, i int, tag string) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	r, err := l.clients[i].Publish(ctx, l.pubs[i].Publication(tag, tag))
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.failed++
		return
	}
	l.acknowledged[i] = append(l.acknowledged[i], tag)
	l.height = max(l.height, r.Transaction.GetHeight())
}

func (l *load) stop() {
	l.cancel()
	l.done.Wait()
}

// count returns how many publishes were acknowledged.
func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, tags := range l.acknowledged {
		n += len(tags)
	}
	return n
}

// check looks up every acknowledged publish at every node.
func (l *load) check(t *testing.T) {
	t.Helper()
	for node := range l.n.Nodes {
		l.n.Provable(l.height, node)
		reader := l.n.Client(l.n.Nodes[node].URL)
		for i, tags := range l.acknowledged {
			for _, tag := range tags {
				r, _, _, err := reader.Resolve(l.n.Context(), l.pubs[i].Ask(tag))
				if err != nil || r.Digest != fixture.Digest(tag) {
					t.Errorf("node %d lost the acknowledged publish of %s: %v", node, l.pubs[i].Ask(tag), err)
				}
			}
		}
	}
	t.Logf("%d publishes acknowledged, %d not", l.count(), l.failed)
}

// TestKillsUnderLoad kills nodes at random, one, two, or all of them, while
// publishers publish. Whatever was acknowledged is provable at every node
// afterwards, and all nodes have the same states.
func TestKillsUnderLoad(t *testing.T) {
	r := newRand(t)
	n := newNetwork(t, "kills")
	n.StartAll()
	l := newLoad(n)
	l.start()
	rounds, kills := 0, 0
	for end := time.Now().Add(faultTime(t, 20*time.Second)); time.Now().Before(end); rounds++ {
		// What is to be interrupted has to go on first.
		before := l.count()
		n.Until("publishes are acknowledged", func() bool { return l.count() > before+1 })
		time.Sleep(time.Duration(r.IntN(300)) * time.Millisecond) // any moment will do
		victims := r.Perm(len(n.Nodes))[:[]int{1, 1, 1, 2, len(n.Nodes)}[r.IntN(5)]]
		for _, i := range victims {
			n.Kill(i)
			kills++
		}
		for _, i := range victims {
			if r.IntN(2) == 0 {
				n.startAt(i, "") // one that prunes
			} else {
				n.Start(i)
			}
		}
	}
	n.Until("publishes are acknowledged in the end", func() bool { return l.count() > 0 })
	l.stop()
	l.check(t)
	t.Logf("%d rounds, %d kills", rounds, kills)
	n.StopAll()
}
