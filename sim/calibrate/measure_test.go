package calibrate

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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

// TestReport: tables have a line for each number, in the unit of the reader, and JSON has
// the numbers as they were measured.
func TestReport(t *testing.T) {
	r := report{
		Machine: "2 cores",
		Measurements: []measurement{
			{"signing a vote", "ns", Spread{Median: 38_000, Low: 37_000, High: 40_500}},
			{"vote", "bytes", Spread{Median: 180, Low: 180, High: 180}},
		},
		Checks: []comparison{{Name: "saturated", Unit: "publishes/s", Real: 400, Simulated: 300, Off: -0.25}},
	}
	var table strings.Builder
	r.print(&table)
	for _, want := range []string{
		"2 cores\n", "signing a vote                                          38.0 µs      37.0 µs      40.5 µs\n", " 180 bytes\n",
		"400.0        300.0     -25 %  publishes/s\n",
	} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("no %q in\n%s", want, &table)
		}
	}
	b, err := r.encode()
	if err != nil {
		t.Fatal(err)
	}
	var again report
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&again); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, again); diff != "" {
		t.Errorf("JSON (-in +out):\n%s", diff)
	}
}
