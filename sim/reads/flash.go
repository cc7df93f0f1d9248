package reads

import (
	"fmt"
	"time"

	"hullmark/sim"
)

// FlashConfig is a crowd that asks for one image, on top of a steady load.
type FlashConfig struct {
	World  World
	Demand Demand
	// Crowd is the look-ups a second of the crowd, over what one node can answer.
	Crowd float64
	// The crowd comes after Before, stays for During, and is watched for After.
	Before, During, After time.Duration
}

// FlashResult is what happens, second by second.
type FlashResult struct {
	Seconds []FlashSecond
	// Before, During and After are the look-ups made in each phase; Crowd those of
	// the crowd.
	Before, During, After, Crowd Tally
	// Recovery is how long after the crowd left the 99th percentile of all look-ups
	// was back within a quarter of that before; Forever if not while watched.
	Recovery time.Duration
}

// FlashSecond is one second of a flash crowd.
type FlashSecond struct {
	// Tally counts the look-ups made in this second.
	Tally
	// Asked is how often the nodes were asked, in the order of the crowd's image:
	// the first node, the second and so on.
	Asked []uint64
}

// Flash simulates a flash crowd.
func Flash(c FlashConfig, seed uint64) (FlashResult, error) {
	err := check(c.World.Validate(), c.Demand.Validate(), checkDuration(c.Before), checkDuration(c.During), checkDuration(c.After))
	if err == nil && (c.Crowd <= 0 || c.Crowd > 1000) {
		err = fmt.Errorf("%w: the crowd is above 0 and at most 1000", ErrConfig)
	}
	if err != nil {
		return FlashResult{}, fmt.Errorf("couldn't simulate flash crowd: %w", err)
	}
	s := sim.New(seed)
	w := newWorld(s, c.World)
	from, to := c.Before, c.Before+c.During
	end := to + c.After

	seconds := make([]tally, int((end+time.Second-1)/time.Second))
	var phases [3]tally
	phase := func(at time.Duration) *tally {
		switch {
		case at < from:
			return &phases[0]
		case at < to:
			return &phases[1]
		default:
			return &phases[2]
		}
	}
	var crowd tally
	count := func(more *tally) func(answerOf) {
		made := s.Now()
		return func(a answerOf) {
			seconds[made/time.Second].add(a)
			phase(made).add(a)
			if more != nil {
				more.add(a)
			}
		}
	}

	names, which := sim.Zipf(c.Demand.Names, c.Demand.Exponent), s.Stream("names")
	rate := c.Demand.Utilisation * c.World.Capacity()
	steady := sim.Arrivals(s, s.Stream("arrivals"), rate, sim.Steady(rate), func() {
		w.lookUp(w.ask(w.order(seed, names.Sample(which)), c.Demand.Strategy), count(nil))
	})
	// The image of the crowd is one that nobody asked for before.
	order := w.order(seed, c.Demand.Names)
	peak := c.Crowd * c.World.Capacity() / float64(c.World.Nodes)
	s.At(from, func() {
		p := sim.Arrivals(s, s.Stream("crowd"), peak, sim.Steady(peak), func() {
			w.lookUp(w.ask(order, c.Demand.Strategy), count(&crowd))
		})
		s.At(to, p.Stop)
	})

	var r FlashResult
	asked := make([]uint64, len(order))
	for i := range seconds {
		s.RunUntil(min(time.Duration(i+1)*time.Second, end))
		second := FlashSecond{Asked: make([]uint64, len(order))}
		for place, n := range order {
			second.Asked[place] = w.nodes[n].asked - asked[place]
			asked[place] = w.nodes[n].asked
		}
		r.Seconds = append(r.Seconds, second)
	}
	steady.Stop()
	s.Run()

	for i := range seconds {
		r.Seconds[i].Tally = seconds[i].result()
	}
	r.Before, r.During, r.After, r.Crowd = phases[0].result(), phases[1].result(), phases[2].result(), crowd.result()
	r.Recovery = sim.Forever
	for i, second := range r.Seconds {
		at := time.Duration(i) * time.Second
		if at >= to && second.Failed == 0 && second.P99 <= r.Before.P99*5/4 {
			r.Recovery = at + time.Second - to
			break
		}
	}
	return r, nil
}
