package reads

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"hullmark/sim"
)

// StoreConfig is a store of metadata files, each kept by the first Replicas nodes
// in rendezvous order of its name, on nodes that come and go.
type StoreConfig struct {
	World    World
	Objects  int
	Replicas int
	// On and Off are how long nodes stay and stay away on average, both exponential.
	On, Off time.Duration
	// Wiped is the share of absences after which a node's disk is empty.
	Wiped float64
	// Grace is how long a node must be away until the others place without it and
	// copy what it held; [sim.Forever] is a store without repair.
	Grace time.Duration
	// Size of an object in bytes, and how many are fetched a second by the
	// exponent of their popularity.
	Size     int
	Fetches  float64
	Exponent float64
	Duration time.Duration
}

// StoreResult is what readers and nodes see.
type StoreResult struct {
	// Fetched is what became of fetches.
	Fetched Tally
	// Available is the share of objects, over time, of which a node that is there
	// and is asked for it holds a copy; Analytic what it is without repair and
	// loss: 1 - (1-a)^r for nodes that are there a share a of the time.
	Available, Analytic float64
	// Lost is how many objects lost their last copy.
	Lost int
	// Repairs is how many copies were made, RepairBytes their size, and RepairRate
	// that over nodes and time, in bytes per second.
	Repairs     int
	RepairBytes int64
	RepairRate  float64
	// Copies is how many copies of an object there were on average, also on nodes
	// that were away.
	Copies float64
}

// Validate reports a store that cannot be. Errors are [ErrConfig].
func (c StoreConfig) Validate() error {
	if err := check(c.World.Validate(), checkExponent(c.Exponent)); err != nil {
		return err
	}
	switch {
	case c.Objects < 1 || c.Objects > 1_000_000:
		return fmt.Errorf("%w: objects are from 1 to 1,000,000", ErrConfig)
	case c.Replicas < 1 || c.Replicas > c.World.Nodes:
		return fmt.Errorf("%w: replicas are from 1 to the number of nodes", ErrConfig)
	case c.On <= 0 || c.Off <= 0 || c.Grace < 0 || c.Wiped < 0 || c.Wiped > 1:
		return fmt.Errorf("%w: times are positive and the wiped share is from 0 to 1", ErrConfig)
	case c.Size < 1 || c.Fetches < 0 || c.Duration <= 0 || c.Duration > 10*365*24*time.Hour:
		return fmt.Errorf("%w: size, fetches and duration are positive", ErrConfig)
	}
	return nil
}

// store is a StoreConfig in a simulation.
type store struct {
	StoreConfig
	w      *world
	disks  *rand.Rand
	orders [][]int
	// holds and copying say of each object which nodes have or are getting a copy.
	holds, copying [][]bool
	// up nodes are there; members are those that all place by.
	up, members []bool
	leaving     []sim.Timer
	lost        []bool
	result      StoreResult
}

// Store simulates a replicated store under churn.
func Store(c StoreConfig, seed uint64) (StoreResult, error) {
	if err := c.Validate(); err != nil {
		return StoreResult{}, fmt.Errorf("couldn't simulate store: %w", err)
	}
	s := sim.New(seed)
	d := newStore(s, c, seed)
	for i := range c.World.Nodes {
		d.churn(i)
	}
	var fetched tally
	names, which := sim.Zipf(c.Objects, c.Exponent), s.Stream("names")
	sim.Arrivals(s, s.Stream("fetches"), c.Fetches, sim.Steady(c.Fetches), func() {
		d.w.lookUp(d.fetch(names.Sample(which)), fetched.add)
	})
	var looked int
	const samples = 1000
	var look func()
	look = func() {
		d.inspect()
		looked++
		s.After(max(1, c.Duration/samples), look)
	}
	look()
	s.RunUntil(c.Duration)

	r := d.result
	r.Fetched = fetched.result()
	r.Available /= float64(looked * c.Objects)
	r.Copies /= float64(looked * c.Objects)
	present := float64(c.On) / float64(c.On+c.Off)
	r.Analytic = 1 - math.Pow(1-present, float64(c.Replicas))
	r.RepairRate = float64(r.RepairBytes) / float64(c.World.Nodes) / c.Duration.Seconds()
	for _, lost := range d.lost {
		if lost {
			r.Lost++
		}
	}
	return r, nil
}

func newStore(s *sim.Simulation, c StoreConfig, seed uint64) *store {
	d := &store{
		StoreConfig: c, w: newWorld(s, c.World), disks: s.Stream("disks"),
		up: make([]bool, c.World.Nodes), members: make([]bool, c.World.Nodes),
		leaving: make([]sim.Timer, c.World.Nodes), lost: make([]bool, c.Objects),
	}
	for i := range d.up {
		d.up[i], d.members[i] = true, true
	}
	for o := range c.Objects {
		order := d.w.rank(Name(seed, o))
		d.orders = append(d.orders, order)
		holds := make([]bool, c.World.Nodes)
		for _, n := range order[:c.Replicas] {
			holds[n] = true
		}
		d.holds = append(d.holds, holds)
		d.copying = append(d.copying, make([]bool, c.World.Nodes))
	}
	return d
}

// churn lets a node come and go. Its first absence is drawn like the others; that
// all begin present wears off within a few absences.
func (d *store) churn(node int) {
	s := d.w.sim
	sim.Alternate(s, s.Stream(fmt.Sprintf("churn/%d", node)), sim.Exponential(d.On), sim.Exponential(d.Off), func(on bool) {
		if on {
			d.arrive(node)
		} else {
			d.leave(node)
		}
	})
}

func (d *store) leave(node int) {
	d.up[node] = false
	d.w.nodes[node].server.Hang()
	if d.Grace < sim.Forever {
		d.leaving[node] = d.w.sim.After(d.Grace, func() {
			d.members[node] = false
			d.repairAll()
		})
	}
	if d.Wiped > 0 && d.disks.Float64() < d.Wiped {
		for o, holds := range d.holds {
			if holds[node] {
				holds[node] = false
				d.lost[o] = d.lost[o] || d.copies(o) == 0
			}
		}
	}
}

func (d *store) arrive(node int) {
	d.leaving[node].Stop()
	d.up[node] = true
	d.members[node] = true
	d.w.nodes[node].restart()
	d.repairAll()
}

// responsible calls do for the nodes that keep an object, in order, until it
// returns false.
func (d *store) responsible(o int, do func(node int) bool) {
	left := d.Replicas
	for _, n := range d.orders[o] {
		if !d.members[n] {
			continue
		}
		if left == 0 || !do(n) {
			return
		}
		left--
	}
}

// repairAll gives every node what it is responsible for and lacks, and takes what
// it no longer is. Without repair nothing moves but what a wiped node gets back.
func (d *store) repairAll() {
	for o := range d.orders {
		complete := true
		kept := make([]int, 0, 8)
		d.responsible(o, func(n int) bool {
			kept = append(kept, n)
			if !d.holds[o][n] {
				complete = false
				if d.up[n] && !d.copying[o][n] {
					d.copy(o, n)
				}
			}
			return true
		})
		if complete {
			d.drop(o, kept)
		}
	}
}

// drop deletes the copies of nodes that are there and no longer responsible.
func (d *store) drop(o int, kept []int) {
	for n, holds := range d.holds[o] {
		if !holds || !d.up[n] {
			continue
		}
		responsible := false
		for _, k := range kept {
			responsible = responsible || k == n
		}
		if !responsible {
			d.holds[o][n] = false
		}
	}
}

// copy fetches an object from the first node in its order that has it. When there
// is none now, the next change of the members tries again.
func (d *store) copy(o, to int) {
	for _, from := range d.orders[o] {
		if from == to || !d.up[from] || !d.holds[o][from] {
			continue
		}
		d.copying[o][to] = true
		source := d.w.nodes[from]
		source.uplink.Send(d.Size, func() {
			way := sim.OneWay(source.region, d.w.nodes[to].region, d.w.jitter).Sample(d.w.ways)
			d.w.sim.After(way, func() {
				d.copying[o][to] = false
				if d.up[to] && d.up[from] {
					d.holds[o][to] = true
					d.result.Repairs++
					d.result.RepairBytes += int64(d.Size)
				}
			})
		})
		return
	}
}

// fetch is the question of a reader for an object.
func (d *store) fetch(o int) question {
	var order []int
	d.responsible(o, func(n int) bool { order = append(order, n); return true })
	q := d.w.ask(order, Client)
	q.service = d.World.Costs.Repository(1).LookUp.Duration()
	q.answer = d.Size
	q.knows = func(n int) bool { return d.holds[o][n] }
	return q
}

func (d *store) copies(o int) int {
	n := 0
	for _, holds := range d.holds[o] {
		if holds {
			n++
		}
	}
	return n
}

// inspect adds the state of this moment to the averages.
func (d *store) inspect() {
	for o := range d.orders {
		d.result.Copies += float64(d.copies(o))
		found := false
		d.responsible(o, func(n int) bool {
			found = d.up[n] && d.holds[o][n]
			return !found
		})
		if found {
			d.result.Available++
		}
	}
}
