package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"hullmark/internal/cli"
	"hullmark/sim"
	"hullmark/sim/calibrate"
)

func newCalibrate(stdout, stderr io.Writer) *cobra.Command {
	var file string
	var check, asJSON bool
	cmd := &cobra.Command{
		Use: "calibrate", Short: "Measure what the real code takes, for simulations on this machine",
		Args: cli.Args(cobra.NoArgs),
		Long: `Calibrate measures the real code on this machine: look-ups, verification, checks
and blocks, votes, messages, the engine, and sizes. It takes about a minute and wants
the machine for itself. -o writes the costs, which other commands take by --costs;
what comes with the program was measured by this command.

With --check it then runs a real network of four validators in this process, simulates
the same network on the costs just measured, and says how far the simulation is off.
This takes a few minutes. How far off it is has no influence on the exit status.

JSON: machine, measurements (name, unit, Median, Low, High), and with --check checks
(name, unit, real, simulated, off).`,
	}
	cmd.Flags().StringVarP(&file, "file", "o", "", "file to write the costs to")
	cmd.Flags().BoolVar(&check, "check", false, "simulate a network of four validators and compare with a real one")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON instead of a table")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		progress := func(what string) { _, _ = fmt.Fprintf(stderr, "measuring %s\n", what) }
		r, err := calibrate.Measure(cmd.Context(), progress)
		if err != nil {
			return err
		}
		if file != "" {
			if err := writeCosts(file, r.Costs); err != nil {
				return err
			}
		}
		answer := calibration{Machine: r.Costs.Machine, Measurements: r.Measurements}
		if check {
			if answer.Checks, err = calibrate.Check(cmd.Context(), r.Costs, progress); err != nil {
				return err
			}
		}
		return answer.print(stdout, asJSON)
	}
	return cmd
}

// calibration is the answer of calibrate.
type calibration struct {
	Machine      string                  `json:"machine"`
	Measurements []calibrate.Measurement `json:"measurements"`
	Checks       []calibrate.Comparison  `json:"checks,omitempty"`
}

func (c calibration) print(w io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(c)
	}
	_, _ = fmt.Fprintf(w, "%s\n\n%-50s %12s %12s %12s\n", c.Machine, "measured", "median", "lowest", "highest")
	for _, m := range c.Measurements {
		if m.Unit == "ns" {
			_, _ = fmt.Fprintf(w, "%-50s %9.1f µs %9.1f µs %9.1f µs\n", m.Name, m.Median/1e3, m.Low/1e3, m.High/1e3)
		} else {
			_, _ = fmt.Fprintf(w, "%-50s %12.0f %s\n", m.Name, m.Median, m.Unit)
		}
	}
	if len(c.Checks) > 0 {
		_, _ = fmt.Fprintf(w, "\n%-50s %12s %12s %8s\n", "four validators on this machine", "real", "simulated", "off")
	}
	for _, k := range c.Checks {
		_, _ = fmt.Fprintf(w, "%-50s %12.1f %12.1f %+7.0f %%  %s\n", k.Name, k.Real, k.Simulated, 100*k.Off, k.Unit)
	}
	return nil
}

func writeCosts(file string, c sim.Costs) error {
	b, err := c.Encode()
	if err != nil {
		return err
	}
	if err := cli.WriteFile(file, b, 0o644); err != nil {
		return fmt.Errorf("couldn't write costs: %w", err)
	}
	return nil
}
