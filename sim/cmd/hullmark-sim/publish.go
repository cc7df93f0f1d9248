package main

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"hullmark/internal/cli"
	"hullmark/sim"
	"hullmark/sim/consensus"
	"hullmark/sim/plot"
)

// consensusFlags are the flags that say what validators are like.
type consensusFlags struct {
	cores, tags int
	rate        float64
	window      time.Duration
}

func newConsensusFlags(cmd *cobra.Command) *consensusFlags {
	c := new(consensusFlags)
	f := cmd.Flags()
	f.IntVar(&c.cores, "cores", 2, "cores of each validator")
	f.IntVar(&c.tags, "tags", 1, "tags of each repository: decides what a publish costs")
	f.Float64Var(&c.rate, "rate", 5, "publishes a second while latency is measured")
	f.DurationVar(&c.window, "window", 12*time.Second, "how long to measure latency, twice as long throughput; above 31 validators latency for less")
	return c
}

func (c *consensusFlags) validate() error {
	switch {
	case c.cores < 1 || c.cores > 256:
		return cli.Usage("--cores is from 1 to 256")
	case c.tags < 1 || c.tags > 10_000:
		return cli.Usage("--tags is from 1 to 10000")
	case !(c.rate > 0 && c.rate <= 1000):
		return cli.Usage("--rate is above 0 and at most 1000")
	case c.window < 5*time.Second || c.window > time.Hour:
		return cli.Usage("--window is from 5s to 1h")
	}
	return nil
}

// jitter is the spread of latencies on a wide-area line.
const jitter = 0.1

// consensusPoint is one network under one load.
type consensusPoint struct {
	places     consensus.Places
	validators int
	down       int
	load       consensus.Load
	warm       time.Duration
}

// maxAge is how old an answer clients accept (bundle.DefaultPolicy).
const maxAge = time.Minute

// run simulates a point.
func (c *consensusFlags) run(costs sim.Costs, p consensusPoint, seed uint64) (*consensus.Result, error) {
	validators, err := p.places.Validators(p.validators)
	if err != nil {
		return nil, err
	}
	plan := consensus.Plan{Load: p.load, WarmUp: p.warm, Window: c.window, MaxAge: maxAge}
	if p.load.Senders > 0 {
		plan.Window = 2 * c.window // blocks take longer
	} else if p.validators > 31 {
		// What a network costs to simulate grows with the square of its size.
		plan.Window = max(5*time.Second, c.window*31/time.Duration(p.validators))
	}
	for i := range p.down {
		// Evenly over the network, so that silent proposers are not all in a row.
		plan.Down = append(plan.Down, (2*i+1)*p.validators/(2*p.down))
	}
	return consensus.Run(seed, consensus.Config{
		Settings: consensus.Product(), Costs: costs, Validators: validators, Cores: c.cores, Jitter: jitter, Tags: c.tags,
	}, plan)
}

// The networks that are simulated: by number of validators, and with validators
// down up to the most that a network stands.
var downs = [...]struct{ validators, down int }{{4, 1}, {10, 1}, {10, 3}, {31, 1}, {31, 5}, {31, 10}}

func sizes() []int { return []int{4, 7, 10, 16, 31, 50, 67, 100} }

func newPublish(stdout io.Writer) *cobra.Command {
	cmd := &cobra.Command{
		Use: "publish", Short: "Simulate how long a publish takes and how many there can be, for 4 to 100 validators",
		Long: `Publish simulates CometBFT's protocol with the product's settings and measured costs:
for 4 to 100 validators in ten regions of the Earth, and for some of these near each
other, with one region far away and badly connected, with little bandwidth everywhere,
and with up to a third of the validators down. For each it shows how long a publish
takes from a node's receiving it to its answer that it is in a block, and to the moment
when the node can prove the new state; and how many publishes are committed a second
when publishers send as fast as nodes take them.

JSON: publish (an array of rows; times in milliseconds).` + scenarioExit,
		Args: cli.Args(cobra.NoArgs),
	}
	s := newScenario(cmd, stdout, 1)
	c := newConsensusFlags(cmd)
	largest := cmd.Flags().Int("validators", 100, "largest network to simulate")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		costs, err := s.load()
		if err == nil {
			err = c.validate()
		}
		if err != nil {
			return err
		}
		if *largest < 4 || *largest > consensus.MaxValidators {
			return cli.Usage("--validators is from 4 to %d", consensus.MaxValidators)
		}
		points := publishPoints(*largest)
		type pair struct{ calm, full *consensus.Result }
		results, err := sweep(cmd.Context(), s, points, func(p consensusPoint, seed uint64) (pair, error) {
			p.load, p.warm = consensus.Load{Rate: c.rate}, 3*time.Second
			calm, err := c.run(costs, p, seed)
			if err != nil {
				return pair{}, err
			}
			p.load, p.warm = consensus.Load{Senders: max(1, 32/p.validators)}, 6*time.Second
			full, err := c.run(costs, p, seed)
			return pair{calm, full}, err
		})
		if err != nil {
			return err
		}
		r := new(report)
		t := r.table("publish", "places", "validators", "down", "p50_ms", "p99_ms", "provable_p50_ms", "provable_p99_ms",
			"everywhere_p50_ms", "interval_ms", "rounds_per_block", "publishes_per_s", "busy_cores_saturated")
		latency := map[consensus.Places][2]*line{}
		rate := map[consensus.Places]*line{}
		// Rows stand in the order of the places, networks by size.
		order := make([]int, len(points))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return points[a].compare(points[b]) })
		for _, i := range order {
			p, at := points[i], results[i]
			calm := func(q float64, of func(*consensus.Result) *sim.Histogram) spread {
				return spreadOf(at, func(r pair) float64 { return ms(of(r.calm).Quantile(q)) })
			}
			committed := func(r *consensus.Result) *sim.Histogram { return &r.Latency }
			provable := func(r *consensus.Result) *sim.Histogram { return &r.Provable }
			tput := spreadOf(at, func(r pair) float64 { return r.full.Throughput() })
			t.row(string(p.places), p.validators, p.down, calm(0.5, committed).median, calm(0.99, committed).median,
				calm(0.5, provable).median, calm(0.99, provable).median,
				calm(0.5, func(r *consensus.Result) *sim.Histogram { return &r.Everywhere }).median,
				calm(0.5, func(r *consensus.Result) *sim.Histogram { return &r.Interval }).median,
				median(at, func(r pair) float64 { return float64(r.calm.Rounds) / float64(max(1, r.calm.Blocks)) }), tput.median,
				median(at, func(r pair) float64 { return r.full.Busy }))
			if p.down > 0 {
				continue
			}
			if _, ok := rate[p.places]; !ok {
				name := string(p.places)
				latency[p.places] = [2]*line{newLine(name + ", in a block"), newLine(name + ", provable")}
				rate[p.places] = newLine(name)
			}
			x := float64(p.validators)
			latency[p.places][0].add(x, calm(0.5, committed))
			latency[p.places][1].add(x, calm(0.5, provable))
			rate[p.places].add(x, tput)
		}
		var latencies, rates []*line
		for _, p := range [...]consensus.Places{consensus.Global, consensus.Near, consensus.SlowRegion, consensus.LowBandwidth} {
			latencies = append(latencies, latency[p][0], latency[p][1])
			rates = append(rates, rate[p])
		}
		x := plot.Axis{Label: "validators"}
		r.charts = []namedChart{
			{"publish-latency", plot.Chart{Title: fmt.Sprintf("A publish at %g a second, medians", c.rate), X: x, Y: plot.Axis{Label: "milliseconds"}, Series: series(latencies...)}},
			{"publish-rate", plot.Chart{Title: "Publishes committed when saturated", X: x, Y: plot.Axis{Label: "publishes a second"}, Series: series(rates...)}},
		}
		return s.show(r)
	}
	return cmd
}

// compare orders points for a table.
func (p consensusPoint) compare(o consensusPoint) int {
	rank := func(p consensusPoint) int {
		if p.down > 0 {
			return 9
		}
		return slices.Index([]consensus.Places{consensus.Global, consensus.Near, consensus.SlowRegion, consensus.LowBandwidth}, p.places)
	}
	if d := rank(p) - rank(o); d != 0 {
		return d
	}
	if d := p.validators - o.validators; d != 0 {
		return d
	}
	return p.down - o.down
}

// publishPoints are the networks, the largest first, so that no processor is left
// with the largest at the end.
func publishPoints(largest int) []consensusPoint {
	var out []consensusPoint
	for _, n := range sizes() {
		out = append(out, consensusPoint{places: consensus.Global, validators: n})
	}
	for _, p := range []consensus.Places{consensus.Near, consensus.SlowRegion, consensus.LowBandwidth} {
		for _, n := range []int{4, 10, 31} {
			out = append(out, consensusPoint{places: p, validators: n})
		}
	}
	for _, d := range downs {
		out = append(out, consensusPoint{places: consensus.Global, validators: d.validators, down: d.down})
	}
	out = slices.DeleteFunc(out, func(p consensusPoint) bool { return p.validators > largest })
	slices.SortStableFunc(out, func(a, b consensusPoint) int { return b.validators - a.validators })
	return out
}
