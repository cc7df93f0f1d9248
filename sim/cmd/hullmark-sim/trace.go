package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"hullmark/internal/cli"
	"hullmark/sim/plot"
	"hullmark/sim/reads"
	"hullmark/sim/trace"
)

func newTrace(stdout io.Writer) *cobra.Command {
	return cli.Group("trace", "Make traces of pulls and pushes, and replay them", newTraceMake(stdout), newTraceRun(stdout))
}

func newTraceMake(stdout io.Writer) *cobra.Command {
	c := trace.DefaultConfig()
	var seed uint64
	cmd := &cobra.Command{
		Use: "make FILE", Short: "Make a trace of pulls and pushes",
		Long: `Make writes a trace of what a registry sees: people who pull what is popular, by day
more than by night; releases that come in bursts of tags; machines that ask for the
same tag again and again. The format is CSV with the header

  milliseconds,event,reference,client

and is described in docs/evaluation-reads.md.

JSON: none.` + scenarioExit,
		Args: cli.Args(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			events, err := trace.Generate(c, seed)
			if errors.Is(err, trace.ErrConfig) {
				return cli.UsageError(err)
			} else if err != nil {
				return err
			}
			var b bytes.Buffer
			if err := trace.Write(&b, events); err != nil {
				return err
			}
			if err := cli.WriteFile(args[0], b.Bytes(), 0o644); err != nil {
				return fmt.Errorf("couldn't write trace: %w", err)
			}
			if _, err := fmt.Fprintf(stdout, "%d events\n", len(events)); err != nil {
				return fmt.Errorf("couldn't write result: %w", err)
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.Uint64Var(&seed, "seed", 1, "seed of random numbers")
	f.DurationVar(&c.Duration, "duration", c.Duration, "length of the trace")
	f.DurationVar(&c.Start, "start", c.Start, "time of the day at which it begins")
	f.IntVar(&c.Repositories, "repositories", c.Repositories, "number of repositories")
	f.IntVar(&c.Clients, "clients", c.Clients, "number of addresses people pull from")
	f.Float64Var(&c.Exponent, "exponent", c.Exponent, "exponent of Zipf's law for repositories")
	f.Float64Var(&c.Pulls, "pulls", c.Pulls, "pulls of people a second, averaged over a day")
	f.Float64Var(&c.Releases, "releases", c.Releases, "releases a second, averaged over a day")
	f.Float64Var(&c.Swing, "swing", c.Swing, "how much the day differs from the night, from 0 to 1")
	f.Float64Var(&c.Burst, "burst", c.Burst, "tags of a release")
	f.Float64Var(&c.Latest, "latest", c.Latest, "share of people's pulls that ask for latest")
	f.IntVar(&c.Pollers, "pollers", c.Pollers, "machines that poll")
	f.DurationVar(&c.Interval, "interval", c.Interval, "how often they do")
	return cmd
}

func newTraceRun(stdout io.Writer) *cobra.Command {
	cmd := &cobra.Command{
		Use: "run FILE", Short: "Replay a trace of pulls and pushes on a simulated network",
		Long: `Run lets the events of a trace happen on a simulated network: each pull is a look-up,
each push makes the repository larger and changes what its tag means from the block
after the next on. It shows look-ups and pushes over time, and how many pulls came
between a push and the block from which it can be proven. Standard input is -.

JSON: trace (a row for the whole) and trace-time (rows); times in milliseconds.` + scenarioExit,
		Args: cli.Args(cobra.ExactArgs(1)),
	}
	s := newScenario(cmd, stdout, 1)
	wf := newWorldFlags(cmd, 10)
	c := reads.ReplayConfig{}
	cmd.Flags().Float64Var(&c.Speed, "speed", 1, "how many times faster than recorded")
	cmd.Flags().DurationVar(&c.Block, "block", 1500*time.Millisecond, "time between blocks")
	cmd.Flags().DurationVar(&c.Bin, "bin", 0, "width of the rows over time, in the time of the trace; 0 is a fiftieth of it")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		costs, err := s.load()
		if err != nil {
			return err
		}
		if c.World, err = wf.world(costs); err != nil {
			return err
		}
		events, err := readTrace(cmd.InOrStdin(), args[0])
		if err != nil {
			return err
		}
		if c.Bin == 0 && len(events) > 0 {
			c.Bin = max(time.Second, (events[len(events)-1].At / 50).Round(time.Second))
		}
		results, err := sweep(cmd.Context(), s, []reads.ReplayConfig{c}, func(c reads.ReplayConfig, seed uint64) (reads.ReplayResult, error) {
			return reads.Replay(c, events, seed)
		})
		if err != nil {
			return err
		}
		return s.show(traceReport(c, results[0]))
	}
	return cmd
}

func readTrace(stdin io.Reader, file string) ([]trace.Event, error) {
	if file == "-" {
		return trace.Read(stdin)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("couldn't read trace: %w", err)
	}
	defer func() { _ = f.Close() }()
	return trace.Read(f)
}

func traceReport(c reads.ReplayConfig, results []reads.ReplayResult) *report {
	r := new(report)
	of := func(value func(reads.ReplayResult) float64) float64 { return median(results, value) }
	t := r.table("trace", "pulls", "pushes", "early", "success", "p50_ms", "p99_ms", "p999_ms", "asked", "load_factor", "max_over_mean")
	t.row(results[0].LookUps, results[0].Pushes, results[0].Early,
		of(func(r reads.ReplayResult) float64 { return r.Success() }),
		of(func(r reads.ReplayResult) float64 { return ms(r.P50) }), of(func(r reads.ReplayResult) float64 { return ms(r.P99) }),
		of(func(r reads.ReplayResult) float64 { return ms(r.P999) }), of(func(r reads.ReplayResult) float64 { return r.Asked }),
		of(func(r reads.ReplayResult) float64 { return r.Balance.MaxMin }), of(func(r reads.ReplayResult) float64 { return r.Balance.MaxMean }))

	bins := r.table("trace-time", "seconds", "pulls", "pushes", "success", "p50_ms", "p99_ms")
	pulls, pushes := plot.Series{Name: "pulls"}, plot.Series{Name: "pushes"}
	for i, bin := range results[0].Bins {
		width := c.Bin.Seconds()
		at := width * float64(i)
		bins.row(at, bin.LookUps, bin.Pushes, bin.Success(), ms(bin.P50), ms(bin.P99))
		pulls.X, pulls.Y = append(pulls.X, at/3600), append(pulls.Y, float64(bin.LookUps)/width)
		pushes.X, pushes.Y = append(pushes.X, at/3600), append(pushes.Y, float64(bin.Pushes)/width)
	}
	r.charts = []namedChart{{"trace-time", plot.Chart{
		Title: "Pulls and pushes of the trace", X: plot.Axis{Label: "hours"}, Y: plot.Axis{Label: "events a second"}, Series: []plot.Series{pulls, pushes},
	}}}
	return r
}
