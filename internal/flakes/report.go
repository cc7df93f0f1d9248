package main

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"
)

// report is the file of a day.
func report(packages []*pkg, began time.Time, took time.Duration) string {
	var b strings.Builder
	runs, failed := 0, 0
	for _, p := range packages {
		runs += p.runs
		failed += p.failed
	}
	fmt.Fprintf(&b, "# Flakes, %s\n\n", began.UTC().Format(time.DateOnly))
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
