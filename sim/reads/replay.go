package reads

import (
	"fmt"
	"time"

	"hullmark/sim"
	"hullmark/sim/trace"
)

// ReplayConfig is a network on which the events of a trace happen.
type ReplayConfig struct {
	World    World
	Strategy Strategy
	// Speed is how many times faster than recorded; 1 is as recorded.
	Speed float64
	// Block is the time between blocks. What is pushed is in the next block, and can
	// be proven one block later.
	Block time.Duration
	// Bin is the width of the rows in the result, in the time of the trace.
	Bin time.Duration
}

// ReplayResult is what a trace does.
type ReplayResult struct {
	Tally
	Pushes uint64
	// Early is how many pulls came after a push of their tag and before it could be
	// proven, so that they got what the tag meant before.
	Early uint64
	Nodes []NodeLoad
	// Balance is that of how often nodes were asked, over the whole trace.
	Balance Balance
	Bins    []ReplayBin
}

// ReplayBin is a stretch of a trace.
type ReplayBin struct {
	Tally
	Pushes uint64
}

// Replay makes the pulls of a trace on a simulated network.
func Replay(c ReplayConfig, events []trace.Event, seed uint64) (ReplayResult, error) {
	err := c.World.Validate()
	if err == nil && (!(c.Speed > 0) || c.Speed > 1e6 || c.Block <= 0 || c.Bin <= 0 || c.Strategy < Client || c.Strategy > Shuffled) {
		err = fmt.Errorf("%w: speed, block or bin", ErrConfig)
	}
	if err == nil && len(events) == 0 {
		err = fmt.Errorf("%w: the trace is empty", ErrConfig)
	}
	if err != nil {
		return ReplayResult{}, fmt.Errorf("couldn't replay trace: %w", err)
	}
	r := &replay{
		ReplayConfig: c, events: events, w: newWorld(sim.New(seed), c.World),
		bins:   make([]tally, int(events[len(events)-1].At/c.Bin)+1),
		orders: make(map[string][]int), tags: make(map[string]int), seen: make(map[string]bool), provable: make(map[string]time.Duration),
	}
	r.result.Bins = make([]ReplayBin, len(r.bins))
	r.schedule(0)
	s := r.w.sim
	s.RunUntil(r.when(events[len(events)-1]))
	r.result.Nodes = r.w.loads(max(s.Now(), 1))
	s.Run()
	for i := range r.bins {
		r.result.Bins[i].Tally = r.bins[i].result()
	}
	r.result.Tally = r.all.result()
	r.result.Balance = BalanceOf(asked(r.result.Nodes))
	return r.result, nil
}

type replay struct {
	ReplayConfig
	events []trace.Event
	w      *world
	all    tally
	bins   []tally
	// orders of references, tags seen of repositories, and from when the newest push
	// of a reference can be proven.
	orders   map[string][]int
	tags     map[string]int
	seen     map[string]bool
	provable map[string]time.Duration
	result   ReplayResult
}

func (r *replay) when(e trace.Event) time.Duration {
	return time.Duration(float64(e.At) / r.Speed)
}

// schedule lets the i-th event happen, and then the next.
func (r *replay) schedule(i int) {
	if i == len(r.events) {
		return
	}
	e := r.events[i]
	r.w.sim.At(r.when(e), func() {
		r.happen(e)
		r.schedule(i + 1)
	})
}

func (r *replay) happen(e trace.Event) {
	if !r.seen[e.Reference] {
		r.seen[e.Reference] = true
		r.tags[e.Repository()]++
	}
	now, bin := r.w.sim.Now(), int(e.At/r.Bin)
	if e.Kind == trace.Push {
		r.result.Pushes++
		r.result.Bins[bin].Pushes++
		r.provable[e.Reference] = (now/r.Block + 2) * r.Block
		return
	}
	if now < r.provable[e.Reference] {
		r.result.Early++
	}
	order, ok := r.orders[e.Reference]
	if !ok {
		order = r.w.rank([]byte(e.Reference))
		r.orders[e.Reference] = order
	}
	q := r.w.ask(order, r.Strategy)
	costs := r.World.Costs.Repository(r.tags[e.Repository()])
	q.service, q.answer = costs.LookUp.Duration(), costs.Answer+max(0, r.World.Validators-4)*r.World.Costs.AnswerValidator
	q.address = address(e.Client)
	q.region = r.World.Regions[int(e.Client)%len(r.World.Regions)]
	r.w.lookUp(q, func(a answerOf) {
		r.all.add(a)
		r.bins[bin].add(a)
	})
}
