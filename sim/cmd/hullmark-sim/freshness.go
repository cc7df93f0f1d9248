package main

import (
	"io"
	"time"

	"github.com/spf13/cobra"

	"hullmark/internal/cli"
	"hullmark/sim"
	"hullmark/sim/consensus"
	"hullmark/sim/plot"
)

func newFreshness(stdout io.Writer) *cobra.Command {
	cmd := &cobra.Command{
		Use: "freshness", Short: "Simulate how old answers are and how long a change or revocation takes to reach readers",
		Long: `Freshness simulates networks of validators in ten regions that are idle (three
publishes a minute), calm (the rate given) and saturated. It shows how old the newest header that a
node can show is, at any moment at any node; how long it takes from a publish or
revocation to the moment when the node that took it, and every node, can prove it; and
how long a client with the default max-age of 60 s may be held back by somebody who
keeps all but the last answers from before the revocation from it.

JSON: freshness (an array of rows; times in milliseconds, -1 for what never happened).` + scenarioExit,
		Args: cli.Args(cobra.NoArgs),
	}
	s := newScenario(cmd, stdout, 1)
	c := newConsensusFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		costs, err := s.load()
		if err == nil {
			err = c.validate()
		}
		if err != nil {
			return err
		}
		loads := []struct {
			name string
			load consensus.Load
			warm time.Duration
		}{
			{"idle", consensus.Load{Rate: 1.0 / 20}, 15 * time.Second},
			{"calm", consensus.Load{Rate: c.rate}, 3 * time.Second},
			{"saturated", consensus.Load{Senders: 8}, 6 * time.Second},
		}
		type point struct {
			consensusPoint
			name string
		}
		var points []point
		for _, n := range []int{31, 10, 4} {
			for _, l := range loads {
				points = append(points, point{consensusPoint{places: consensus.Global, validators: n, load: l.load, warm: l.warm}, l.name})
			}
		}
		results, err := sweep(cmd.Context(), s, points, func(p point, seed uint64) (*consensus.Result, error) {
			longer := *c
			switch p.name {
			case "idle":
				longer.window = 15 * c.window // publishes are rare
			case "saturated":
				longer.window = 3 * c.window / 2 // they wait for long, and run doubles it
			}
			return longer.run(costs, p.consensusPoint, seed)
		})
		if err != nil {
			return err
		}
		r := new(report)
		t := r.table("freshness", "validators", "load", "age_p50_ms", "age_p99_ms", "provable_p50_ms", "provable_p99_ms",
			"everywhere_p50_ms", "everywhere_p99_ms", "held_back_p50_ms", "held_back_p99_ms", "publishes")
		var ages []*line
		for i, l := range loads {
			ages = append(ages, newLine(l.name))
			for j := range 3 {
				k := 3*(2-j) + i
				ages[i].add(float64(points[k].validators), spreadOf(results[k], func(r *consensus.Result) float64 { return ms(r.Age.Quantile(0.5)) }))
			}
		}
		for j := len(points) - 1; j >= 0; j-- {
			k := j/3*3 + (2 - j%3)
			p, at := points[k], results[k]
			of := func(q float64, h func(*consensus.Result) *sim.Histogram) float64 {
				return median(at, func(r *consensus.Result) float64 {
					if h(r).Count() == 0 {
						return -1 // as of what never happens
					}
					return ms(h(r).Quantile(q))
				})
			}
			age := func(r *consensus.Result) *sim.Histogram { return &r.Age }
			provable := func(r *consensus.Result) *sim.Histogram { return &r.Provable }
			everywhere := func(r *consensus.Result) *sim.Histogram { return &r.Everywhere }
			frozen := func(r *consensus.Result) *sim.Histogram { return &r.Frozen }
			t.row(p.validators, p.name, of(0.5, age), of(0.99, age), of(0.5, provable), of(0.99, provable),
				of(0.5, everywhere), of(0.99, everywhere), of(0.5, frozen), of(0.99, frozen),
				median(at, func(r *consensus.Result) float64 { return float64(r.Provable.Count()) }))
		}
		r.charts = []namedChart{{"freshness-age", plot.Chart{
			Title: "Age of the newest header at a node, medians", X: plot.Axis{Label: "validators"}, Y: plot.Axis{Label: "milliseconds", Log: true},
			Series: series(ages...),
		}}}
		return s.show(r)
	}
	return cmd
}
