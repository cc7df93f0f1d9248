package reads

import (
	"time"

	"hullmark/sim"
)

// Tally is what became of a number of look-ups.
type Tally struct {
	LookUps, Failed uint64
	// P50 to P999 are quantiles of the time to a verdict, of those that succeeded.
	Mean, P50, P90, P99, P999 time.Duration
	// Asked is how many nodes were asked per look-up, and FirstWon the share of
	// the successful whose answer came from the first node in the order.
	Asked, FirstWon float64
}

// Success is the share of look-ups that got a verdict.
func (t Tally) Success() float64 {
	if t.LookUps == 0 {
		return 0
	}
	return 1 - float64(t.Failed)/float64(t.LookUps)
}

// tally gathers a Tally.
type tally struct {
	times                   sim.Histogram
	failed, asked, firstWon uint64
}

func (t *tally) add(a answerOf) {
	t.asked += uint64(a.asked)
	if !a.ok {
		t.failed++
		return
	}
	t.times.Add(a.took)
	if a.winner == 0 {
		t.firstWon++
	}
}

func (t *tally) result() Tally {
	h := &t.times
	r := Tally{
		LookUps: h.Count() + t.failed, Failed: t.failed, Mean: h.Mean(),
		P50: h.Quantile(0.5), P90: h.Quantile(0.9), P99: h.Quantile(0.99), P999: h.Quantile(0.999),
	}
	if r.LookUps > 0 {
		r.Asked = float64(t.asked) / float64(r.LookUps)
	}
	if n := h.Count(); n > 0 {
		r.FirstWon = float64(t.firstWon) / float64(n)
	}
	return r
}
