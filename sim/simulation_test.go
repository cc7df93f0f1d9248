package sim_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hullmark/sim"
)

// TestOrder schedules events at random, some from within others, stops some of
// them, and compares what runs with the same list sorted: by time, then by when it
// was scheduled.
func TestOrder(t *testing.T) {
	type event struct {
		at     time.Duration
		number int
	}
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := sim.New(seed)
		var want, got []event
		timers := make(map[int]sim.Timer)
		number := 0
		var schedule func(depth int)
		schedule = func(depth int) {
			e := event{at: s.Now() + time.Duration(r.IntN(20)), number: number}
			number++
			want = append(want, e)
			timers[e.number] = s.At(e.at, func() {
				if s.Now() != e.at {
					t.Fatalf("event for %d runs at %d", e.at, s.Now())
				}
				if timers[e.number].Stop() {
					t.Fatalf("event %d was stopped while it ran", e.number)
				}
				got = append(got, e)
				for range depth {
					schedule(depth - 1)
				}
			})
			if r.IntN(3) == 0 {
				victim := r.IntN(number)
				ran := slices.ContainsFunc(got, func(e event) bool { return e.number == victim })
				at := slices.IndexFunc(want, func(e event) bool { return e.number == victim })
				if stopped := timers[victim].Stop(); stopped != (at >= 0 && !ran) {
					// An event that is running now has run, and is in got already.
					t.Fatalf("stopped event %d: %t", victim, stopped)
				} else if stopped {
					want = slices.Delete(want, at, at+1)
				}
			}
		}
		for range 100 {
			schedule(2)
		}
		s.Run()
		slices.SortStableFunc(want, func(a, b event) int { return int(a.at - b.at) })
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(event{})); diff != "" {
			t.Fatalf("seed %d (-want +got):\n%s", seed, diff)
		}
		if s.Events() != uint64(len(want)) {
			t.Errorf("counted %d events of %d", s.Events(), len(want))
		}
	}
}

// TestStopMany stops most of many events, so that the queue is tidied, and sees
// the rest run in order.
func TestStopMany(t *testing.T) {
	s := sim.New(1)
	r := s.Stream("times")
	var timers []sim.Timer
	var want, got []time.Duration
	for i := range 20_000 {
		at := time.Duration(r.IntN(1_000_000))
		timers = append(timers, s.At(at, func() { got = append(got, at) }))
		if i%10 == 0 {
			want = append(want, at)
		}
	}
	for _, i := range r.Perm(len(timers)) {
		if i%10 != 0 && !timers[i].Stop() {
			t.Fatalf("couldn't stop event %d", i)
		}
	}
	for i := range timers {
		if i%10 != 0 && timers[i].Stop() {
			t.Fatalf("event %d was stopped twice", i)
		}
	}
	s.Run()
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%d events ran, want the %d that were not stopped, in order", len(got), len(want))
	}
}

func TestRunUntil(t *testing.T) {
	s := sim.New(1)
	var ran []time.Duration
	for _, at := range []time.Duration{30, 10, 20, 21} {
		s.At(at, func() { ran = append(ran, at) })
	}
	s.RunUntil(20)
	if diff := cmp.Diff([]time.Duration{10, 20}, ran); diff != "" || s.Now() != 20 {
		t.Errorf("at %d ran %v", s.Now(), ran)
	}
	s.RunUntil(25)
	if len(ran) != 3 || s.Now() != 25 {
		t.Errorf("at %d ran %v", s.Now(), ran)
	}
	s.RunUntil(5)
	if s.Now() != 25 {
		t.Errorf("time went back to %d", s.Now())
	}
	s.After(sim.Forever, func() { t.Error("an event beyond the end of time ran") })
	s.Run()
	if s.Now() != 30 {
		t.Errorf("ended at %d", s.Now())
	}
}

func TestPastPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("an event was scheduled for the past")
		}
	}()
	s := sim.New(1)
	s.RunUntil(2)
	s.At(1, func() {})
}

// TestStreams: streams are functions of seed and name, and differ.
func TestStreams(t *testing.T) {
	draw := func(seed uint64, name string) [4]uint64 {
		r := sim.New(seed).Stream(name)
		return [4]uint64{r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64()}
	}
	if first, again := draw(1, "a"), draw(1, "a"); first != again {
		t.Error("one stream has two beginnings")
	}
	seen := make(map[[4]uint64]bool)
	for seed := range uint64(100) {
		for _, name := range []string{"", "a", "b", "a/1", "a/2"} {
			seen[draw(seed, name)] = true
		}
	}
	if len(seen) != 500 {
		t.Errorf("%d different streams of 500", len(seen))
	}
	// The numbers themselves are fixed: they may not depend on the machine.
	if got := sim.Stream(7, "fixed").Uint64(); got != 0x6ec30eec99b5bf1e {
		t.Errorf("stream begins with %#x", got)
	}
}

func TestDistributions(t *testing.T) {
	measured, err := sim.NewEmpirical([]time.Duration{3000, 1000, 2000, 9000})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		d    sim.Distribution
		mean time.Duration
		low  time.Duration
		high time.Duration
	}{
		{"constant", sim.Constant(500), 500, 500, 500},
		{"uniform", sim.Uniform{Low: 1000, High: 3000}, 2000, 1000, 3000},
		{"exponential", sim.Exponential(10_000), 10_000, 0, sim.Forever},
		// exp(0.5²/2) = 1.1331
		{"log-normal", sim.LogNormal{Median: 1_000_000, Sigma: 0.5}, 1_133_148, 0, sim.Forever},
		{"shifted", sim.Shifted{By: 7000, Rest: sim.Exponential(1000)}, 8000, 7000, sim.Forever},
		// The lines between 1, 2, 3 and 9: (1.5 + 2.5 + 6) / 3.
		{"empirical", measured, 3333, 1000, 9000},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			if got := tc.d.Mean(); got != tc.mean {
				t.Errorf("mean is %d, want %d", got, tc.mean)
			}
			const draws = 200_000
			r := sim.Stream(1, tc.name)
			var sum, squares float64
			for range draws {
				x := tc.d.Sample(r)
				if x < tc.low || x > tc.high {
					t.Fatalf("drew %d, not from %d to %d", x, tc.low, tc.high)
				}
				sum += float64(x)
				squares += float64(x) * float64(x)
			}
			mean := sum / draws
			deviation := math.Sqrt(max(0, squares/draws-mean*mean) / draws)
			if math.Abs(mean-float64(tc.mean)) > 4*deviation+1 {
				t.Errorf("mean of samples is %.0f, want %d +- %.0f", mean, tc.mean, 4*deviation)
			}
		})
	}
	for name, bad := range map[string][]time.Duration{"nothing": nil, "negative": {1, -1}} {
		if _, err := sim.NewEmpirical(bad); err == nil {
			t.Errorf("distribution of %s", name)
		}
	}
}

// BenchmarkEvents is one event of a queue in which so many others wait, each of
// which schedules one more.
func BenchmarkEvents(b *testing.B) {
	for _, bm := range []struct {
		name    string
		waiting int
	}{{"100 waiting", 100}, {"10k waiting", 10_000}, {"1M waiting", 1_000_000}} {
		b.Run(bm.name, func(b *testing.B) {
			s := sim.New(1)
			r := s.Stream("gaps")
			var again func()
			again = func() { s.After(time.Duration(r.Uint64()>>44), again) }
			for range bm.waiting {
				again()
			}
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				s.RunNext()
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkTimers is one time-out that is set and stopped again.
func BenchmarkTimers(b *testing.B) {
	s := sim.New(1)
	b.ReportAllocs()
	for b.Loop() {
		s.After(time.Second, func() {}).Stop()
	}
}
