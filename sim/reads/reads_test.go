package reads_test

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hullmark/sim"
	"hullmark/sim/reads"
	"hullmark/sim/trace"
)

func world(t *testing.T) reads.World {
	t.Helper()
	costs, err := sim.DefaultCosts()
	if err != nil {
		t.Fatal(err)
	}
	return reads.DefaultWorld(costs)
}

func demand(by reads.Strategy, utilisation float64) reads.Demand {
	return reads.Demand{Names: 2000, Exponent: 0.8, Utilisation: utilisation, Strategy: by}
}

// small returns a small run of each scenario, as a function of the seed.
func small(t *testing.T) map[string]func(seed uint64) (any, error) {
	w, s := world(t), time.Second
	many := w
	many.Nodes = 12
	day := trace.DefaultConfig()
	day.Duration = 10 * time.Minute
	events, err := trace.Generate(day, 1)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]func(seed uint64) (any, error){
		"load": func(seed uint64) (any, error) {
			return reads.Load(reads.LoadConfig{World: w.Global(), Demand: demand(reads.Shuffled, 0.2), Duration: s / 2}, seed)
		},
		"flash": func(seed uint64) (any, error) {
			return reads.Flash(reads.FlashConfig{World: w, Demand: demand(reads.Client, 0.1), Crowd: 3, Before: s, During: s / 2, After: s}, seed)
		},
		"outage": func(seed uint64) (any, error) {
			return reads.Outage(reads.OutageConfig{World: w, Demand: demand(reads.Client, 0.05), Failing: 4, Mode: sim.Hung, Before: s, During: s, After: s}, seed)
		},
		"membership": func(seed uint64) (any, error) {
			return reads.Membership(reads.MembershipConfig{Keys: 2000, Nodes: 10, Joining: 1}, seed)
		},
		"store": func(seed uint64) (any, error) {
			return reads.Store(reads.StoreConfig{
				World: many, Objects: 50, Replicas: 3, On: 4 * time.Hour, Off: 2 * time.Hour, Wiped: 0.2,
				Grace: time.Hour, Size: 20_000, Fetches: 0.05, Duration: 48 * time.Hour,
			}, seed)
		},
		"replay": func(seed uint64) (any, error) {
			return reads.Replay(reads.ReplayConfig{World: w, Speed: 10, Block: s, Bin: time.Minute}, events, seed)
		},
	}
}

// TestDeterminism runs each scenario alone on one processor and several times at
// once on many: the same seed gives the same result to the last bit, and another
// seed another one.
func TestDeterminism(t *testing.T) {
	for name, run := range small(t) {
		t.Run(name, func(t *testing.T) {
			show := func(seed uint64) string {
				r, err := run(seed)
				if err != nil {
					t.Error(err)
				}
				return fmt.Sprintf("%+v", r)
			}
			before := runtime.GOMAXPROCS(1)
			alone := show(1)
			runtime.GOMAXPROCS(8)
			defer runtime.GOMAXPROCS(before)
			together := make([]string, 3)
			var all sync.WaitGroup
			for i := range together {
				all.Go(func() { together[i] = show(uint64(1 + i/2)) })
			}
			all.Wait()
			for i, got := range together[:2] {
				if got != alone {
					t.Errorf("run %d differs (-alone +together):\n%s", i, cmp.Diff(alone, got))
				}
			}
			if together[2] == alone {
				t.Error("the seed makes no difference")
			}
		})
	}
}

// TestLoadIsWhatWasAsked: every look-up is answered, by one node when none is busy,
// in the time that the ways, the service and the verification add up to.
func TestLoadIsWhatWasAsked(t *testing.T) {
	w := world(t)
	w.Jitter = 0
	r, err := reads.Load(reads.LoadConfig{World: w, Demand: demand(reads.Client, 0.02), Duration: 4 * time.Second}, 1)
	if err != nil {
		t.Fatal(err)
	}
	want := 0.02 * w.Capacity() * 4
	if got := float64(r.LookUps); math.Abs(got-want) > 5*math.Sqrt(want) || r.Failed != 0 || r.Asked != 1 || r.FirstWon != 1 {
		t.Errorf("%+v, want %.0f look-ups of one node each", r.Tally, want)
	}
	costs := w.Costs.Repository(w.Tags)
	// Three round trips of a millisecond, two of them for handshakes.
	least := 3*time.Millisecond + costs.LookUp.Duration() + costs.Verify.Duration() + sim.Transfer(costs.Answer, w.Uplink)
	if r.P50 < least*99/100 || r.P50 > least*101/100 {
		t.Errorf("half of the look-ups took %s, want %s", r.P50, least)
	}
	busy := 0.0
	for _, n := range r.Nodes {
		busy += n.Utilisation / float64(len(r.Nodes))
	}
	if math.Abs(busy-0.02) > 0.002 {
		t.Errorf("nodes are busy %.4f of the time, want 0.02", busy)
	}
}

// TestOutage: with one honest node left every look-up succeeds, with none none does;
// who fails to answer costs hedging times, who refuses or lies does not.
func TestOutage(t *testing.T) {
	w := world(t)
	w.Nodes, w.Jitter = 4, 0
	for _, tc := range []struct {
		mode    sim.Mode
		failing int
		slow    bool
	}{
		{sim.Up, 4, false}, {sim.Crashed, 3, false}, {sim.Lying, 3, false}, {sim.Hung, 3, true}, {sim.Crashed, 4, false}, {sim.Lying, 4, false}, {sim.Hung, 4, false},
	} {
		t.Run(fmt.Sprintf("%d %s", tc.failing, tc.mode), func(t *testing.T) {
			r, err := reads.Outage(reads.OutageConfig{
				World: w, Demand: demand(reads.Client, 0.02), Failing: tc.failing, Mode: tc.mode,
				Before: time.Second, During: 2 * time.Second, After: time.Second,
			}, 1)
			if err != nil {
				t.Fatal(err)
			}
			if tc.failing < 4 || tc.mode == sim.Up {
				for phase, got := range map[string]reads.OutagePhase{"before": r.Before, "during": r.During, "after": r.After} {
					if got.Failed != 0 || got.LookUps == 0 {
						t.Errorf("%s: %d of %d look-ups failed", phase, got.Failed, got.LookUps)
					}
				}
			} else if got := r.During.Success(); got > 0.05 && tc.mode != sim.Hung || got > 0.5 {
				// Who still waits, or has not given up, when nodes come back has luck.
				t.Errorf("%.3f of the look-ups succeeded without a node", got)
			}
			if slow := r.During.P90 >= reads.Hedge; tc.failing == 3 && slow != tc.slow {
				t.Errorf("nine in ten look-ups took %s", r.During.P90)
			}
		})
	}
}

// TestFlash: a crowd larger than one node serves is refused there, goes to the next
// nodes and gets its answers; a client that asks one node only does not.
func TestFlash(t *testing.T) {
	w := world(t)
	run := func(by reads.Strategy) reads.FlashResult {
		r, err := reads.Flash(reads.FlashConfig{World: w, Demand: demand(by, 0.1), Crowd: 3, Before: time.Second, During: time.Second, After: 2 * time.Second}, 1)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := run(reads.Client)
	if r.Crowd.Failed != 0 || r.Before.Failed+r.During.Failed+r.After.Failed != 0 || r.Recovery == sim.Forever {
		t.Errorf("%+v", r)
	}
	during := r.Seconds[1].Asked
	for place := range 4 {
		if during[place] < during[place+1] {
			t.Errorf("requests by place %v do not fall", during)
			break
		}
	}
	if one := run(reads.FirstOnly); one.Crowd.Success() > 0.5 || one.Before.Failed != 0 {
		t.Errorf("of a crowd of three times what a node serves %.2f were served by one", one.Crowd.Success())
	}
}

// TestMembership: only what must move moves, as much as theory says.
func TestMembership(t *testing.T) {
	const keys = 20_000
	for _, c := range []reads.MembershipConfig{{Nodes: 10, Joining: 1}, {Nodes: 10, Leaving: 1}, {Nodes: 10, Leaving: 4}, {Nodes: 7, Joining: 3}, {Nodes: 10, Joining: 1, Leaving: 1}, {Nodes: 10}} {
		c.Keys = keys
		r, err := reads.Membership(c, 1)
		if err != nil {
			t.Fatal(err)
		}
		bound := 5 * math.Sqrt(r.Expected*(1-r.Expected)/keys)
		if math.Abs(r.Moved-r.Expected) > bound || r.Needless != 0 || r.Ideal > r.Expected+1e-9 {
			t.Errorf("%+v: %+v", c, r)
		}
	}
}

// TestStoreTheory: without repair and loss, objects are available as often as
// probability theory says; with repair more often, for copies that are counted.
func TestStoreTheory(t *testing.T) {
	w := world(t)
	w.Nodes = 40
	for replicas := 1; replicas <= 3; replicas++ {
		c := reads.StoreConfig{
			World: w, Objects: 400, Replicas: replicas, On: 3 * time.Hour, Off: time.Hour, Grace: sim.Forever,
			Size: 20_000, Fetches: 0.01, Duration: 20 * 24 * time.Hour,
		}
		never, err := reads.Store(c, 1)
		if err != nil {
			t.Fatal(err)
		}
		want := 1 - math.Pow(0.25, float64(replicas))
		if math.Abs(never.Analytic-want) > 1e-12 || math.Abs(never.Available-want) > 0.01 {
			t.Errorf("%d replicas: available %.4f of the time, theory %.4f, want %.4f", replicas, never.Available, never.Analytic, want)
		}
		// A fetch is a sample of what is available.
		got, n := never.Fetched.Success(), float64(never.Fetched.LookUps)
		if math.Abs(got-never.Available) > 4*math.Sqrt(want*(1-want)/n)+0.005 {
			t.Errorf("%d replicas: %.4f of fetches succeed, %.4f are available", replicas, got, never.Available)
		}
		if never.Repairs != 0 || never.Lost != 0 || never.Copies != float64(replicas) {
			t.Errorf("%d replicas without repair: %+v", replicas, never)
		}
		c.Grace = 10 * time.Minute
		repaired, err := reads.Store(c, 1)
		if err != nil {
			t.Fatal(err)
		}
		if replicas > 1 && (repaired.Available <= never.Available || repaired.Repairs == 0 || repaired.Lost != 0 ||
			repaired.RepairBytes != int64(repaired.Repairs)*int64(c.Size)) {
			t.Errorf("%d replicas with repair: %+v", replicas, repaired)
		}
	}
}

// TestReplay: pushes and pulls of a trace are counted, and a pull right after a push
// is early.
func TestReplay(t *testing.T) {
	at := func(ms int) time.Duration { return time.Duration(ms) * time.Millisecond }
	events := []trace.Event{
		{At: at(0), Kind: trace.Pull, Reference: "a:1"},
		{At: at(1100), Kind: trace.Push, Reference: "a:1"},
		{At: at(1200), Kind: trace.Pull, Reference: "a:1"}, // early
		{At: at(1200), Kind: trace.Pull, Reference: "a:2"}, // another tag
		{At: at(2990), Kind: trace.Pull, Reference: "a:1"}, // the block after the next is at 3 s
		{At: at(3000), Kind: trace.Pull, Reference: "a:1"},
	}
	r, err := reads.Replay(reads.ReplayConfig{World: world(t), Speed: 1, Block: time.Second, Bin: 2 * time.Second}, events, 1)
	if err != nil {
		t.Fatal(err)
	}
	if r.LookUps != 5 || r.Failed != 0 || r.Pushes != 1 || r.Early != 2 {
		t.Errorf("%+v", r)
	}
	if len(r.Bins) != 2 || r.Bins[0].LookUps != 3 || r.Bins[0].Pushes != 1 || r.Bins[1].LookUps != 2 {
		t.Errorf("over time: %+v", r.Bins)
	}
}

func TestConfigurations(t *testing.T) {
	w, none := world(t), reads.World{}
	s := time.Second
	d := demand(reads.Client, 0.1)
	empty := errorOf(reads.Replay(reads.ReplayConfig{World: w, Speed: 1, Block: s, Bin: s}, nil, 1))
	for name, err := range map[string]error{
		"no world":          errorOf(reads.Load(reads.LoadConfig{World: none, Demand: d, Duration: s}, 1)),
		"no demand":         errorOf(reads.Load(reads.LoadConfig{World: w, Duration: s}, 1)),
		"no time":           errorOf(reads.Load(reads.LoadConfig{World: w, Demand: d}, 1)),
		"exponent":          errorOf(reads.Load(reads.LoadConfig{World: w, Demand: reads.Demand{Names: 1, Utilisation: 1, Exponent: math.NaN()}, Duration: s}, 1)),
		"no crowd":          errorOf(reads.Flash(reads.FlashConfig{World: w, Demand: d, Before: s, During: s, After: s}, 1)),
		"flash of nothing":  errorOf(reads.Flash(reads.FlashConfig{World: w, Crowd: 1, Before: s, During: s, After: s}, 1)),
		"outage of nothing": errorOf(reads.Outage(reads.OutageConfig{World: w, Before: s, During: s, After: s}, 1)),
		"more fail":         errorOf(reads.Outage(reads.OutageConfig{World: w, Demand: d, Failing: 11, Before: s, During: s, After: s}, 1)),
		"all leave":         errorOf(reads.Membership(reads.MembershipConfig{Keys: 1, Nodes: 2, Leaving: 2}, 1)),
		"no replicas":       errorOf(reads.Store(reads.StoreConfig{World: w, Objects: 1, On: s, Off: s, Size: 1, Duration: s}, 1)),
		"empty trace":       empty,
	} {
		if !errors.Is(err, reads.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func errorOf[R any](_ R, err error) error { return err }
