package sim_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hullmark/sim"
)

// erlangC is the probability that a request waits in a queue M/M/c with an
// offered load of a cores.
func erlangC(c int, a float64) float64 {
	term, sum := 1.0, 0.0
	for k := range c {
		sum += term
		term *= a / float64(k+1)
	}
	last := term * float64(c) / (float64(c) - a)
	return last / (sum + last)
}

// TestQueueingTheory compares mean waits with the formulas of Erlang and of
// Pollaczek and Khinchin, at 80 % and 50 % utilisation. The seeds are fixed, so the
// outcome is too; 5 % is several standard errors of half a million requests.
func TestQueueingTheory(t *testing.T) {
	const service = time.Millisecond
	// Variance of the service time over its mean squared, by distribution.
	uniform := sim.Uniform{Low: 0, High: 2 * service}
	tests := []struct {
		name      string
		service   sim.Distribution
		cores     int
		variation float64
	}{
		{"M/M/1", sim.Exponential(service), 1, 1},
		{"M/D/1", sim.Constant(service), 1, 0},
		{"M/U/1", uniform, 1, 1.0 / 3},
		{"M/M/2", sim.Exponential(service), 2, 1},
		{"M/M/8", sim.Exponential(service), 8, 1},
	}
	for _, tc := range tests {
		for _, rho := range []float64{0.5, 0.8} {
			t.Run(fmt.Sprintf("%s at %.0f %%", tc.name, 100*rho), func(t *testing.T) {
				s := sim.New(1)
				server := sim.NewServer(s, tc.cores, 0)
				services := s.Stream("services")
				const requests = 500_000
				var waits, done float64
				var arrivals *sim.Process
				rate := rho * float64(tc.cores) / service.Seconds()
				arrivals = sim.Arrivals(s, s.Stream("arrivals"), rate, sim.Steady(rate), func() {
					came, need := s.Now(), tc.service.Sample(services)
					server.Offer(need, func(sim.Outcome) {
						waits += float64(s.Now() - came - need)
						done++
					})
					if server.Stats().Taken == requests {
						arrivals.Stop()
					}
				})
				s.Run()
				if done != requests {
					t.Fatalf("%.0f of %d requests were answered", done, requests)
				}
				c, a := float64(tc.cores), rho*float64(tc.cores)
				// For c = 1 this is Pollaczek and Khinchin's formula, for exponential
				// services Erlang's.
				want := erlangC(tc.cores, a) * float64(service) / (c - a) * (1 + tc.variation) / 2
				if got := waits / done; math.Abs(got-want) > 0.05*want {
					t.Errorf("mean wait is %.0f ns, theory says %.0f ns", got, want)
				}
				if got := server.Stats().Work.Seconds() / s.Now().Seconds() / c; math.Abs(got-rho) > 0.02*rho {
					t.Errorf("utilisation is %.3f, want %.3f", got, rho)
				}
			})
		}
	}
}

// script runs a server through steps at given milliseconds and tells what became
// of requests of ten milliseconds.
func script(t *testing.T, cores, limit int, steps map[int]func(*sim.Server), requests ...int) []string {
	t.Helper()
	s := sim.New(1)
	server := sim.NewServer(s, cores, limit)
	out := make([]string, len(requests))
	at := func(ms int) time.Duration { return time.Duration(ms) * time.Millisecond }
	for ms := range 200 {
		if step := steps[ms]; step != nil {
			s.At(at(ms), func() { step(server) })
		}
	}
	for i, ms := range requests {
		s.At(at(ms), func() {
			verdict := server.Offer(at(10), func(o sim.Outcome) {
				out[i] += fmt.Sprintf(", %s at %d", []string{"answered", "wronged", "broken"}[o], s.Now()/time.Millisecond)
			})
			out[i] = []string{"taken", "busy", "refused"}[verdict]
		})
	}
	s.Run()
	return out
}

func TestServerFailures(t *testing.T) {
	crash := func(s *sim.Server) { s.Crash() }
	hang := func(s *sim.Server) { s.Hang() }
	lie := func(s *sim.Server) { s.Lie() }
	restart := func(s *sim.Server) { s.Restart() }
	tests := []struct {
		name         string
		cores, limit int
		steps        map[int]func(*sim.Server)
		requests     []int
		want         []string
	}{
		{"one core", 1, 0, nil, []int{0, 1, 50}, []string{"taken, answered at 10", "taken, answered at 20", "taken, answered at 60"}},
		{"two cores", 2, 0, nil, []int{0, 1, 2}, []string{"taken, answered at 10", "taken, answered at 11", "taken, answered at 20"}},
		{"bounded", 1, 2, nil, []int{0, 1, 2, 11}, []string{"taken, answered at 10", "taken, answered at 20", "busy", "taken, answered at 30"}},
		{
			"crash", 1, 0, map[int]func(*sim.Server){5: crash, 30: restart},
			[]int{0, 1, 6, 31},
			[]string{"taken, broken at 5", "taken, broken at 5", "refused", "taken, answered at 41"},
		},
		{
			"crash and restart within a service", 1, 0, map[int]func(*sim.Server){5: crash, 6: restart},
			[]int{0, 7},
			[]string{"taken, broken at 5", "taken, answered at 17"},
		},
		{
			"hang", 1, 1, map[int]func(*sim.Server){5: hang, 30: restart},
			[]int{0, 6, 7, 31},
			[]string{"taken", "taken", "taken", "taken, answered at 41"},
		},
		{
			"lie", 1, 0, map[int]func(*sim.Server){15: lie, 35: restart},
			[]int{0, 16, 40},
			[]string{"taken, answered at 10", "taken, wronged at 26", "taken, answered at 50"},
		},
		{
			"the dead do not lie", 1, 0, map[int]func(*sim.Server){5: crash, 6: lie},
			[]int{7},
			[]string{"refused"},
		},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, script(t, tc.cores, tc.limit, tc.steps, tc.requests...)); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

// TestBacklog keeps a long queue, so that its ring grows and wraps, and sees it
// served in order.
func TestBacklog(t *testing.T) {
	s := sim.New(1)
	server := sim.NewServer(s, 1, 0)
	r := s.Stream("gaps")
	var next int
	for i := range 5000 {
		s.At(time.Duration(i)*time.Microsecond+time.Duration(r.IntN(900)), func() {
			server.Offer(time.Duration(r.IntN(3000)), func(sim.Outcome) {
				if i != next {
					t.Fatalf("request %d was served before %d", i, next)
				}
				next++
			})
		})
	}
	s.Run()
	if next != 5000 || server.Load() != 0 {
		t.Errorf("served %d, %d left", next, server.Load())
	}
}
