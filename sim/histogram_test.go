package sim_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"hullmark/sim"
)

// TestHistogram compares quantiles with those of the sorted samples.
func TestHistogram(t *testing.T) {
	for name, d := range map[string]sim.Distribution{
		"small":      sim.Uniform{Low: 0, High: 100},
		"constant":   sim.Constant(12_345_678),
		"log-normal": sim.LogNormal{Median: time.Millisecond, Sigma: 3},
		"wide":       sim.LogNormal{Median: time.Hour, Sigma: 12},
	} {
		t.Run(name, func(t *testing.T) {
			r := sim.Stream(1, name)
			var all []time.Duration
			var whole, first, second sim.Histogram
			var sum float64
			for i := range 20_000 {
				x := d.Sample(r)
				all, sum = append(all, x), sum+float64(x)
				whole.Add(x)
				[]*sim.Histogram{&first, &second}[i%2].Add(x)
			}
			first.Merge(&second)
			first.Merge(new(sim.Histogram))
			slices.Sort(all)
			for _, h := range []*sim.Histogram{&whole, &first} {
				if h.Count() != 20_000 || h.Min() != all[0] || h.Max() != all[len(all)-1] {
					t.Errorf("%d from %d to %d, want %d from %d to %d", h.Count(), h.Min(), h.Max(), len(all), all[0], all[len(all)-1])
				}
				if want := math.Min(sum/20_000, float64(sim.Forever)); math.Abs(float64(h.Mean())-want) > 1e-9*want+1 {
					t.Errorf("mean %d, want %.0f", h.Mean(), want)
				}
				for _, q := range []float64{0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1} {
					want := float64(all[max(1, int(math.Ceil(q*20_000)))-1])
					if got := float64(h.Quantile(q)); math.Abs(got-want) > want/128 {
						t.Errorf("quantile %g is %.0f, want %.0f", q, got, want)
					}
				}
			}
		})
	}
}

func TestHistogramEdges(t *testing.T) {
	var h sim.Histogram
	if h.Quantile(0.5) != 0 || h.Mean() != 0 || h.Count() != 0 {
		t.Error("something in an empty histogram")
	}
	for _, d := range []time.Duration{0, 1, 127, 128, 255, 256, 257, 511, 512, sim.Forever} {
		var one sim.Histogram
		one.Add(d)
		if one.Quantile(0.5) != d {
			t.Errorf("%d is shown as %d", d, one.Quantile(0.5))
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a negative time was recorded")
		}
	}()
	h.Add(-1)
}
