package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

// patience is how long one run of a package's tests may take, as in "make test".
const patience = 20 * time.Minute

// pkg is a package with tests.
type pkg struct {
	name, dir, binary string
	alone             bool // runs beside no other

	runs, failed int
	longest      time.Duration
	first        time.Duration
	tests        map[string]int // how often each test failed
}

// wanted returns how often the package is to run, by how long the first run took.
func (p *pkg) wanted() int {
	if p.runs > 0 && p.first >= slowAfter {
		return slowRuns
	}
	return fastRuns
}

// runner runs packages in rounds until each has had its runs or the time is up.
type runner struct {
	deadline     time.Time
	logs         string
	serial, only *regexp.Regexp
	workers      int
	modules      []string // their folders
	packages     []*pkg
}

// build finds the packages with tests and builds them once.
func (r *runner) build(ctx context.Context) error {
	logs, err := filepath.Abs(r.logs)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return err
	}
	r.logs = logs
	for _, module := range r.modules {
		if err := r.buildModule(ctx, module); err != nil {
			return err
		}
	}
	return nil
}

// buildModule is build for one module.
func (r *runner) buildModule(ctx context.Context, module string) error {
	out, err := exec.CommandContext(ctx, "go", "list", "-C", module, "-f", `{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}} {{.Dir}}{{end}}`, "./...").Output()
	if err != nil {
		return fmt.Errorf("couldn't list packages of module %s: %w", module, err)
	}
	for line := range strings.Lines(string(out)) {
		name, dir, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name == "" || r.only != nil && !r.only.MatchString(name) {
			continue
		}
		p := &pkg{
			name: name, dir: dir, binary: filepath.Join(r.logs, strings.ReplaceAll(name, "/", "_")+".test"),
			alone: r.serial != nil && r.serial.MatchString(name), tests: make(map[string]int),
		}
		if out, err := exec.CommandContext(ctx, "go", "test", "-C", module, "-c", "-o", p.binary, name).CombinedOutput(); err != nil {
			return fmt.Errorf("couldn't build tests of %s: %w\n%s", name, err, out)
		}
		r.packages = append(r.packages, p)
	}
	return nil
}

// run runs the packages in rounds, so that when the time is up all have had about
// their share. Those of one round that may run beside others do so, as in "make test":
// a machine with nothing else to do hides what depends on time.
func (r *runner) run(ctx context.Context) error {
	for round := range fastRuns {
		var beside, alone []*pkg
		for _, p := range r.packages {
			switch {
			case round >= p.wanted():
			case p.alone:
				alone = append(alone, p)
			default:
				beside = append(beside, p)
			}
		}
		if err := r.round(ctx, r.workers, beside); err != nil {
			return err
		}
		if err := r.round(ctx, 1, alone); err != nil {
			return err
		}
	}
	return nil
}

// round runs packages once each, so many at a time.
func (r *runner) round(ctx context.Context, workers int, packages []*pkg) error {
	next := make(chan *pkg)
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			for p := range next {
				if errs[i] == nil && time.Now().Before(r.deadline) {
					errs[i] = r.once(ctx, p)
				}
			}
		})
	}
	for _, p := range packages {
		next <- p
	}
	close(next)
	wg.Wait()
	return errors.Join(errs...)
}

// once runs the tests of a package. An error is one of this program.
func (r *runner) once(ctx context.Context, p *pkg) error {
	cmd := exec.CommandContext(ctx, p.binary, "-test.paniconexit0", "-test.timeout="+patience.String())
	cmd.Dir = p.dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	began := time.Now()
	err := cmd.Run()
	took := time.Since(began)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if p.runs == 0 {
		p.first = took
	}
	p.runs++
	p.longest = max(p.longest, took)
	if err == nil {
		return nil
	}
	if exit := new(exec.ExitError); !errors.As(err, &exit) {
		return fmt.Errorf("couldn't run tests of %s: %w", p.name, err)
	}
	p.failed++
	names := failedTests(out.String())
	for _, name := range names {
		p.tests[name]++
	}
	file := filepath.Join(r.logs, fmt.Sprintf("%s-%d.log", strings.ReplaceAll(p.name, "/", "_"), p.runs))
	fmt.Fprintf(os.Stderr, "flakes: run %d of %s failed: %s; see %s\n", p.runs, p.name, strings.Join(names, ", "), file)
	return os.WriteFile(file, out.Bytes(), 0o644)
}

// wholeRun stands for a failure of no single test, such as a panic.
const wholeRun = "(the run itself)"

// failedTests returns the tests that a run's output says have failed.
func failedTests(out string) []string {
	var names []string
	for line := range strings.Lines(out) {
		if rest, ok := strings.CutPrefix(line, "--- FAIL: "); ok {
			name, _, _ := strings.Cut(rest, " ")
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return []string{wholeRun}
	}
	return names
}
