package reads

import (
	"fmt"
	"time"

	"hullmark/sim"
)

// OutageConfig is a number of nodes that fail for a while under a steady load.
type OutageConfig struct {
	World  World
	Demand Demand
	// Failing is how many nodes fail, drawn at random, and Mode how.
	Failing int
	Mode    sim.Mode
	// They fail after Before, for During, and are watched for After.
	Before, During, After time.Duration
}

// OutageResult is what happens to look-ups made before, while and after nodes
// fail.
type OutageResult struct{ Before, During, After OutagePhase }

// OutagePhase is one phase of an outage.
type OutagePhase struct {
	Tally
	// Balance is that of how often nodes that do their work were asked.
	Balance Balance
}

// Outage simulates an outage.
func Outage(c OutageConfig, seed uint64) (OutageResult, error) {
	err := check(c.World.Validate(), c.Demand.Validate(), checkDuration(c.Before), checkDuration(c.During), checkDuration(c.After))
	if err == nil && (c.Failing < 0 || c.Failing > c.World.Nodes) {
		err = fmt.Errorf("%w: of %d nodes %d cannot fail", ErrConfig, c.World.Nodes, c.Failing)
	}
	if err != nil {
		return OutageResult{}, fmt.Errorf("couldn't simulate outage: %w", err)
	}
	s := sim.New(seed)
	w := newWorld(s, c.World)
	victims := make(map[int]bool)
	for _, i := range s.Stream("victims").Perm(c.World.Nodes)[:c.Failing] {
		victims[i] = true
	}
	change := func(do func(*node)) {
		for i, n := range w.nodes {
			if victims[i] {
				do(n)
			}
		}
	}
	var tallies [3]tally
	current := 0
	all := w.demand(c.Demand, seed, func() *tally { return &tallies[current] })

	var r OutageResult
	before := make([]uint64, c.World.Nodes)
	phase := func(until time.Duration, skip map[int]bool) Balance {
		s.RunUntil(until)
		current++
		var loads []float64
		for i, n := range w.nodes {
			if !skip[i] {
				loads = append(loads, float64(n.asked-before[i]))
			}
			before[i] = n.asked
		}
		return BalanceOf(loads)
	}
	r.Before.Balance = phase(c.Before, nil)
	change(func(n *node) {
		switch c.Mode {
		case sim.Crashed:
			n.server.Crash()
		case sim.Hung:
			n.server.Hang()
		case sim.Lying:
			n.server.Lie()
		case sim.Up:
		}
	})
	r.During.Balance = phase(c.Before+c.During, victims)
	change((*node).restart)
	r.After.Balance = phase(c.Before+c.During+c.After, nil)
	current = 2
	all.Stop()
	s.Run()
	r.Before.Tally, r.During.Tally, r.After.Tally = tallies[0].result(), tallies[1].result(), tallies[2].result()
	return r, nil
}
