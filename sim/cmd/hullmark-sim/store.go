package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"hullmark/internal/cli"
	"hullmark/sim"
	"hullmark/sim/plot"
	"hullmark/sim/reads"
)

func newStore(stdout io.Writer) *cobra.Command {
	cmd := &cobra.Command{
		Use: "store", Short: "Simulate a store of metadata, replicated on nodes that come and go",
		Long: `Store simulates metadata files that are each kept by the first 1, 2 and so on nodes in
rendezvous order, on nodes that come and go: without repair, and with repair by which
the nodes copy what a node held that has been away for the grace. It shows how many
objects are available over time, beside the value that probability theory gives for a
store without repair; what becomes of fetches; and what repair costs.

JSON: store (an array of rows; times in milliseconds).` + scenarioExit,
		Args: cli.Args(cobra.NoArgs),
	}
	s := newScenario(cmd, stdout, 2)
	wf := newWorldFlags(cmd, 50)
	c := reads.StoreConfig{Exponent: 1}
	f := cmd.Flags()
	f.IntVar(&c.Objects, "objects", 2000, "number of objects")
	f.IntVar(&c.Size, "size", 22_000, "size of an object in bytes")
	f.DurationVar(&c.On, "on", 12*time.Hour, "how long nodes stay, on average")
	f.DurationVar(&c.Off, "off", 4*time.Hour, "how long nodes stay away, on average")
	f.Float64Var(&c.Wiped, "wiped", 0.01, "share of absences after which a node's disk is empty")
	f.Float64Var(&c.Fetches, "fetches", 0.1, "fetches a second")
	f.DurationVar(&c.Duration, "duration", 10*24*time.Hour, "how long to simulate")
	grace := f.Duration("grace", time.Hour, "how long a node may be away before it is replaced")
	most := f.Int("replicas", 5, "largest number of replicas")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		costs, err := s.load()
		if err != nil {
			return err
		}
		if c.World, err = wf.world(costs); err != nil {
			return err
		}
		if *most < 1 || *most > c.World.Nodes {
			return cli.Usage("--replicas is from 1 to the number of nodes")
		}
		var points []reads.StoreConfig
		for _, g := range []time.Duration{sim.Forever, *grace} {
			for r := range *most {
				p := c
				p.Grace, p.Replicas = g, r+1
				points = append(points, p)
			}
		}
		results, err := sweep(cmd.Context(), s, points, reads.Store)
		if err != nil {
			return err
		}
		return s.show(storeReport(points, results))
	}
	return cmd
}

func storeReport(points []reads.StoreConfig, results [][]reads.StoreResult) *report {
	r := new(report)
	t := r.table("store", "repair_after", "replicas", "unavailable", "analytic", "fetch_failed", "p50_ms", "p99_ms", "asked",
		"copies", "lost", "repairs", "repair_bytes_per_node_and_second")
	var missing []*line
	analytic := plot.Series{Name: "no repair, by theory", Kind: plot.Curve, Muted: true}
	for i, p := range points {
		at := results[i]
		name := "never"
		if p.Grace < sim.Forever {
			name = p.Grace.String()
		}
		if i == 0 || p.Grace != points[i-1].Grace {
			missing = append(missing, newLine(fmt.Sprintf("repair after: %s", name)))
		}
		unavailable := spreadOf(at, func(r reads.StoreResult) float64 { return 1 - r.Available })
		if unavailable.low > 0 { // a logarithm has no zero
			missing[len(missing)-1].add(float64(p.Replicas), unavailable)
		}
		if p.Grace == sim.Forever {
			analytic.X, analytic.Y = append(analytic.X, float64(p.Replicas)), append(analytic.Y, 1-at[0].Analytic)
		}
		of := func(value func(reads.StoreResult) float64) float64 { return median(at, value) }
		t.row(name, p.Replicas, unavailable.median, 1-at[0].Analytic,
			of(func(r reads.StoreResult) float64 { return 1 - r.Fetched.Success() }),
			of(func(r reads.StoreResult) float64 { return ms(r.Fetched.P50) }),
			of(func(r reads.StoreResult) float64 { return ms(r.Fetched.P99) }),
			of(func(r reads.StoreResult) float64 { return r.Fetched.Asked }),
			of(func(r reads.StoreResult) float64 { return r.Copies }),
			of(func(r reads.StoreResult) float64 { return float64(r.Lost) }),
			of(func(r reads.StoreResult) float64 { return float64(r.Repairs) }),
			of(func(r reads.StoreResult) float64 { return r.RepairRate }))
	}
	shown := []plot.Series{analytic}
	for _, l := range missing {
		if len(l.X) > 0 {
			shown = append(shown, l.Series)
		}
	}
	r.charts = []namedChart{{"store-availability", plot.Chart{
		Title: "Objects that cannot be fetched", X: plot.Axis{Label: "replicas"}, Y: plot.Axis{Label: "share of objects", Log: true}, Series: shown,
	}}}
	return r
}
