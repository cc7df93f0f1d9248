package reads

import (
	"fmt"
	"time"

	"hullmark/sim"
)

// Demand is what clients want to know, and how often.
type Demand struct {
	// Names is how many references there are, and Exponent that of their Zipf
	// popularity.
	Names    int
	Exponent float64
	// Utilisation is the look-ups a second over what all nodes can answer
	// ([World.Capacity]).
	Utilisation float64
	Strategy    Strategy
}

// Validate reports a demand that cannot be. Errors are [ErrConfig].
func (d Demand) Validate() error {
	switch {
	case d.Names < 1 || d.Names > 10_000_000:
		return fmt.Errorf("%w: names are from 1 to 10,000,000", ErrConfig)
	case checkExponent(d.Exponent) != nil:
		return checkExponent(d.Exponent)
	case d.Utilisation <= 0 || d.Utilisation > 4:
		return fmt.Errorf("%w: the utilisation is above 0 and at most 4", ErrConfig)
	case d.Strategy < Client || d.Strategy > Shuffled:
		return fmt.Errorf("%w: unknown strategy", ErrConfig)
	}
	return nil
}

// LoadConfig is a steady load.
type LoadConfig struct {
	World    World
	Demand   Demand
	Duration time.Duration
}

// LoadResult is how nodes and clients fare under it.
type LoadResult struct {
	Tally
	Nodes []NodeLoad
	// Balance is that of how often nodes were asked.
	Balance Balance
}

// Load simulates a steady load.
func Load(c LoadConfig, seed uint64) (LoadResult, error) {
	if err := check(c.World.Validate(), c.Demand.Validate(), checkDuration(c.Duration)); err != nil {
		return LoadResult{}, fmt.Errorf("couldn't simulate load: %w", err)
	}
	s := sim.New(seed)
	w := newWorld(s, c.World)
	var t tally
	all := w.demand(c.Demand, seed, func() *tally { return &t })
	s.RunUntil(c.Duration)
	r := LoadResult{Nodes: w.loads(c.Duration)}
	r.Balance = BalanceOf(asked(r.Nodes))
	all.Stop()
	s.Run() // whoever asked gets an answer
	r.Tally = t.result()
	return r, nil
}

// demand starts look-ups that go on until the simulation ends; each is counted by
// the tally of the moment it was made.
func (w *world) demand(d Demand, seed uint64, now func() *tally) *sim.Process {
	names := sim.Zipf(d.Names, d.Exponent)
	which := w.sim.Stream("names")
	rate := d.Utilisation * w.Capacity()
	return sim.Arrivals(w.sim, w.sim.Stream("arrivals"), rate, sim.Steady(rate), func() {
		w.lookUp(w.ask(w.order(seed, names.Sample(which)), d.Strategy), now().add)
	})
}

func asked(nodes []NodeLoad) []float64 {
	out := make([]float64, len(nodes))
	for i, n := range nodes {
		out[i] = float64(n.Asked)
	}
	return out
}

func checkDuration(d time.Duration) error {
	if d <= 0 || d > 24*time.Hour {
		return fmt.Errorf("%w: the duration is above 0 and at most a day", ErrConfig)
	}
	return nil
}

// check returns the first error.
func check(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func checkExponent(e float64) error {
	if !(e >= 0 && e <= 4) {
		return fmt.Errorf("%w: the exponent is from 0 to 4", ErrConfig)
	}
	return nil
}
