package main

import (
	"io"
	"time"

	"github.com/spf13/cobra"

	"hullmark/internal/cli"
	"hullmark/sim/plot"
	"hullmark/sim/reads"
)

func newReads(stdout io.Writer) *cobra.Command {
	cmd := &cobra.Command{
		Use: "reads", Short: "Simulate look-ups of images of different popularity",
		Long: `Reads simulates clients that look images up whose popularity follows Zipf's law, and
shows how the load spreads over nodes and how long look-ups take, for several
exponents and for clients that

  client      ask in rendezvous order, hedge and fail over, as the real one does
  first-only  ask the first node and no other: plain rendezvous hashing
  shuffled    do what the real one does, with the nodes in random order

The load factor is the largest number of requests at a node over the least.

JSON: reads (an array of rows; times in milliseconds).` + scenarioExit,
		Args: cli.Args(cobra.NoArgs),
	}
	s := newScenario(cmd, stdout, 3)
	wf := newWorldFlags(cmd, 10)
	d := reads.Demand{}
	var duration time.Duration
	cmd.Flags().IntVar(&d.Names, "names", 100_000, "number of references")
	cmd.Flags().Float64Var(&d.Utilisation, "utilisation", 0.5, "look-ups over what all nodes can answer")
	cmd.Flags().DurationVar(&duration, "duration", 4*time.Second, "how long to simulate")
	exponents := cmd.Flags().Float64Slice("exponents", []float64{0, 0.6, 0.8, 1, 1.2}, "exponents of Zipf's law")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		costs, err := s.load()
		if err != nil {
			return err
		}
		world, err := wf.world(costs)
		if err != nil {
			return err
		}
		if len(*exponents) == 0 {
			return cli.Usage("--exponents are missing")
		}
		var points []reads.LoadConfig
		for _, strategy := range []reads.Strategy{reads.Client, reads.FirstOnly, reads.Shuffled} {
			for _, exponent := range *exponents {
				p := d
				p.Exponent, p.Strategy = exponent, strategy
				points = append(points, reads.LoadConfig{World: world, Demand: p, Duration: duration})
			}
		}
		results, err := sweep(cmd.Context(), s, points, reads.Load)
		if err != nil {
			return err
		}
		return s.show(readsReport(points, results))
	}
	return cmd
}

func readsReport(points []reads.LoadConfig, results [][]reads.LoadResult) *report {
	r := new(report)
	t := r.table("reads", "strategy", "exponent", "load_factor", "load_factor_low", "load_factor_high", "max_over_mean",
		"busiest_utilisation", "p50_ms", "p90_ms", "p99_ms", "p999_ms", "success", "asked", "first_won")
	var factor, latency []*line
	for i, p := range points {
		at := results[i]
		if i == 0 || p.Demand.Strategy != points[i-1].Demand.Strategy {
			factor = append(factor, newLine(p.Demand.Strategy.String()))
			latency = append(latency, newLine(p.Demand.Strategy.String()))
		}
		balance := spreadOf(at, func(l reads.LoadResult) float64 { return l.Balance.MaxMin })
		p99 := spreadOf(at, func(l reads.LoadResult) float64 { return ms(l.P99) })
		factor[len(factor)-1].add(p.Demand.Exponent, balance)
		latency[len(latency)-1].add(p.Demand.Exponent, p99)
		t.row(p.Demand.Strategy.String(), p.Demand.Exponent, balance.median, balance.low, balance.high,
			median(at, func(l reads.LoadResult) float64 { return l.Balance.MaxMean }),
			median(at, busiest),
			median(at, func(l reads.LoadResult) float64 { return ms(l.P50) }),
			median(at, func(l reads.LoadResult) float64 { return ms(l.P90) }),
			p99.median,
			median(at, func(l reads.LoadResult) float64 { return ms(l.P999) }),
			median(at, func(l reads.LoadResult) float64 { return l.Success() }),
			median(at, func(l reads.LoadResult) float64 { return l.Asked }),
			median(at, func(l reads.LoadResult) float64 { return l.FirstWon }))
	}
	x := plot.Axis{Label: "exponent of Zipf's law"}
	r.charts = []namedChart{
		{"reads-load-factor", plot.Chart{Title: "Requests at the busiest node over the idlest", X: x, Y: plot.Axis{Label: "load factor"}, Series: series(factor...)}},
		{"reads-latency", plot.Chart{Title: "99th percentile of look-ups", X: x, Y: plot.Axis{Label: "milliseconds"}, Series: series(latency...)}},
	}
	return r
}

// busiest is the utilisation of the busiest node.
func busiest(l reads.LoadResult) float64 {
	most := 0.0
	for _, n := range l.Nodes {
		most = max(most, n.Utilisation)
	}
	return most
}
