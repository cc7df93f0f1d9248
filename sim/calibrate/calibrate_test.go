package calibrate

import (
	"flag"
	"os"
	"testing"
)

var (
	wanted      = flag.Bool("calibrate", false, "measure the real code")
	checkWanted = flag.Bool("check", false, "compare a real network of four validators with a simulated one, too")
	costsFile   = flag.String("costs", "", "file to write costs to, which hullmark-sim takes by --costs")
	reportFile  = flag.String("report", "", "file to write everything that was measured to, as JSON")
)

// TestCalibrate measures the real code on this machine and prints what it took. How far
// the simulation is off decides nothing. The nightly run measures too, so that it works
// when it is needed.
func TestCalibrate(t *testing.T) {
	if !*wanted && os.Getenv("HULLMARK_LONG") == "" {
		t.Skip("wants the machine for itself for a minute: make calibrate")
	}
	r := measure(t)
	costs, err := r.costs.Encode()
	if err != nil {
		t.Fatal(err)
	}
	save(t, *costsFile, costs)
	out := report{Machine: r.costs.Machine, Measurements: r.measurements}
	if *checkWanted {
		out.Checks = check(t, r.costs)
	}
	b, err := out.encode()
	if err != nil {
		t.Fatal(err)
	}
	save(t, *reportFile, b)
	out.print(os.Stdout)
}

// save writes a file, if one is named.
func save(t *testing.T, name string, content []byte) {
	t.Helper()
	if name == "" {
		return
	}
	if err := os.WriteFile(name, content, 0o644); err != nil {
		t.Fatal(err)
	}
}
