// Command compare measures what a look-up and a start of hullmark cost at two commits:
//
//	go run ./tests/bench/compare [-rounds N] BEFORE AFTER
//
// It builds both in worktrees of their own, with today's BenchmarkClientLookup, and runs
// them by turns, so that what else the machine does falls on both alike. It prints the
// medians of user CPU time: on a busy machine that is what repeats. The commits must be
// ones that the benchmark compiles with.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// benchmarks are the files that are taken along to both commits.
var benchmarks = []string{"tests/bench/lookup_test.go"}

// starts is how often hullmark version is run, for each commit.
const starts = 100

func main() {
	rounds := flag.Int("rounds", 15, "how often the benchmark is run, for each commit")
	times := flag.Int("times", 200, "how many look-ups a round has")
	flag.Parse()
	if flag.NArg() != 2 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(flag.Args(), *rounds, *times); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

// side is one of the two commits.
type side struct {
	bench, hullmark string // programs
	dir             string
	measured        map[string][]float64 // by what was measured
}

func run(commits []string, rounds, times int) (err error) {
	dir, err := os.MkdirTemp("", "compare-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	sides := make([]*side, len(commits))
	for i, commit := range commits {
		if sides[i], err = build(filepath.Join(dir, strconv.Itoa(i)), commit); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, git("worktree", "remove", "--force", sides[i].dir)) }()
	}
	for range rounds {
		for _, s := range sides {
			if err := s.lookUps(times); err != nil {
				return err
			}
		}
	}
	for range starts {
		for _, s := range sides {
			if err := s.start(); err != nil {
				return err
			}
		}
	}
	return report(sides)
}

func git(args ...string) error {
	if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("git %v: %w\n%s", args, err, out)
	}
	return nil
}

// build makes the programs of a commit.
func build(dir, commit string) (*side, error) {
	if err := git("worktree", "add", "--detach", dir, commit); err != nil {
		return nil, err
	}
	for _, name := range benchmarks {
		content, err := os.ReadFile(name)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), content, 0o600)
		}
		if err != nil {
			return nil, err
		}
	}
	s := &side{dir: dir, bench: filepath.Join(dir, "bench.test"), hullmark: filepath.Join(dir, "hullmark.out"), measured: make(map[string][]float64)}
	flags, err := linkFlags(dir)
	if err != nil {
		return nil, err
	}
	for _, args := range [][]string{{"test", "-c", "-o", s.bench, "./tests/bench"}, {"build", "-trimpath", "-ldflags", flags, "-o", s.hullmark, "./cmd/hullmark"}} {
		cmd := exec.Command("go", args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("go %v: %w\n%s", args, err, out)
		}
	}
	info, err := os.Stat(s.hullmark)
	if err != nil {
		return nil, err
	}
	s.add("hullmark, bytes", float64(info.Size()))
	return s, nil
}

var makeFlags = regexp.MustCompile(`(?m)^BUILD_FLAGS := -ldflags '([^']*)'$`)

// linkFlags returns what make build gives the linker.
func linkFlags(dir string) (string, error) {
	makefile, err := os.ReadFile(filepath.Join(dir, "Makefile"))
	if err != nil {
		return "", err
	}
	m := makeFlags.FindSubmatch(makefile)
	if m == nil {
		return "", errors.New("no BUILD_FLAGS in the Makefile")
	}
	return strings.ReplaceAll(string(m[1]), "$(VERSION)", "compare"), nil
}

func (s *side) add(what string, value float64) { s.measured[what] = append(s.measured[what], value) }

var result = regexp.MustCompile(`(?m)^BenchmarkClientLookup/validators=(\d+)\S*\s.*\s([0-9.]+) user-µs/op`)

// lookUps runs the benchmark once.
func (s *side) lookUps(times int) error {
	cmd := exec.Command(s.bench, "-test.run", "^$", "-test.bench", "^BenchmarkClientLookup$", "-test.benchtime", fmt.Sprintf("%dx", times))
	cmd.Dir = filepath.Join(s.dir, "tests", "bench")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	found := result.FindAllSubmatch(out, -1)
	if len(found) == 0 {
		return fmt.Errorf("no results in %s", out)
	}
	for _, m := range found {
		value, err := strconv.ParseFloat(string(m[2]), 64)
		if err != nil {
			return err
		}
		s.add("look-up at "+string(m[1])+" validators, user µs", value)
	}
	return nil
}

// start runs hullmark version once.
func (s *side) start() error {
	cmd := exec.Command(s.hullmark, "version")
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return err
	}
	s.add("hullmark version, µs", float64(time.Since(began).Microseconds()))
	s.add("hullmark version, CPU µs", float64((cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Microseconds()))
	return nil
}

// report prints the medians, with the lowest and highest in brackets.
func report(sides []*side) error {
	var names []string
	for name := range sides[0].measured {
		names = append(names, name)
	}
	slices.Sort(names)
	fmt.Println("| | before | after | after / before |\n|---|---|---|---|")
	for _, name := range names {
		var text []string
		var medians []float64
		for _, s := range sides {
			values := slices.Sorted(slices.Values(s.measured[name]))
			if len(values) == 0 {
				return fmt.Errorf("%s was measured at one commit only", name)
			}
			median := values[len(values)/2]
			medians = append(medians, median)
			text = append(text, fmt.Sprintf("%.0f (%.0f to %.0f)", median, values[0], values[len(values)-1]))
		}
		fmt.Printf("| %s | %s | %s | %.2f |\n", name, text[0], text[1], medians[1]/medians[0])
	}
	return nil
}
