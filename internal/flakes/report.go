package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// report tells of a run, for the file of its day.
func report(packages []*pkg, began time.Time, took time.Duration) string {
	var b strings.Builder
	runs, failed := 0, 0
	for _, p := range packages {
		runs += p.runs
		failed += p.failed
	}
	fmt.Fprintf(&b, "# Flakes, %s\n\n", began.UTC().Format("2006-01-02 15:04"))
	fmt.Fprintf(&b, "%d of %d runs of %d packages failed, in %s on %d cores (%s, %s/%s).\n",
		failed, runs, len(packages), took.Round(time.Minute), runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	if short := unfinished(packages); short > 0 {
		fmt.Fprintf(&b, "The time was up before %d packages had had all their runs.\n", short)
	}
	b.WriteString("\n| package | runs | failed | longest | tests that failed, and how often |\n|---|---|---|---|---|\n")
	for _, p := range packages {
		var tests []string
		for _, name := range slices.Sorted(maps.Keys(p.tests)) {
			tests = append(tests, fmt.Sprintf("%s %d", name, p.tests[name]))
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %s | %s |\n", p.name, p.runs, p.failed, p.longest.Round(100*time.Millisecond), strings.Join(tests, ", "))
	}
	return b.String()
}

// record appends the report of a run to the file of its day, so that the packages can be
// spread over several runs.
func record(dir, text string, began time.Time) error {
	f, err := os.OpenFile(filepath.Join(dir, began.UTC().Format(time.DateOnly)+".md"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("couldn't open counts: %w", err)
	}
	info, err := f.Stat()
	if err == nil && info.Size() > 0 {
		text = "\n" + text
	}
	if err == nil {
		_, err = f.WriteString(text)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("couldn't write counts: %w", err)
	}
	return nil
}

// unfinished returns how many packages have run less often than they should.
func unfinished(packages []*pkg) int {
	n := 0
	for _, p := range packages {
		if p.runs < p.wanted() {
			n++
		}
	}
	return n
}
