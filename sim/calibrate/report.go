package calibrate

import (
	"encoding/json"
	"fmt"
	"io"
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
