package main

import (
	"fmt"
	"io"
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

// outputFlag defines the flag of the root that chooses the form of every command's
// answer, and has commands refuse others before they do anything.
func outputFlag(root *cobra.Command) {
	root.PersistentFlags().String("output", outputText, "text or json")
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		switch output := cmd.Flag("output").Value.String(); {
		case output != outputText && output != outputJSON:
			return cli.Usage("unknown output %q; use text or json", output)
		case output == outputJSON && cli.IsGroup(cmd):
			return cli.Usage("%s only holds other commands; name one", cmd.CommandPath())
		}
		return nil
	}
}

// asJSON reports whether the user chose JSON.
func asJSON(cmd *cobra.Command) bool { return cmd.Flag("output").Value.String() == outputJSON }

// show writes an answer in the form the user chose. That it could not be written is an
// error like any other.
func show(cmd *cobra.Command, a answer) error {
	if asJSON(cmd) {
		return cli.WriteJSON(cmd.OutOrStdout(), a)
	}
	var t table
	a.text(&t)
	if _, err := io.WriteString(cmd.OutOrStdout(), t.String()); err != nil {
		return fmt.Errorf("couldn't write answer: %w", err)
	}
	return nil
}

// next tells what to do next, to people.
func next(cmd *cobra.Command, format string, args ...any) {
	if !asJSON(cmd) {
		cmd.Printf(format, args...)
	}
}
