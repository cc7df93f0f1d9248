package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"hullmark/internal/cli"
	"hullmark/sim/plot"
	"hullmark/sim/reads"
)

func newFlash(stdout io.Writer) *cobra.Command {
	cmd := &cobra.Command{
		Use: "flash", Short: "Simulate a crowd that asks for one image",
		Long: `Flash simulates a steady load on which a crowd comes that asks for one image nobody
asked for before, so that all of it begins at one node, and shows what the nodes see,
how long look-ups take before, during and after, and how soon all is as before. The
strategies are those of reads, and failover: the real client without hedging.

JSON: flash (phases) and flash-seconds (of the real client, first seed); times in
milliseconds, -1 for what did not happen while watched.` + scenarioExit,
		Args: cli.Args(cobra.NoArgs),
	}
	s := newScenario(cmd, stdout, 3)
	wf := newWorldFlags(cmd, 10)
	c := reads.FlashConfig{Demand: reads.Demand{Exponent: 1}}
	cmd.Flags().IntVar(&c.Demand.Names, "names", 10_000, "number of references beside the one")
	cmd.Flags().Float64Var(&c.Demand.Utilisation, "utilisation", 0.2, "steady look-ups over what all nodes can answer")
	cmd.Flags().Float64Var(&c.Crowd, "crowd", 5, "look-ups of the crowd over what one node can answer")
	cmd.Flags().DurationVar(&c.Before, "before", 4*time.Second, "how long before the crowd comes")
	cmd.Flags().DurationVar(&c.During, "during", 6*time.Second, "how long the crowd stays")
	cmd.Flags().DurationVar(&c.After, "after", 8*time.Second, "how long to watch afterwards")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		costs, err := s.load()
		if err != nil {
			return err
		}
		if c.World, err = wf.world(costs); err != nil {
			return err
		}
		var points []reads.FlashConfig
		for _, strategy := range []reads.Strategy{reads.Client, reads.Failover, reads.FirstOnly, reads.Shuffled} {
			p := c
			p.Demand.Strategy = strategy
			points = append(points, p)
		}
		results, err := sweep(cmd.Context(), s, points, reads.Flash)
		if err != nil {
			return err
		}
		return s.show(flashReport(points, results))
	}
	return cmd
}

func flashReport(points []reads.FlashConfig, results [][]reads.FlashResult) *report {
	r := new(report)
	phases := r.table("flash", "strategy", "phase", "look_ups", "success", "p50_ms", "p99_ms", "p999_ms", "asked", "first_won", "recovery_ms")
	for i, p := range points {
		recovery := median(results[i], func(f reads.FlashResult) float64 { return ms(f.Recovery) })
		for _, phase := range []struct {
			name string
			of   func(reads.FlashResult) reads.Tally
		}{
			{"before", func(f reads.FlashResult) reads.Tally { return f.Before }},
			{"during", func(f reads.FlashResult) reads.Tally { return f.During }},
			{"crowd", func(f reads.FlashResult) reads.Tally { return f.Crowd }},
			{"after", func(f reads.FlashResult) reads.Tally { return f.After }},
		} {
			of := func(value func(reads.Tally) float64) float64 {
				return median(results[i], func(f reads.FlashResult) float64 { return value(phase.of(f)) })
			}
			phases.row(p.Demand.Strategy.String(), phase.name,
				of(func(t reads.Tally) float64 { return float64(t.LookUps) }), of(reads.Tally.Success),
				of(func(t reads.Tally) float64 { return ms(t.P50) }), of(func(t reads.Tally) float64 { return ms(t.P99) }),
				of(func(t reads.Tally) float64 { return ms(t.P999) }), of(func(t reads.Tally) float64 { return t.Asked }),
				of(func(t reads.Tally) float64 { return t.FirstWon }), recovery)
		}
	}

	first := results[0][0] // the real client, first seed
	nodes := len(first.Seconds[0].Asked)
	columns := []string{"second", "look_ups", "success", "p50_ms", "p99_ms"}
	for place := range nodes {
		columns = append(columns, fmt.Sprintf("asked_%d", place+1))
	}
	seconds := r.table("flash-seconds", columns...)
	shown := []int{0, 1, 2, 4, nodes - 1}
	places := make([]plot.Series, 0, len(shown))
	for i, place := range shown {
		if place < nodes && (i == 0 || place > shown[i-1]) {
			places = append(places, plot.Series{Name: fmt.Sprintf("node %d in the order", place+1)})
		} else {
			shown = shown[:i]
			break
		}
	}
	for i, second := range first.Seconds {
		row := []any{i, second.LookUps, second.Success(), ms(second.P50), ms(second.P99)}
		for _, asked := range second.Asked {
			row = append(row, asked)
		}
		seconds.row(row...)
		for j, place := range shown {
			places[j].X, places[j].Y = append(places[j].X, float64(i)), append(places[j].Y, float64(second.Asked[place]))
		}
	}
	lines := make([]plot.Series, 0, len(points))
	for i, p := range points {
		l := plot.Series{Name: p.Demand.Strategy.String()}
		for j, second := range results[i][0].Seconds {
			l.X, l.Y = append(l.X, float64(j)), append(l.Y, ms(second.P99))
		}
		lines = append(lines, l)
	}
	x := plot.Axis{Label: "seconds"}
	r.charts = []namedChart{
		{"flash-requests", plot.Chart{Title: "Requests at nodes, in the order of the crowd's image", X: x, Y: plot.Axis{Label: "requests a second"}, Series: places}},
		{"flash-latency", plot.Chart{Title: "99th percentile of all look-ups that succeeded", X: x, Y: plot.Axis{Label: "milliseconds"}, Series: lines}},
	}
	return r
}
