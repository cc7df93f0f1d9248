package client_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hullmark/bundle"
	"hullmark/client"
	"hullmark/proto"
)

// watched is a client that compares headers in the background, and what it reports.
type watched struct {
	*client.Client
	alarms   chan error
	warnings chan client.Warning
	// compared gets the length of each pause, which comes after a comparison; the
	// comparison goes on when it is received.
	compared chan time.Duration
}

func (n *network) watched(store client.Store, timeout time.Duration) *watched {
	n.tb.Helper()
	w := &watched{alarms: make(chan error, 16), warnings: make(chan client.Warning, 16), compared: make(chan time.Duration)}
	w.Client = n.client(func(o *client.Options) {
		o.Store = store
		o.Witnesses = &client.WitnessOptions{
			Alarm:    func(err error) { w.alarms <- err },
			Warn:     func(warning client.Warning) { w.warnings <- warning },
			Interval: 7 * time.Second,
			Timeout:  timeout,
		}
		o.Sleep = func(ctx context.Context, d time.Duration) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case w.compared <- d:
				return nil
			}
		}
	})
	n.tb.Cleanup(w.Close)
	return w
}

// resolve asks about the tag and returns the node that answered and the others.
func (w *watched) resolve(n *network) (answered *node, others []*node) {
	n.tb.Helper()
	if _, _, _, err := w.Resolve(n.tb.Context(), ref(app+":latest")); err != nil {
		n.tb.Fatal(err)
	}
	nodes := n.inOrder(w.Client, ref(app+":latest").String())
	return nodes[0], nodes[1:]
}

// lightBlocks counts the light blocks a node was asked for.
func (nd *node) lightBlocks() int {
	count := 0
	for _, call := range nd.seen() {
		if strings.HasPrefix(call, "/v1/light-block") {
			count++
		}
	}
	return count
}

func silent(_ http.ResponseWriter, r *http.Request) bool {
	<-r.Context().Done()
	return true
}

// TestWitnesses: each header that verdicts rest on is compared once, with a node that
// did not show it, at the rate that was asked for.
func TestWitnesses(t *testing.T) {
	n := newNetwork(t, 2)
	w := n.watched(client.NewMemoryStore(bundle.NewMemory(n.anchor())), time.Hour)
	for round := 1; round <= 3; round++ {
		var answered *node
		var others []*node
		for range 5 {
			answered, others = w.resolve(n)
		}
		if d := <-w.compared; d != 7*time.Second {
			t.Errorf("a pause of %s", d)
		}
		if answered.lightBlocks() != 0 || others[0].lightBlocks() != round {
			t.Errorf("round %d: the node that answered was asked %d times, the other %d times", round, answered.lightBlocks(), others[0].lightBlocks())
		}
		n.commit()
	}
	if diff := cmp.Diff(client.WitnessCount{Agreed: 3}, w.Witnessed()); diff != "" {
		t.Error(diff)
	}
}

// TestWitnessFork: a second history that a witness shows is an alarm with both
// blocks, and no verdict is given after it, in this process and in others, until
// somebody takes the evidence away.
func TestWitnessFork(t *testing.T) {
	n := newNetwork(t, 2)
	for _, tc := range []struct {
		name string
		open func(dir string) client.Store
		kept bool
	}{
		{"home", func(dir string) client.Store { return n.home(dir) }, true},
		{"memory", func(string) client.Store { return client.NewMemoryStore(bundle.NewMemory(n.anchor())) }, false},
		{"store that keeps no forks", func(string) client.Store {
			return forgetful{client.NewMemoryStore(bundle.NewMemory(n.anchor()))}
		}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			w := n.watched(tc.open(dir), time.Hour)
			witness := n.inOrder(w.Client, ref(app+":latest").String())[1]
			witness.lie(func(rw http.ResponseWriter, r *http.Request) bool {
				send(rw, &proto.LightBlockResponse{LightBlock: n.fork(number(r, "height"), 4)})
				return true
			})
			defer witness.lie(nil)
			w.resolve(n) // the verdict does not wait for the witness
			var fork *bundle.Fork
			if err := <-w.alarms; !errors.As(err, &fork) || client.ClassOf(err) != bundle.Attack {
				t.Fatalf("alarm %v", err)
			}
			if fork.Known.Height != 4 || string(fork.Known.Hash()) != string(n.chain.Block(4).Hash()) || string(fork.Other.Hash()) == string(fork.Known.Hash()) {
				t.Errorf("evidence %v", fork)
			}
			witness.lie(nil)
			refused := func(c *client.Client) {
				t.Helper()
				var again *bundle.Fork
				if _, _, _, err := c.Resolve(t.Context(), ref(app+":latest")); !errors.As(err, &again) || again.Other == nil {
					t.Errorf("look-up: %v", err)
				}
				if _, _, err := c.History(t.Context(), ref(app).Repository, client.HistoryOptions{}); !errors.Is(err, bundle.ErrFork) {
					t.Errorf("history: %v", err)
				}
				if _, _, err := c.LightBlock(t.Context(), 4); !errors.Is(err, bundle.ErrFork) {
					t.Errorf("light block: %v", err)
				}
			}
			refused(w.Client)
			if got := w.Witnessed(); got.Forks != 1 {
				t.Errorf("%+v", got)
			}
			if !tc.kept {
				return
			}
			path := filepath.Join(dir, "fork-4.json")
			evidence(t, path, n.chain.Ledger())
			another := n.client(func(o *client.Options) { o.Store = n.home(dir) })
			refused(another)
			write(t, path, "{}") // damage is no decision
			if _, _, _, err := another.Resolve(t.Context(), ref(app+":latest")); !errors.Is(err, bundle.ErrFork) || !strings.Contains(err.Error(), path) {
				t.Errorf("with damaged evidence: %v", err)
			}
			if err := os.Rename(path, path+".settled"); err != nil {
				t.Fatal(err)
			}
			if _, _, _, err := another.Resolve(t.Context(), ref(app+":latest")); err != nil {
				t.Errorf("after a decision: %v", err)
			}
		})
	}
}

// forgetful hides that a store keeps forks.
type forgetful struct{ client.Store }

// TestBadWitnesses: witnesses that are silent, slow, behind, broken or that make
// blocks up change no verdict, and an honest one is found behind them.
func TestBadWitnesses(t *testing.T) {
	for _, tc := range []struct {
		name  string
		lie   func(n *network) func(http.ResponseWriter, *http.Request) bool
		class bundle.Class
		err   error
	}{
		{"silent", func(*network) func(http.ResponseWriter, *http.Request) bool { return silent }, bundle.Stale, client.ErrUnreachable},
		{"slow", func(*network) func(http.ResponseWriter, *http.Request) bool {
			return func(w http.ResponseWriter, r *http.Request) bool {
				w.Header().Set("Content-Length", "1000") // of which the first byte comes
				_, _ = w.Write([]byte("{"))
				_ = http.NewResponseController(w).Flush()
				return silent(w, r)
			}
		}, bundle.Stale, client.ErrUnreachable},
		{"behind", func(*network) func(http.ResponseWriter, *http.Request) bool {
			return func(w http.ResponseWriter, _ *http.Request) bool {
				fail(w, 404, "not-found", "no such block", 0)
				return true
			}
		}, bundle.Other, client.ErrNotFound},
		{"busy", func(*network) func(http.ResponseWriter, *http.Request) bool { return busy }, bundle.Stale, client.ErrUnavailable},
		{"garbage", func(*network) func(http.ResponseWriter, *http.Request) bool { return says([]byte("{}")) }, bundle.Attack, bundle.ErrMalformed},
		{"another height", func(n *network) func(http.ResponseWriter, *http.Request) bool {
			return func(w http.ResponseWriter, _ *http.Request) bool {
				send(w, &proto.LightBlockResponse{LightBlock: n.chain.EncodedBlock(2)})
				return true
			}
		}, bundle.Attack, bundle.ErrMalformed},
		{"a block that half of the validators signed", func(n *network) func(http.ResponseWriter, *http.Request) bool {
			return func(w http.ResponseWriter, r *http.Request) bool {
				send(w, &proto.LightBlockResponse{LightBlock: n.fork(number(r, "height"), 2)})
				return true
			}
		}, bundle.Attack, bundle.ErrHeader},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n := newNetwork(t, 3)
			w := n.watched(client.NewMemoryStore(bundle.NewMemory(n.anchor())), 2*time.Second)
			answers := n.inOrder(w.Client, ref(app+":latest").String())[0]
			var bad *node // the witness that is asked first
			for _, nd := range n.inOrder(w.Client, "witness/4") {
				if nd != answers {
					bad = nd
					break
				}
			}
			bad.lie(tc.lie(n))
			w.resolve(n)
			<-w.compared
			if got := <-w.warnings; got.Node != bad.URL || got.Class != tc.class || !errors.Is(got.Err, tc.err) {
				t.Errorf("warning %v of class %s", got, got.Class)
			}
			if diff := cmp.Diff(client.WitnessCount{Agreed: 1}, w.Witnessed()); diff != "" {
				t.Error(diff)
			}
			if len(w.alarms) != 0 {
				t.Errorf("alarm %v", <-w.alarms)
			}
			w.resolve(n)
		})
	}
}

// TestNoWitness: without another node there is nothing to compare with, and verdicts
// are given.
func TestNoWitness(t *testing.T) {
	n := newNetwork(t, 1)
	w := n.watched(client.NewMemoryStore(bundle.NewMemory(n.anchor())), time.Hour)
	w.resolve(n)
	<-w.compared
	if diff := cmp.Diff(client.WitnessCount{Alone: 1}, w.Witnessed()); diff != "" {
		t.Error(diff)
	}
}

// TestWitnessBacklog: what waits for a witness is bounded, and the oldest gives way;
// closing ends what is under way, and verdicts are given afterwards.
func TestWitnessBacklog(t *testing.T) {
	n := newNetwork(t, 2)
	w := n.watched(client.NewMemoryStore(bundle.NewMemory(n.anchor())), time.Hour)
	for range client.MaxWitnessed + 4 { // one is compared and pauses for ever
		w.resolve(n)
		n.commit()
	}
	got := w.Witnessed()
	if got.Dropped < 3 || got.Dropped > 4 || got.Agreed > 1 {
		t.Errorf("%+v", got)
	}
	var closing sync.WaitGroup
	for range 2 {
		closing.Go(w.Close)
	}
	closing.Wait()
	w.resolve(n)
	if after := w.Witnessed(); after.Agreed > 1 || after.Alone != 0 {
		t.Errorf("closed, it went on: %+v", after)
	}
}

// TestWitnessClose: closing does not wait for a silent witness.
func TestWitnessClose(t *testing.T) {
	n := newNetwork(t, 2)
	asked := make(chan struct{})
	c := n.client(func(o *client.Options) { o.Witnesses = &client.WitnessOptions{Timeout: time.Hour} })
	n.inOrder(c, ref(app+":latest").String())[1].lie(func(w http.ResponseWriter, r *http.Request) bool {
		close(asked)
		return silent(w, r)
	})
	if _, _, _, err := c.Resolve(t.Context(), ref(app+":latest")); err != nil {
		t.Fatal(err)
	}
	<-asked
	c.Close()
	if diff := cmp.Diff(client.WitnessCount{}, c.Witnessed()); diff != "" {
		t.Error(diff)
	}
}
