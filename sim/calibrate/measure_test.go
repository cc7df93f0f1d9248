package calibrate

import (
	"runtime"
	"slices"
	"testing"
	"time"

	"hullmark/internal/workload"
)

// Spread is the median of repeated measurements and how far they lie apart.
type Spread struct {
	Median, Low, High float64
}

// spread returns the spread of numbers, which it sorts.
func spread(values []float64) Spread {
	slices.Sort(values)
	return Spread{Median: quantile(values, 0.5), Low: values[0], High: values[len(values)-1]}
}

// quantile returns the value that a share q of sorted values do not exceed.
func quantile(sorted []float64, q float64) float64 {
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

// Repetitions of each measurement, of which the median counts.
const repetitions = 7

// used is what something took.
type used struct{ cpu, wall time.Duration }

// take runs do and returns what it took.
func take(do func() error) (used, error) {
	before, err := workload.CPUTime()
	if err != nil {
		return used{}, err
	}
	began := time.Now()
	if err := do(); err != nil {
		return used{}, err
	}
	wall := time.Since(began)
	after, err := workload.CPUTime()
	return used{after - before, wall}, err
}

// cpuOf measures the CPU time of one of n equal pieces of work that do runs
// through, in seconds.
func cpuOf(n int, do func() error) (Spread, error) {
	var values []float64
	for range repetitions {
		runtime.GC() // what was left over is not this work's
		u, err := take(do)
		if err != nil {
			return Spread{}, err
		}
		values = append(values, u.cpu.Seconds()/float64(n))
	}
	return spread(values), nil
}

// times returns a function that calls do n times.
func times(n int, do func() error) func() error {
	return func() error {
		for range n {
			if err := do(); err != nil {
				return err
			}
		}
		return nil
	}
}

func TestSpread(t *testing.T) {
	if got, want := spread([]float64{5, 1, 3}), (Spread{Median: 3, Low: 1, High: 5}); got != want {
		t.Errorf("spread %v, want %v", got, want)
	}
	if got := each([]float64{1, 1, 1}, []float64{1 + blockSize, 1, 1 + 2*blockSize}); got != (Spread{Median: 1, Low: 0, High: 2}) {
		t.Errorf("each %v", got)
	}
}
