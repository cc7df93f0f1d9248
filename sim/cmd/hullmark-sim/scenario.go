package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/spf13/cobra"

	"hullmark/internal/cli"
	"hullmark/sim"
	"hullmark/sim/reads"
)

// scenario is what the commands that simulate have in common.
type scenario struct {
	dir   string
	json  bool
	seed  uint64
	seeds int
	costs string

	stdout io.Writer
}

// newScenario returns a scenario whose flags belong to a command.
func newScenario(cmd *cobra.Command, stdout io.Writer, seeds int) *scenario {
	s := &scenario{stdout: stdout}
	f := cmd.Flags()
	f.StringVarP(&s.dir, "output", "o", "", "directory for CSV files and plots; none are written without it")
	f.BoolVar(&s.json, "json", false, "print JSON instead of a table")
	f.Uint64Var(&s.seed, "seed", 1, "first seed of random numbers")
	f.IntVar(&s.seeds, "seeds", seeds, "how many seeds to try, one after the other; medians are shown")
	f.StringVar(&s.costs, "costs", "", "file with measured costs (make calibrate) instead of those that come with the program")
	return s
}

const (
	maxSeeds     = 1000
	scenarioExit = `

Exit status: 0 done, 1 error, 2 usage, 130 interrupted.`
)

// load returns the costs to calculate with.
func (s *scenario) load() (sim.Costs, error) {
	if s.seeds < 1 || s.seeds > maxSeeds {
		return sim.Costs{}, cli.Usage("--seeds is from 1 to %d", maxSeeds)
	}
	if s.costs == "" {
		return sim.DefaultCosts()
	}
	f, err := os.Open(s.costs)
	if err != nil {
		return sim.Costs{}, fmt.Errorf("couldn't read costs: %w", err)
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, sim.MaxCostsSize+1))
	if err != nil {
		return sim.Costs{}, fmt.Errorf("couldn't read costs: %w", err)
	}
	return sim.DecodeCosts(b)
}

// sweep runs one function for all points and seeds, as many at a time as there are
// processors, and returns the results by point and seed. A configuration that makes
// no sense is the user's mistake.
func sweep[P, R any](ctx context.Context, s *scenario, points []P, run func(p P, seed uint64) (R, error)) ([][]R, error) {
	results := make([][]R, len(points))
	for i := range results {
		results[i] = make([]R, s.seeds)
	}
	jobs := len(points) * s.seeds
	failures := make([]error, jobs)
	var next atomic.Int64
	var failed atomic.Bool
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), jobs) {
		workers.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= jobs || failed.Load() || ctx.Err() != nil {
					return
				}
				point, seed := i/s.seeds, i%s.seeds
				results[point][seed], failures[i] = run(points[point], s.seed+uint64(seed))
				if failures[i] != nil {
					failed.Store(true)
				}
			}
		})
	}
	workers.Wait()
	for _, err := range failures {
		if errors.Is(err, reads.ErrConfig) {
			return nil, cli.UsageError(err)
		} else if err != nil {
			return nil, err
		}
	}
	return results, ctx.Err()
}

// worldFlags are the flags that say what nodes and clients are like.
type worldFlags struct {
	nodes, cores, tags, validators int
	regions                        string
}

func newWorldFlags(cmd *cobra.Command, nodes int) *worldFlags {
	w := new(worldFlags)
	f := cmd.Flags()
	f.IntVar(&w.nodes, "nodes", nodes, "number of nodes")
	f.IntVar(&w.cores, "cores", 2, "cores of each node")
	f.IntVar(&w.tags, "tags", 100, "tags of each repository: decides what look-ups cost")
	f.IntVar(&w.validators, "validators", 4, "validators of the network: decides what look-ups cost")
	f.StringVar(&w.regions, "regions", "near", "where nodes and clients are: near each other, or global, in ten regions")
	return w
}

func (f *worldFlags) world(costs sim.Costs) (reads.World, error) {
	w := reads.DefaultWorld(costs)
	w.Nodes, w.Cores, w.Tags, w.Validators = f.nodes, f.cores, f.tags, f.validators
	switch f.regions {
	case "near":
	case "global":
		w = w.Global()
	default:
		return w, cli.Usage("--regions is near or global")
	}
	if err := w.Validate(); err != nil {
		return w, cli.UsageError(err)
	}
	return w, nil
}
