package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestFailedTests(t *testing.T) {
	for name, tc := range map[string]struct {
		out  string
		want []string
	}{
		"nothing said":     {"", []string{wholeRun}},
		"panic":            {"panic: defect\n\ngoroutine 1\n", []string{wholeRun}},
		"one":              {"--- FAIL: TestA (0.00s)\n    a_test.go:1: x\nFAIL\n", []string{"TestA"}},
		"subtest":          {"--- FAIL: TestA (0.00s)\n    --- FAIL: TestA/x (0.00s)\nFAIL\n", []string{"TestA"}},
		"two":              {"--- FAIL: TestA (0.00s)\n--- FAIL: TestB (1.00s)\nFAIL\n", []string{"TestA", "TestB"}},
		"a log that lies":  {"x --- FAIL: TestA\nFAIL\n", []string{wholeRun}},
		"panic and a test": {"--- FAIL: TestA (0.00s)\npanic: defect\n", []string{"TestA"}},
	} {
		if got := failedTests(tc.out); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

func TestWanted(t *testing.T) {
	for _, tc := range []struct {
		p    pkg
		want int
	}{
		{pkg{}, fastRuns},
		{pkg{runs: 1, first: time.Second}, fastRuns},
		{pkg{runs: 1, first: slowAfter - 1}, fastRuns},
		{pkg{runs: 1, first: slowAfter}, slowRuns},
		{pkg{runs: 3, first: time.Hour}, slowRuns},
	} {
		if got := tc.p.wanted(); got != tc.want {
			t.Errorf("%d runs, the first in %s: %d, want %d", tc.p.runs, tc.p.first, got, tc.want)
		}
	}
}

// program writes a script that stands for a test binary.
func program(t *testing.T, script string) *pkg {
	t.Helper()
	dir := t.TempDir()
	binary := filepath.Join(dir, "x.test")
	if err := os.WriteFile(binary, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return &pkg{name: "hullmark/x", dir: dir, binary: binary, tests: make(map[string]int)}
}

// TestRounds runs a package that fails every other time, one that always passes, and
// counts.
func TestRounds(t *testing.T) {
	flaky := program(t, `if [ -e ran ]; then rm ran; echo "--- FAIL: TestOdd (0.00s)"; exit 1; fi; touch ran`)
	sound, alone := program(t, "exit 0"), program(t, "exit 0")
	alone.alone = true
	r := &runner{deadline: time.Now().Add(time.Hour), logs: t.TempDir(), workers: 2, packages: []*pkg{flaky, sound, alone}}
	if err := r.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, p := range r.packages {
		if p.runs != fastRuns {
			t.Errorf("%d runs, want %d", p.runs, fastRuns)
		}
	}
	if flaky.failed != fastRuns/2 || flaky.tests["TestOdd"] != fastRuns/2 || sound.failed+alone.failed != 0 {
		t.Errorf("failed %d, %v; %d; %d", flaky.failed, flaky.tests, sound.failed, alone.failed)
	}
	if logs, err := filepath.Glob(filepath.Join(r.logs, "*.log")); err != nil || len(logs) != fastRuns/2 {
		t.Errorf("%d logs of failures, %v", len(logs), err)
	}
	text := report(r.packages, time.Date(2027, 1, 11, 10, 0, 0, 0, time.UTC), time.Hour)
	for _, want := range []string{"# Flakes, 2027-01-11 10:00\n", "10 of 60 runs of 3 packages failed, in 1h0m0s", "| TestOdd 10 |"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "time was up") {
		t.Errorf("nothing was cut short:\n%s", text)
	}
}

// TestBuild: the packages with tests of all modules are found and built.
func TestBuild(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod": "module outer\n", "a/a_test.go": "package a\n", "none/none.go": "package none\n",
		"nested/go.mod": "module outer/nested\n", "nested/b/b_test.go": "package b\n",
	} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	r := &runner{logs: t.TempDir(), modules: []string{dir, filepath.Join(dir, "nested")}}
	if err := r.build(t.Context()); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range r.packages {
		names = append(names, p.name)
		if _, err := os.Stat(p.binary); err != nil {
			t.Error(err)
		}
	}
	if want := []string{"outer/a", "outer/nested/b"}; !slices.Equal(names, want) {
		t.Errorf("packages %q, want %q", names, want)
	}
}

// TestOverBudget: when the time is up nothing begins, and the file says so.
func TestOverBudget(t *testing.T) {
	p := program(t, "exit 1")
	r := &runner{deadline: time.Now(), logs: t.TempDir(), workers: 1, packages: []*pkg{p}}
	if err := r.run(t.Context()); err != nil || p.runs != 0 {
		t.Errorf("%d runs, %v", p.runs, err)
	}
	if text := report(r.packages, time.Now(), 0); !strings.Contains(text, "The time was up before 1 packages") {
		t.Errorf("%s", text)
	}
	broken := &pkg{name: "hullmark/x", binary: filepath.Join(t.TempDir(), "none")}
	r = &runner{deadline: time.Now().Add(time.Hour), logs: t.TempDir(), workers: 1, packages: []*pkg{broken}}
	if err := r.run(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a binary that is missing: %v", err)
	}
}
