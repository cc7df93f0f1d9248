package client

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"

	"hullmark/bundle"
)

// WitnessOptions say how headers are compared with other nodes in the background.
type WitnessOptions struct {
	// Alarm is called for every fork that is found, after it was kept; the error has
	// a *bundle.Fork in it. The client gives no verdicts any more by then.
	Alarm func(error)
	// Warn is called for every witness that did not have the header: an attack by
	// its class if it has another one that is not signed. It may be nil.
	Warn func(Warning)
	// Interval is the pause after each comparison; zero is DefaultWitnessInterval.
	Interval time.Duration
	// Timeout bounds what one witness may take; zero is DefaultWitnessTimeout.
	Timeout time.Duration
}

// WitnessCount counts what became of the headers that verdicts rested on. Headers
// that were not compared are no reason to doubt a verdict.
type WitnessCount struct {
	// Agreed are headers that another node has too, Forks those that another node
	// contradicts with signatures.
	Agreed, Forks uint64
	// Alone are headers that no node asked could show.
	Alone uint64
	// Dropped are headers that were displaced by newer ones before their turn.
	Dropped uint64
}

// witnesses compares headers with other nodes, one after the other. Alarm and Warn
// are called by its goroutine, so they must not call Close.
type witnesses struct {
	client *Client
	o      WitnessOptions
	cancel context.CancelFunc
	done   chan struct{}
	wake   chan struct{} // holds one token while there may be work

	mu    sync.Mutex
	queue []sighting // the oldest first
	last  []byte     // the light block that was offered last
	count WitnessCount
}

// sighting is a verified light block and the node that showed it.
type sighting struct {
	node  string
	block []byte
}

func startWitnesses(c *Client, o WitnessOptions) *witnesses {
	if o.Interval <= 0 {
		o.Interval = DefaultWitnessInterval
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultWitnessTimeout
	}
	ctx, cancel := context.WithCancel(context.Background())
	w := &witnesses{client: c, o: o, cancel: cancel, done: make(chan struct{}), wake: make(chan struct{}, 1)}
	go w.run(ctx)
	return w
}

func (w *witnesses) close() {
	w.cancel()
	<-w.done
}

// Witnessed returns what became of the headers so far.
func (c *Client) Witnessed() WitnessCount {
	if c.witnesses == nil {
		return WitnessCount{}
	}
	c.witnesses.mu.Lock()
	defer c.witnesses.mu.Unlock()
	return c.witnesses.count
}

// witness has a light block that a verdict rests on compared with another node than
// the one that showed it. It does not wait.
func (c *Client) witness(node string, block []byte) {
	if w := c.witnesses; w != nil && len(block) > 0 {
		w.offer(sighting{node, block})
	}
}

// offer queues a light block. Many verdicts in a row rest on the same one.
func (w *witnesses) offer(s sighting) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if bytes.Equal(s.block, w.last) {
		return
	}
	w.last = s.block
	w.queue = append(w.queue, s)
	if len(w.queue) > maxWitnessed {
		w.queue = slices.Delete(w.queue, 0, 1)
		w.count.Dropped++
	}
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// next takes the light block that waits for the longest time.
func (w *witnesses) next() (sighting, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) == 0 {
		return sighting{}, false
	}
	s := w.queue[0]
	w.queue = slices.Delete(w.queue, 0, 1)
	return s, true
}

func (w *witnesses) add(change func(*WitnessCount)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(&w.count)
}

// run compares what is queued until the context ends.
func (w *witnesses) run(ctx context.Context) {
	defer close(w.done)
	var compared [][]byte // hashes, the oldest first
	for {
		s, ok := w.next()
		if !ok {
			select {
			case <-ctx.Done():
				return
			case <-w.wake:
				continue
			}
		}
		hash := w.compare(ctx, s, compared)
		if ctx.Err() != nil {
			return
		}
		if hash == nil {
			continue
		}
		if compared = append(compared, hash); len(compared) > maxWitnessed {
			compared = slices.Delete(compared, 0, 1)
		}
		if w.client.sleep(ctx, w.o.Interval) != nil {
			return
		}
	}
}

// compare compares a light block with witnesses until one has something to say, and
// returns its hash, or nil when that was compared before: a header has several
// commits.
func (w *witnesses) compare(ctx context.Context, s sighting, compared [][]byte) []byte {
	memory, err := w.client.load(ctx)
	if err != nil {
		w.add(func(n *WitnessCount) { n.Alone++ })
		return nil // whoever asks for a verdict is told
	}
	lb, err := bundle.DecodeLightBlock(memory.Ledger(), s.block)
	if err != nil {
		return nil // it was verified, so the home is of another ledger by now
	}
	hash := lb.Hash()
	if slices.ContainsFunc(compared, func(h []byte) bool { return bytes.Equal(h, hash) }) {
		return nil
	}
	height := uint64(lb.Height)
	nodes := slices.DeleteFunc(w.client.order("witness/"+strconv.FormatUint(height, 10)), func(n string) bool { return n == s.node })
	for _, node := range nodes[:min(len(nodes), maxWitnesses)] {
		block, err := w.ask(ctx, node, memory.Ledger(), height)
		if ctx.Err() != nil {
			return hash
		}
		if err == nil {
			err = bundle.CompareBlocks(lb, block, memory.TrustingPeriod(), w.client.now())
		}
		switch {
		case err == nil:
			w.add(func(n *WitnessCount) { n.Agreed++ })
			return hash
		case errors.Is(err, bundle.ErrFork):
			err = w.client.keepFork(err)
			w.add(func(n *WitnessCount) { n.Forks++ })
			if w.o.Alarm != nil {
				w.o.Alarm(err)
			}
			return hash
		case w.o.Warn != nil:
			w.o.Warn(Warning{Node: node, Class: ClassOf(err), Err: err})
		}
	}
	w.add(func(n *WitnessCount) { n.Alone++ })
	return hash
}

// ask gets a witness's light block, which is not verified.
func (w *witnesses) ask(ctx context.Context, node, ledger string, height uint64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, w.o.Timeout)
	defer cancel()
	return w.client.fetchLightBlock(ctx, node, ledger, height)
}
