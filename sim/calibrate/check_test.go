package calibrate

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"hullmark/internal/fixture"
	"hullmark/internal/workload"
	"hullmark/sim"
	"hullmark/sim/consensus"
)

// comparison is one quantity of a real network and of the simulated one.
type comparison struct {
	Name      string  `json:"name"`
	Unit      string  `json:"unit"`
	Real      float64 `json:"real"`
	Simulated float64 `json:"simulated"`
	// Off is the simulated number over the real one, minus one.
	Off float64 `json:"off"`
}

// The network that is compared: four validators in one process, with a short pause
// between blocks so that work matters beside waiting, and short idle intervals so
// that there are enough of them.
const (
	checkValidators = 4
	checkPause      = 200 * time.Millisecond
	checkIdle       = time.Second
	checkPublishes  = 40
	checkRuns       = 2
)

// observed is what either network showed, in seconds.
type observed struct {
	idle, latency, loaded []float64
	throughput            []float64
	// work is CPU time for a publish, over all validators and with the senders.
	work []float64
	// share is how much of the machine's cores the process had while saturated.
	share []float64
}

// check runs a real network and simulates the same one on the given costs.
func check(t *testing.T, costs sim.Costs) []comparison {
	t.Helper()
	var before, after observed
	for i := range checkRuns {
		if !t.Run(fmt.Sprintf("network %d of %d", i+1, checkRuns), func(t *testing.T) {
			if err := before.observe(t); err != nil {
				t.Fatalf("couldn't run network: %v", err)
			}
			if err := after.simulate(uint64(i), costs); err != nil {
				t.Fatalf("couldn't simulate network: %v", err)
			}
		}) {
			t.FailNow()
		}
	}
	compare := func(name, unit string, real, simulated float64) comparison {
		return comparison{Name: name, Unit: unit, Real: real, Simulated: simulated, Off: simulated/real - 1}
	}
	at := func(values []float64, q float64) float64 {
		slices.Sort(values)
		return quantile(values, q)
	}
	var out []comparison
	for _, row := range []struct {
		name            string
		real, simulated []float64
		q               float64
	}{
		{"publish on an idle network, median", before.latency, after.latency, 0.5},
		{"publish on an idle network, 99 %", before.latency, after.latency, 0.99},
		{"interval of blocks, idle, median", before.idle, after.idle, 0.5},
		{"interval of blocks, saturated, median", before.loaded, after.loaded, 0.5},
	} {
		out = append(out, compare(row.name, "ms", 1e3*at(row.real, row.q), 1e3*at(row.simulated, row.q)))
	}
	return append(out,
		compare("saturated", "publishes/s", at(before.throughput, 0.5), at(after.throughput, 0.5)),
		compare("saturated, CPU for a publish", "µs", 1e6*at(before.work, 0.5), 1e6*at(after.work, 0.5)),
		compare("saturated, share of the cores", "%", 100*at(before.share, 0.5), 100*at(after.share, 0.5)),
	)
}

// observe runs a real network through all that is compared.
func (o *observed) observe(tb testing.TB) error {
	nw := workload.NewNetwork(tb, checkValidators, workload.NetworkOptions{TimeoutCommit: checkPause, EmptyBlocks: checkIdle})
	register, publish, _ := nw.Load()
	p := nw.C.NewPublisher("registry.example.com/bench/alone")
	nw.Post(0, p.Register(nw.C.Operators[0]))
	for v := range uint64(checkPublishes) {
		tx := p.Publish(v+1, fixture.Tags{"latest": fmt.Sprint(v), "stable": "one"})
		began := time.Now()
		nw.Post(0, tx)
		o.latency = append(o.latency, time.Since(began).Seconds())
	}
	time.Sleep(3 * checkIdle)
	first := nw.Height()
	time.Sleep(8 * checkIdle)
	idle, err := intervals(nw, first, nw.Height())
	if err != nil {
		return err
	}
	o.idle = append(o.idle, idle...)
	nw.Commit(register)
	first = nw.Height()
	var took time.Duration
	u, err := take(func() error { took = nw.Commit(publish); return nil })
	if err != nil {
		return err
	}
	loaded, err := intervals(nw, first, nw.Height())
	if err != nil {
		return err
	}
	o.loaded = append(o.loaded, loaded...)
	o.saturated(took, u.cpu)
	return nil
}

// saturated keeps what a run of all publishes took.
func (o *observed) saturated(took, cpu time.Duration) {
	const n = workload.LoadRepositories * workload.LoadVersions
	o.throughput = append(o.throughput, n/took.Seconds())
	o.work = append(o.work, cpu.Seconds()/n)
	o.share = append(o.share, cpu.Seconds()/took.Seconds()/float64(runtime.GOMAXPROCS(0)))
}

// intervals returns the times between the blocks of heights, by their headers.
func intervals(nw *workload.Network, first, last int64) ([]float64, error) {
	var out []float64
	var before time.Time
	for h := first; h <= last; h++ {
		b, err := nw.RPC[0].Commit(context.Background(), &h)
		if err != nil {
			return nil, fmt.Errorf("couldn't read block: %w", err)
		}
		if h > first {
			out = append(out, b.Time.Sub(before).Seconds())
		}
		before = b.Time
	}
	return out, nil
}

// simulate simulates what observe runs.
func (o *observed) simulate(seed uint64, costs sim.Costs) error {
	c := consensus.Config{
		Settings: consensus.Product(), Costs: costs, Validators: make([]consensus.Validator, checkValidators),
		Cores: runtime.GOMAXPROCS(0), Shared: true, Tags: 2,
	}
	c.Settings.TimeoutCommit, c.Settings.EmptyBlocks = checkPause, checkIdle
	alone, err := consensus.Run(seed, c, consensus.Plan{Load: consensus.Load{Sequential: true}, WarmUp: time.Second, Window: 30 * time.Second})
	if err != nil {
		return err
	}
	idle, err := consensus.Run(seed, c, consensus.Plan{WarmUp: 3 * checkIdle, Window: 8 * checkIdle})
	if err != nil {
		return err
	}
	full, err := consensus.Run(seed, c, consensus.Plan{
		Load: consensus.Load{Senders: workload.SendersPerNode, Total: workload.LoadRepositories * workload.LoadVersions}, Window: time.Minute,
	})
	if err != nil {
		return err
	}
	for q := 0.005; q < 1; q += 0.01 {
		o.latency = append(o.latency, alone.Latency.Quantile(q).Seconds())
		o.idle = append(o.idle, idle.Interval.Quantile(q).Seconds())
	}
	o.loaded = append(o.loaded, full.Loaded.Quantile(0.5).Seconds())
	o.saturated(full.Finished, full.FinishedBusy)
	return nil
}
