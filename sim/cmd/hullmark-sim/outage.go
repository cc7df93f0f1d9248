package main

import (
	"io"
	"time"

	"github.com/spf13/cobra"

	"hullmark/internal/cli"
	"hullmark/sim"
	"hullmark/sim/plot"
	"hullmark/sim/reads"
)

func newOutage(stdout io.Writer) *cobra.Command {
	cmd := &cobra.Command{
		Use: "outage", Short: "Simulate look-ups while some nodes are down, silent or lying",
		Long: `Outage lets 0, 1, 2 and so on of the nodes fail at once under a steady load, and come
back later: crashed (connections are refused), hung (nothing is answered) or lying
(answers do not verify). It shows the share of look-ups that get a verdict, how long
they take, and how the load spreads over the nodes that are left.

JSON: outage (an array of rows; times in milliseconds).` + scenarioExit,
		Args: cli.Args(cobra.NoArgs),
	}
	s := newScenario(cmd, stdout, 3)
	wf := newWorldFlags(cmd, 10)
	c := reads.OutageConfig{Demand: reads.Demand{Exponent: 0.8}}
	cmd.Flags().IntVar(&c.Demand.Names, "names", 100_000, "number of references")
	cmd.Flags().Float64Var(&c.Demand.Utilisation, "utilisation", 0.05, "look-ups over what all nodes can answer")
	phase := cmd.Flags().Duration("phase", 3*time.Second, "how long to watch before, during and after")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		costs, err := s.load()
		if err != nil {
			return err
		}
		if c.World, err = wf.world(costs); err != nil {
			return err
		}
		c.Before, c.During, c.After = *phase, *phase, *phase
		var points []reads.OutageConfig
		for _, mode := range []sim.Mode{sim.Crashed, sim.Hung, sim.Lying} {
			for k := range c.World.Nodes + 1 {
				p := c
				p.Mode, p.Failing = mode, k
				points = append(points, p)
			}
		}
		results, err := sweep(cmd.Context(), s, points, reads.Outage)
		if err != nil {
			return err
		}
		return s.show(outageReport(points, results))
	}
	return cmd
}

func outageReport(points []reads.OutageConfig, results [][]reads.OutageResult) *report {
	r := new(report)
	t := r.table("outage", "mode", "failing", "success_before", "success_during", "success_after", "p50_before_ms", "p50_during_ms", "p99_during_ms",
		"p50_after_ms", "asked_during", "load_factor_before", "load_factor_during", "load_factor_after")
	var middle, tail []*line
	for i, p := range points {
		at := results[i]
		if i == 0 || p.Mode != points[i-1].Mode {
			middle = append(middle, newLine(p.Mode.String()+", median"))
			tail = append(tail, newLine(p.Mode.String()+", 99th percentile"))
		}
		of := func(value func(reads.OutageResult) float64) float64 { return median(at, value) }
		p50 := spreadOf(at, func(o reads.OutageResult) float64 { return ms(o.During.P50) })
		p99 := spreadOf(at, func(o reads.OutageResult) float64 { return ms(o.During.P99) })
		if p.Failing < p.World.Nodes { // nobody gets an answer otherwise
			middle[len(middle)-1].add(float64(p.Failing), p50)
			tail[len(tail)-1].add(float64(p.Failing), p99)
		}
		t.row(p.Mode.String(), p.Failing,
			of(func(o reads.OutageResult) float64 { return o.Before.Success() }),
			of(func(o reads.OutageResult) float64 { return o.During.Success() }),
			of(func(o reads.OutageResult) float64 { return o.After.Success() }),
			of(func(o reads.OutageResult) float64 { return ms(o.Before.P50) }), p50.median, p99.median,
			of(func(o reads.OutageResult) float64 { return ms(o.After.P50) }),
			of(func(o reads.OutageResult) float64 { return o.During.Asked }),
			of(func(o reads.OutageResult) float64 { return o.Before.Balance.MaxMin }),
			of(func(o reads.OutageResult) float64 { return o.During.Balance.MaxMin }),
			of(func(o reads.OutageResult) float64 { return o.After.Balance.MaxMin }))
	}
	r.charts = []namedChart{{"outage-latency", plot.Chart{
		Title: "Look-ups while nodes fail", X: plot.Axis{Label: "nodes that fail"}, Y: plot.Axis{Label: "milliseconds", Log: true},
		Series: series(append(middle, tail...)...),
	}}}
	return r
}
