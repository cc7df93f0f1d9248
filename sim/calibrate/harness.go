package calibrate

import (
	"errors"
	"fmt"
	"os"
	"testing"
)

// harness stands in for a test where fixtures are used outside of one: what would
// fail the test ends the function that [inHarness] runs.
type harness struct {
	testing.TB // for its unexported method
	cleanups   []func()
}

// failure is what a fixture reports.
type failure struct{ error }

// inHarness runs do with fixtures and returns what they reported. What do has to
// clean up is cleaned up in either case.
func inHarness(do func(tb testing.TB) error) (err error) {
	h := new(harness)
	defer func() {
		for i := len(h.cleanups) - 1; i >= 0; i-- {
			h.cleanups[i]()
		}
	}()
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		f, ok := p.(failure)
		if !ok {
			panic(p)
		}
		err = f.error
	}()
	return do(h)
}

// Helper implements testing.TB.
func (h *harness) Helper() {}

// Name implements testing.TB.
func (h *harness) Name() string { return "calibrate" }

// Cleanup implements testing.TB.
func (h *harness) Cleanup(f func()) { h.cleanups = append(h.cleanups, f) }

// Fatal implements testing.TB.
func (h *harness) Fatal(args ...any) { panic(failure{errors.New(fmt.Sprint(args...))}) }

// Fatalf implements testing.TB.
func (h *harness) Fatalf(format string, args ...any) { panic(failure{fmt.Errorf(format, args...)}) }

// TempDir implements testing.TB.
func (h *harness) TempDir() string {
	dir, err := os.MkdirTemp("", "hullmark-calibrate-")
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
