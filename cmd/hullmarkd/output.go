package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"hullmark/internal/cli"
	"hullmark/printable"
)

// The values of --output.
const (
	outputText = "text"
	outputJSON = "json"
)

// answer is what a command prints. Its exported fields are the JSON object.
type answer interface {
	text(t *table)
}

// table is text in two columns.
type table struct{ strings.Builder }

func (t *table) row(name, format string, args ...any) {
	_, _ = fmt.Fprintf(t, "%-14s %s\n", name, printable.Line(fmt.Sprintf(format, args...)))
}

// line is text over the whole width.
func (t *table) line(format string, args ...any) {
	_, _ = fmt.Fprintln(t, printable.Text(fmt.Sprintf(format, args...)))
}

// outputFlag defines the flag that chooses the form of a command's answer, and has
// the command refuse others before it does anything.
func outputFlag(cmd *cobra.Command) *string {
	output := cmd.Flags().String("output", outputText, "text or json")
	cmd.PreRunE = func(*cobra.Command, []string) error {
		if *output != outputText && *output != outputJSON {
			return cli.Usage("unknown output %q; use text or json", *output)
		}
		return nil
	}
	return output
}

// show writes an answer in the form the user chose.
func show(cmd *cobra.Command, output string, a answer) error {
	if output != outputJSON {
		var t table
		a.text(&t)
		cmd.Print(t.String())
		return nil
	}
	e := json.NewEncoder(printable.JSONWriter(cmd.OutOrStdout()))
	e.SetEscapeHTML(false)
	if err := e.Encode(a); err != nil {
		return fmt.Errorf("couldn't write answer: %w", err)
	}
	return nil
}
