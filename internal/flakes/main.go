// Flakes runs the tests over and over and counts how often each fails: a test that
// fails once in a hundred runs is a fault, of the test or of the program. Its arguments
// are the folders of the modules to test. "make flakes" runs it; docs/flakes says what
// came of it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"time"

	"hullmark/internal/cli"
)

// How often the tests of a package run. One that takes longer than slowAfter is slow.
const (
	fastRuns  = 20
	slowRuns  = 5
	slowAfter = 30 * time.Second
)

func main() {
	cli.Main(func(ctx context.Context, args []string) int {
		failures, err := command(ctx, args)
		switch {
		case errors.Is(err, flag.ErrHelp):
			return cli.ExitOK
		case err != nil:
			fmt.Fprintf(os.Stderr, "flakes: error: %v\n", err)
			return cli.ExitError
		case failures > 0:
			return cli.ExitError
		}
		return cli.ExitOK
	})
}

// command runs everything and writes what it counted.
func command(ctx context.Context, args []string) (failures int, err error) {
	flags := flag.NewFlagSet("flakes", flag.ContinueOnError)
	budget := flags.Duration("budget", 4*time.Hour, "time after which no run begins")
	serial := flags.String("serial", "", "packages that run alone, as a regular expression")
	only := flags.String("only", "", "packages to run, as a regular expression")
	logs := flags.String("logs", "bin/flakes", "directory for test binaries and the output of failures")
	out := flags.String("out", "docs/flakes", "directory for the counts, a file per day to which each run appends")
	if err := flags.Parse(args); err != nil {
		return 0, err
	}
	r := &runner{deadline: time.Now().Add(*budget), logs: *logs, workers: runtime.GOMAXPROCS(0), modules: flags.Args()}
	if len(r.modules) == 0 {
		r.modules = []string{"."}
	}
	for _, o := range []struct {
		text string
		to   **regexp.Regexp
	}{{*serial, &r.serial}, {*only, &r.only}} {
		if o.text == "" {
			continue
		}
		if *o.to, err = regexp.Compile(o.text); err != nil {
			return 0, err
		}
	}
	if err := r.build(ctx); err != nil {
		return 0, err
	}
	began := time.Now()
	if err := r.run(ctx); err != nil {
		return 0, err
	}
	text := report(r.packages, began, time.Since(began))
	fmt.Print(text)
	if err := record(*out, text, began); err != nil {
		return 0, err
	}
	for _, p := range r.packages {
		failures += p.failed
	}
	return failures, nil
}
