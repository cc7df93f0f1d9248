package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"hullmark/internal/cli"
	"hullmark/sim/paper"
)

// maxPaperSeeds bounds the seeds of one run to about an hour.
const maxPaperSeeds = 1000

// errBarMissed is an evaluation that ran and was not good enough.
var errBarMissed = errors.New("load factors are above what they may be")

func newPaper(stdout, stderr io.Writer) *cobra.Command {
	setting := paper.TableOne()
	var dir string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "paper --output DIR",
		Short: "Repeat the paper's evaluation of how images spread over servers",
		Long: `Paper repeats figures 2, 3 and 4 of "Decentralized Content Trust for Docker Images"
on the grid of its table 1 (100,000 to 1,000,000 images, 10 to 100 servers, keys of
384 bits) with the placement that clients use, and compares other placements on the
same keys of the first seven seeds. The load factor is the largest load of a server divided by the smallest.

It writes into the directory: figure2, figure3, figure4 and comparison as .csv, .svg
and .png, and grid.csv with every cell. The same seeds give the same files. The 31
seeds of the default take about a minute on two cores.

Load factors are held against bars: for rendezvous placement what even chance
reaches, in the median of the seeds, and for bounded placement 1.01, in every cell of
every seed. With few seeds chance alone may miss one of the first.

JSON: seeds, seed, figure2 and figure4 [{images, servers, rendezvous, bounded,
paper}], comparison [{placement, images, servers, factor, departed, moved}], bars
[{placement, images, servers, most, always, got, met}]. Spreads over the seeds are
{min, lower_quartile, median, upper_quartile, max}; an infinite number is null, and
so is what the paper does not state.

Exit status: 0 done and all bars met, 1 a bar was missed or other error, 2 usage,
130 interrupted.`,
		Example: "  hullmark-sim paper --output results\n  hullmark-sim paper --output results --seeds 101 --seed 1000",
		Args:    cli.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" {
				return cli.Usage("name the directory to write to with --output")
			}
			if setting.Trials < 1 || setting.Trials > maxPaperSeeds {
				return cli.Usage("%d seeds; use 1 to %d", setting.Trials, maxPaperSeeds)
			}
			// Better now than after minutes.
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return fmt.Errorf("couldn't make directory: %w", err)
			}
			done := paperProgress(stderr, setting.Trials)
			trials, err := paper.Run(cmd.Context(), setting, done.step)
			done.end()
			if err != nil {
				return err
			}
			a := newPaperAnswer(paper.Summarise(setting, trials))
			if err := a.write(dir); err != nil {
				return err
			}
			if err := a.print(stdout, asJSON); err != nil {
				return err
			}
			return a.judge()
		},
	}
	f := cmd.Flags()
	f.StringVarP(&dir, "output", "o", "", "directory for tables and plots, made if it is not there")
	f.BoolVar(&asJSON, "json", false, "print JSON instead of tables")
	f.IntVar(&setting.Trials, "seeds", setting.Trials, "how many seeds to try")
	f.Uint64Var(&setting.Seed, "seed", setting.Seed, "the first seed")
	return cmd
}

// paperAnswer is what the command prints.
type paperAnswer struct {
	Seeds      int                `json:"seeds"`
	Seed       uint64             `json:"seed"`
	Figure2    []paper.Point      `json:"figure2"`
	Figure4    []paper.Point      `json:"figure4"`
	Comparison []paper.Comparison `json:"comparison"`
	Bars       []paper.Verdict    `json:"bars"`

	summary paper.Summary
}

func newPaperAnswer(s paper.Summary) *paperAnswer {
	return &paperAnswer{
		Seeds: s.Setting.Trials, Seed: s.Setting.Seed,
		Figure2: s.Figure2(), Figure4: s.Figure4(), Comparison: s.Comparison(),
		Bars: s.Check(s.Setting.Bars()), summary: s,
	}
}

// write writes the files of the evaluation.
func (a *paperAnswer) write(dir string) error {
	files, err := a.summary.CSV()
	if err != nil {
		return err
	}
	for name, chart := range a.summary.Charts() {
		if files[name+".svg"], err = chart.SVG(); err != nil {
			return err
		}
		if files[name+".png"], err = chart.PNG(); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := cli.WriteFile(filepath.Join(dir, name), files[name], 0o644); err != nil {
			return fmt.Errorf("couldn't write %s: %w", name, err)
		}
	}
	return nil
}

// print writes the answer in the form the user chose.
func (a *paperAnswer) print(stdout io.Writer, asJSON bool) error {
	var err error
	if asJSON {
		err = json.NewEncoder(stdout).Encode(a)
	} else {
		_, err = io.WriteString(stdout, a.text())
	}
	if err != nil {
		return fmt.Errorf("couldn't write answer: %w", err)
	}
	return nil
}

// judge is the error of missed bars.
func (a *paperAnswer) judge() error {
	missed := slices.DeleteFunc(slices.Clone(a.Bars), func(v paper.Verdict) bool { return v.Met })
	if len(missed) == 0 {
		return nil
	}
	m := missed[0]
	return fmt.Errorf("%w: %d of %d bars missed, first %s with %d images on %d servers: %s, at most %s",
		errBarMissed, len(missed), len(a.Bars), m.Placement, m.Images, m.Servers, m.Got, m.Most)
}
