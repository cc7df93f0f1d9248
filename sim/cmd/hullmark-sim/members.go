package main

import (
	"io"

	"github.com/spf13/cobra"

	"hullmark/internal/cli"
	"hullmark/sim/plot"
	"hullmark/sim/reads"
)

func newMembers(stdout io.Writer) *cobra.Command {
	cmd := &cobra.Command{
		Use: "members", Short: "Count what moves when nodes join and leave",
		Long: `Members places keys before and after nodes join, leave or are replaced, and counts the
keys whose first node changes, beside the least number that has to move; the keys that
move needlessly, between nodes that stay; and the load factor before and after. It is a
calculation with the client's own placement, in which nothing is simulated. A node that
crashes is to clients like one that leaves: see outage.

JSON: members (an array of rows).` + scenarioExit,
		Args: cli.Args(cobra.NoArgs),
	}
	s := newScenario(cmd, stdout, 3)
	keys := cmd.Flags().Int("keys", 20_000, "number of keys")
	sizes := cmd.Flags().IntSlice("nodes", []int{4, 10, 20, 50, 100}, "numbers of nodes")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if _, err := s.load(); err != nil {
			return err
		}
		if len(*sizes) == 0 {
			return cli.Usage("--nodes are missing")
		}
		var points []reads.MembershipConfig
		for _, change := range memberChanges() {
			for _, n := range *sizes {
				points = append(points, reads.MembershipConfig{Keys: *keys, Nodes: n, Joining: change.joining, Leaving: change.leaving})
			}
		}
		results, err := sweep(cmd.Context(), s, points, reads.Membership)
		if err != nil {
			return err
		}
		return s.show(membersReport(points, results))
	}
	return cmd
}

type memberChange struct {
	name             string
	joining, leaving int
}

func memberChanges() []memberChange {
	return []memberChange{{"join", 1, 0}, {"leave", 0, 1}, {"leave 3", 0, 3}, {"replace", 1, 1}}
}

func membersReport(points []reads.MembershipConfig, results [][]reads.MembershipResult) *report {
	r := new(report)
	t := r.table("members", "change", "nodes", "moved", "moved_low", "moved_high", "expected", "ideal", "needless", "load_factor_before", "load_factor_after", "heirs_load_factor")
	var moved []plot.Series
	changes := memberChanges()
	per := len(points) / len(changes)
	for i, p := range points {
		name, at := changes[i/per].name, results[i]
		share := spreadOf(at, func(m reads.MembershipResult) float64 { return m.Moved })
		if i%per == 0 {
			moved = append(moved, plot.Series{Name: name}, plot.Series{Kind: plot.Curve, Muted: true})
		}
		for j, y := range []float64{share.median, at[0].Ideal} {
			l := &moved[2*(i/per)+j]
			l.X, l.Y = append(l.X, float64(p.Nodes)), append(l.Y, y)
		}
		t.row(name, p.Nodes, share.median, share.low, share.high, at[0].Expected, at[0].Ideal,
			median(at, func(m reads.MembershipResult) float64 { return m.Needless }),
			median(at, func(m reads.MembershipResult) float64 { return m.Before.MaxMin }),
			median(at, func(m reads.MembershipResult) float64 { return m.After.MaxMin }),
			median(at, func(m reads.MembershipResult) float64 { return m.Heirs.MaxMin }))
	}
	moved[1].Name = "least possible"
	r.charts = []namedChart{{"members-moved", plot.Chart{
		Title: "Keys that move", X: plot.Axis{Label: "nodes before"}, Y: plot.Axis{Label: "share of keys", Format: plot.Percent}, Series: moved,
	}}}
	return r
}
