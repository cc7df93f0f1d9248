package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// manSection is the section of the manual that commands are in.
const manSection = 1

// Man returns the hidden command of a program that writes its manual pages, for
// those who package it.
func Man(version string) *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write the manual pages into a directory",
		Long: `Writes one page per command, for section 1 of the manual. They are dated by the variable
SOURCE_DATE_EPOCH, a number of seconds since 1970, and have no date without it.

JSON: none.`,
		Hidden: true,
		Args:   Args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			date := ""
			if made, err := SourceDate(); err != nil {
				return err
			} else if !made.IsZero() {
				date = made.Format(time.DateOnly)
			}
			if err := os.MkdirAll(args[0], 0o755); err != nil {
				return fmt.Errorf("couldn't write manual: %w", err)
			}
			for name, page := range Pages(cmd.Root(), version, date) {
				if err := os.WriteFile(filepath.Join(args[0], name), page, 0o644); err != nil {
					return fmt.Errorf("couldn't write manual: %w", err)
				}
			}
			return nil
		},
	}
}

// Pages returns the manual pages of a program by file name, in man(7): the same
// text that --help shows. They say nothing of the user who makes them.
func Pages(root *cobra.Command, version, date string) map[string][]byte {
	out := make(map[string][]byte)
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.Hidden || cmd.Name() == "help" {
			return
		}
		out[fmt.Sprintf("%s.%d", pageName(cmd), manSection)] = page(cmd, version, date)
		for _, child := range cmd.Commands() {
			walk(child)
		}
	}
	walk(root)
	return out
}

// pageName returns the name of a command's page: words joined by hyphens.
func pageName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

func page(cmd *cobra.Command, version, date string) []byte {
	var b bytes.Buffer
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(&b, format+"\n", args...) }
	line(`.TH "%s" %d "%s" "%s" "Hullmark"`, roff(strings.ToUpper(pageName(cmd))), manSection, date, roff(version))
	line(".SH NAME\n%s \\- %s", roff(pageName(cmd)), roff(cmd.Short))
	line(".SH SYNOPSIS\n.nf\n%s\n.fi", roff(cmd.UseLine()))
	text := cmd.Long
	if text == "" {
		text = cmd.Short + "."
	}
	section := ""
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		title := "DESCRIPTION"
		for mark, other := range map[string]string{"JSON: ": "JSON", "Exit status: ": "EXIT STATUS"} {
			if rest, ok := strings.CutPrefix(paragraph, mark); ok {
				title, paragraph = other, rest
			}
		}
		if title != section {
			line(".SH %s", title)
			section = title
		} else {
			line(".PP")
		}
		if strings.HasPrefix(paragraph, " ") { // an example
			line(".nf\n%s\n.fi", roff(paragraph))
		} else {
			line("%s", roff(paragraph))
		}
	}
	flags := func(title string, set *pflag.FlagSet) {
		if !set.HasAvailableFlags() {
			return
		}
		line(".SH %s", title)
		set.VisitAll(func(f *pflag.Flag) {
			if f.Hidden {
				return
			}
			kind, usage := pflag.UnquoteUsage(f)
			name := "--" + f.Name
			if f.Shorthand != "" {
				name = "-" + f.Shorthand + ", " + name
			}
			if kind != "" {
				name += " " + kind
			}
			line(".TP\n.B %s\n%s", roff(name), roff(usage+defaultOf(f)))
		})
	}
	flags("OPTIONS", cmd.NonInheritedFlags())
	flags("OPTIONS OF ALL COMMANDS", cmd.InheritedFlags())
	var related []string
	if cmd.HasParent() {
		related = append(related, pageName(cmd.Parent()))
	}
	for _, child := range cmd.Commands() {
		if !child.Hidden && child.Name() != "help" {
			related = append(related, pageName(child))
		}
	}
	if len(related) > 0 {
		line(".SH SEE ALSO")
		for i, name := range related {
			comma := ","
			if i == len(related)-1 {
				comma = ""
			}
			line(".BR %s (%d)%s", roff(name), manSection, comma)
		}
	}
	return b.Bytes()
}

// defaultOf says what a flag is without being given, as --help does; nothing where that
// is nothing, or the text says it.
func defaultOf(f *pflag.Flag) string {
	value := f.DefValue
	if d, ok := f.Value.(*Dir); ok {
		value = "~/" + d.name // and not whose home it was when the page was made
	}
	switch value {
	case "", "0", "0s", "false", "[]":
		return ""
	}
	if strings.Contains(f.Usage, "default") {
		return ""
	}
	return fmt.Sprintf(" (default %s)", value)
}

// roff makes text mean itself.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") || strings.HasPrefix(l, "'") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}
