package sim_test

import (
	"math"
	"testing"
	"time"

	"hullmark/sim"
)

// TestAlternate: the share of time something is on is what the means say.
func TestAlternate(t *testing.T) {
	s := sim.New(1)
	var on, since time.Duration
	up, changes := true, 0
	p := sim.Alternate(s, s.Stream("churn"), sim.Exponential(3*time.Hour), sim.Uniform{Low: 0, High: 2 * time.Hour}, func(now bool) {
		if now == up {
			t.Fatal("changed to what it was")
		}
		if up {
			on += s.Now() - since
		}
		up, since = now, s.Now()
		changes++
	})
	s.RunUntil(20_000 * time.Hour)
	if got := on.Hours() / s.Now().Hours(); math.Abs(got-0.75) > 0.02 {
		t.Errorf("on for %.3f of the time, want 0.75", got)
	}
	if changes < 9000 || changes > 11_000 {
		t.Errorf("%d changes in 20,000 hours, want two in four", changes)
	}
	p.Stop()
	before := changes
	s.Run()
	if changes != before {
		t.Error("changed after Stop")
	}
}

func TestArrivals(t *testing.T) {
	const seconds = 4000
	s := sim.New(1)
	count := [2]float64{}
	// A rate of 10 in even seconds and 30 in odd ones.
	rate := func(now time.Duration) float64 { return 10 + 20*float64(now/time.Second%2) }
	p := sim.Arrivals(s, s.Stream("arrivals"), 30, rate, func() { count[s.Now()/time.Second%2]++ })
	s.RunUntil(seconds * time.Second)
	for i, want := range []float64{10 * seconds / 2, 30 * seconds / 2} {
		if math.Abs(count[i]-want) > 4*math.Sqrt(want) {
			t.Errorf("%.0f arrivals in seconds of kind %d, want %.0f +- %.0f", count[i], i, want, 4*math.Sqrt(want))
		}
	}
	p.Stop()
	events := s.Events()
	s.Run()
	if s.Events() != events {
		t.Error("arrivals go on after Stop")
	}
	sim.Arrivals(s, s.Stream("none"), 0, sim.Steady(0), func() { t.Error("an arrival at rate zero") })
	s.Run()
}

func TestChoice(t *testing.T) {
	tests := []struct {
		name    string
		weights []float64
	}{
		{"one", []float64{3}},
		{"even", []float64{1, 1, 1, 1}},
		{"with nothing in it", []float64{0, 2, 0, 1}},
		{"steep", []float64{1000, 1, 1, 1, 1}},
		{"zipf", sim.ZipfWeights(50, 1)},
		{"flat zipf", sim.ZipfWeights(50, 0.4)},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			const draws = 400_000
			c, r := sim.NewChoice(tc.weights), sim.Stream(1, tc.name)
			count := make([]float64, len(tc.weights))
			for range draws {
				count[c.Sample(r)]++
			}
			var sum float64
			for _, w := range tc.weights {
				sum += w
			}
			for i, w := range tc.weights {
				p := w / sum
				if bound := 5 * math.Sqrt(draws*p*(1-p)); math.Abs(count[i]-draws*p) > bound {
					t.Errorf("drew %d %.0f times, want %.0f +- %.0f", i, count[i], draws*p, bound)
				}
			}
		})
	}
	for name, bad := range map[string][]float64{"none": nil, "zero": {0, 0}, "negative": {1, -1}, "infinite": {math.Inf(1)}, "not a number": {math.NaN()}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("chose by weights that are %s", name)
				}
			}()
			sim.NewChoice(bad)
		}()
	}
}
