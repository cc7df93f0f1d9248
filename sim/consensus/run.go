package consensus

import (
	"time"

	"hullmark/sim"
)

// Load is what publishers do.
type Load struct {
	// Rate is how many publishes come a second, at any node, by publishers who know
	// nothing of each other.
	Rate float64
	// Senders are publishers at each node who send the next publish when the node has
	// taken the last.
	Senders int
	// Total ends the senders after so many publishes, zero never.
	Total int
	// Sequential is one publisher at the first node who sends the next publish when
	// the last is in a block.
	Sequential bool
}

// Plan is one run.
type Plan struct {
	Load Load
	// WarmUp is left out of what is measured, Window is what is measured.
	WarmUp, Window time.Duration
	// Down are validators that are silent from the beginning.
	Down []int
	// MaxAge is how old an answer a client accepts.
	MaxAge time.Duration
}

// Result is what a run measured. Times are those at the node a publish was sent to,
// without the way to it and back.
type Result struct {
	// Latency is from sending a publish to the node's answer that it is in a block,
	// Provable to the moment when the node can prove the new state, Everywhere to when
	// every node can.
	Latency, Provable, Everywhere sim.Histogram
	// Age is how old the newest header of a node is, at any moment at any node.
	Age sim.Histogram
	// Frozen is from sending to the moment when a client who hears only the last
	// answer from before refuses it as too old.
	Frozen sim.Histogram
	// Interval is the time between blocks at the first node that is up.
	Interval sim.Histogram
	// Loaded is Interval of blocks that hold publishes.
	Loaded sim.Histogram
	// Committed counts publishes in blocks, Blocks blocks, Rounds rounds that blocks
	// took, Refused publishes for which a mempool had no room.
	Committed, Blocks, Rounds, Refused int
	// Finished is when the first node that is up had committed the last publish.
	Finished time.Duration
	// FinishedBusy is what cores had worked until then, over all machines.
	FinishedBusy time.Duration
	// Busy is how many cores a machine was busy with, the mean over machines.
	Busy float64
	// Events counts the events of the simulation.
	Events uint64
	window time.Duration
	// between counts publishes in blocks after the first of the window up to the last,
	// which were committed at these moments.
	between               int
	firstBlock, lastBlock time.Duration
}

// Throughput returns publishes committed a second, from the first block of the
// window to the last, so that it matters little where in a block the window begins
// and ends.
func (r *Result) Throughput() float64 {
	if r.lastBlock == r.firstBlock {
		return float64(r.Committed) / r.window.Seconds()
	}
	return float64(r.between) / (r.lastBlock - r.firstBlock).Seconds()
}

// retry is how long a sender waits when there is no room.
const retry = 20 * time.Millisecond

// sampling is how often ages are looked at.
const sampling = 100 * time.Millisecond

// run is one run under way.
type run struct {
	sim        *sim.Simulation
	nw         *Network
	plan       Plan
	up         []int
	result     *Result
	newest     []*Block // by node
	waiting    [][]*publication
	everywhere map[int]*spreading
	last       time.Duration
	sent       int
}

// publication is a publish whose block a node has and whose state it cannot prove
// yet.
type publication struct {
	submitted time.Duration
	counted   bool
}

// spreading is a block on its way to being provable everywhere.
type spreading struct {
	nodes        int
	publications []*publication
}

// Run simulates a network for a while.
func Run(seed uint64, c Config, p Plan) (*Result, error) {
	s := sim.New(seed)
	nw, err := New(s, c)
	if err != nil {
		return nil, err
	}
	r := &run{
		sim: s, nw: nw, plan: p, result: &Result{window: p.Window}, newest: make([]*Block, len(c.Validators)),
		waiting: make([][]*publication, len(c.Validators)), everywhere: make(map[int]*spreading), last: -1,
	}
	down := make(map[int]bool)
	for _, i := range p.Down {
		down[i] = true
		nw.Cut(i)
	}
	for i := range c.Validators {
		if !down[i] {
			r.up = append(r.up, i)
		}
	}
	nw.OnCommit = r.committed
	r.begin()
	s.RunUntil(p.WarmUp)
	before := r.busy()
	s.RunUntil(p.WarmUp + p.Window)
	machines := len(r.up)
	if c.Shared {
		machines = 1
	}
	r.result.Busy = (r.busy() - before).Seconds() / float64(machines) / p.Window.Seconds()
	r.result.Events = s.Events()
	return r.result, nil
}

func (r *run) busy() time.Duration {
	if r.nw.c.Shared {
		return r.nw.Busy(0)
	}
	var sum time.Duration
	for _, i := range r.up {
		sum += r.nw.Busy(i)
	}
	return sum
}

// measuring reports whether a moment counts.
func (r *run) measuring(at time.Duration) bool { return at >= r.plan.WarmUp }

func (r *run) begin() {
	random := r.sim.Stream("publishers")
	if l := r.plan.Load; l.Rate > 0 {
		sim.Arrivals(r.sim, random, l.Rate, sim.Steady(l.Rate), func() {
			r.publish(r.up[random.IntN(len(r.up))], nil, nil)
		})
	}
	for range r.plan.Load.Senders {
		for _, i := range r.up {
			r.send(i)
		}
	}
	if r.plan.Load.Sequential {
		r.sequence()
	}
	var sample func()
	sample = func() {
		if r.measuring(r.sim.Now()) {
			for _, i := range r.up {
				if b := r.newest[i]; b != nil {
					r.result.Age.Add(r.sim.Now() - b.Time)
				}
			}
		}
		r.sim.After(sampling, sample)
	}
	sample()
}

func (r *run) send(node int) {
	if total := r.plan.Load.Total; total > 0 {
		if r.sent == total {
			return
		}
		r.sent++
	}
	r.offer(node)
}

// offer is send of a publish that is counted already.
func (r *run) offer(node int) {
	r.publish(node, func(ok bool) {
		if ok {
			r.send(node)
		} else {
			r.sim.After(retry, func() { r.offer(node) })
		}
	}, nil)
}

func (r *run) sequence() { r.publish(r.up[0], nil, r.sequence) }

func (r *run) publish(node int, taken func(bool), done func()) {
	p := &publication{submitted: r.sim.Now(), counted: r.measuring(r.sim.Now())}
	r.nw.Submit(node, func(ok bool) {
		if !ok {
			r.result.Refused++
		}
		if taken != nil {
			taken(ok)
		}
	}, func(at time.Duration) {
		if r.measuring(at) {
			r.result.Committed++
		}
		if p.counted {
			r.result.Latency.Add(at - p.submitted)
		}
		r.waiting[node] = append(r.waiting[node], p)
		if done != nil {
			done()
		}
	})
}

// committed follows a block at a node: the state before it can be proven from now
// on.
func (r *run) committed(node int, b *Block, at time.Duration) {
	ready := r.waiting[node]
	// Those of this very block were added before this call.
	split := len(ready)
	own := 0
	for _, tx := range b.Txs {
		if tx.Origin == node {
			own++
		}
	}
	split -= own
	for _, p := range ready[:split] {
		if p.counted {
			r.result.Provable.Add(at - p.submitted)
		}
	}
	for _, p := range ready[split:] {
		if p.counted {
			// The header of this block proves the state before it, and is the last
			// that can be shown without it.
			r.result.Frozen.Add(max(0, b.Time+r.plan.MaxAge-p.submitted))
		}
	}
	s, ok := r.everywhere[b.Height]
	if !ok {
		s = new(spreading)
		r.everywhere[b.Height] = s
	}
	s.publications = append(s.publications, ready[split:]...)
	if before := r.everywhere[b.Height-1]; before != nil {
		before.nodes++
		if before.nodes == len(r.up) {
			for _, p := range before.publications {
				if p.counted {
					r.result.Everywhere.Add(at - p.submitted)
				}
			}
			delete(r.everywhere, b.Height-1)
		}
	}
	r.waiting[node] = append([]*publication(nil), ready[split:]...)
	r.newest[node] = b
	if node == r.up[0] {
		if len(b.Txs) > 0 {
			r.result.Finished, r.result.FinishedBusy = at, r.busy()
		}
		if r.measuring(at) {
			if r.result.Blocks++; r.result.Blocks == 1 {
				r.result.firstBlock = at
			} else {
				r.result.between += len(b.Txs)
			}
			r.result.lastBlock = at
			r.result.Rounds += b.Rounds
			if r.last >= 0 {
				r.result.Interval.Add(at - r.last)
				if len(b.Txs) > 0 {
					r.result.Loaded.Add(at - r.last)
				}
			}
		}
		r.last = at
	}
}
