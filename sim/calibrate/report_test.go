package calibrate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// report is everything that was measured, for people and programs.
type report struct {
	Machine      string        `json:"machine"`
	Measurements []measurement `json:"measurements"`
	Checks       []comparison  `json:"checks,omitempty"`
}

// print writes tables.
func (r report) print(w io.Writer) {
	_, _ = fmt.Fprintf(w, "%s\n\n%-50s %12s %12s %12s\n", r.Machine, "measured", "median", "lowest", "highest")
	for _, m := range r.Measurements {
		if m.Unit == "ns" {
			_, _ = fmt.Fprintf(w, "%-50s %9.1f µs %9.1f µs %9.1f µs\n", m.Name, m.Median/1e3, m.Low/1e3, m.High/1e3)
		} else {
			_, _ = fmt.Fprintf(w, "%-50s %12.0f %s\n", m.Name, m.Median, m.Unit)
		}
	}
	if len(r.Checks) > 0 {
		_, _ = fmt.Fprintf(w, "\n%-50s %12s %12s %8s\n", "four validators on this machine", "real", "simulated", "off")
	}
	for _, c := range r.Checks {
		_, _ = fmt.Fprintf(w, "%-50s %12.1f %12.1f %+7.0f %%  %s\n", c.Name, c.Real, c.Simulated, 100*c.Off, c.Unit)
	}
}

// encode returns the report as one JSON object.
func (r report) encode() ([]byte, error) {
	b, err := json.MarshalIndent(r, "", "  ")
	return append(b, '\n'), err
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
