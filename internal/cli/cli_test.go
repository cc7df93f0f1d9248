package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"hullmark/internal/cli"
)

// program is a small program with everything a page can show.
func program() *cobra.Command {
	leaf := &cobra.Command{
		Use: "leaf NAME", Short: "Do a thing", Args: cli.Args(cobra.ExactArgs(1)),
		Long: "Leaf does a thing \\ with care.\n\n.dots are text\n\n  an example\n\nJSON: name.\n\nExit status: 0 done.",
		RunE: func(*cobra.Command, []string) error { return nil },
	}
	leaf.Flags().StringP("file", "o", "", "where to")
	leaf.Flags().Bool("secret", false, "nobody needs it")
	if err := leaf.Flags().MarkHidden("secret"); err != nil {
		panic(err)
	}
	root := cli.Group("program", "A program", cli.Group("group", "Hold things", leaf), cli.Completion("program"), cli.Man("v1"))
	root.PersistentFlags().Bool("all", false, "for all")
	return root
}

func TestPages(t *testing.T) {
	pages := cli.Pages(program(), "v1", "2001-02-03")
	want := map[string][]string{
		"program.1":            {`.TH "PROGRAM" 1 "2001-02-03" "v1"`, "program \\- A program", ".BR program\\-group (1)\n"},
		"program-group.1":      {".BR program (1),\n.BR program\\-group\\-leaf (1)\n"},
		"program-group-leaf.1": {"leaf NAME", `thing \e with`, "\n\\&.dots", ".nf\n  an example\n.fi", ".SH JSON\nname.", ".SH EXIT STATUS\n0 done.", ".B \\-o, \\-\\-file string\nwhere to", ".SH OPTIONS OF ALL COMMANDS\n.TP\n.B \\-\\-all"},
	}
	for name, parts := range want {
		for _, part := range parts {
			if !bytes.Contains(pages[name], []byte(part)) {
				t.Errorf("%s lacks %q:\n%s", name, part, pages[name])
			}
		}
	}
	for name, page := range pages {
		if strings.Contains(name, "man") || bytes.Contains(page, []byte("secret")) {
			t.Errorf("%s shows what is hidden", name)
		}
	}
}

func TestManWritesFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "man1")
	root := program()
	root.SetArgs([]string{"man", dir})
	if err := root.Execute(); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != len(cli.Pages(program(), "v1", "2001-02-03")) {
		t.Errorf("%d files, %v", len(files), err)
	}
	root.SetArgs([]string{"man"})
	if err := root.Execute(); !cli.IsUsage(err) {
		t.Errorf("without directory: %v", err)
	}
}

// TestManDates dates pages by the variable of reproducible builds,
// in UTC.
func TestManDates(t *testing.T) {
	for _, tc := range []struct {
		name, epoch, want string
		usage             bool
	}{
		{name: "none", want: `1 "" "v1"`},
		{name: "the first", epoch: "0", want: `1 "1970-01-01" "v1"`},
		{name: "the last second of a day", epoch: "86399", want: `1 "1970-01-01" "v1"`},
		{name: "the next day", epoch: "86400", want: `1 "1970-01-02" "v1"`},
		{name: "no number", epoch: "today", usage: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Setenv("SOURCE_DATE_EPOCH", tc.epoch)
			dir := t.TempDir()
			root := program()
			root.SetArgs([]string{"man", dir})
			if err := root.Execute(); cli.IsUsage(err) != tc.usage || (err != nil) != tc.usage {
				t.Fatal(err)
			}
			page, err := os.ReadFile(filepath.Join(dir, "program.1"))
			if !tc.usage && (err != nil || !bytes.Contains(page, []byte(tc.want))) {
				t.Errorf("%v, %q is not in\n%s", err, tc.want, page)
			}
		})
	}
}

func TestCompletionScripts(t *testing.T) {
	for shell, want := range map[string]string{
		"bash": "__start_program", "zsh": "#compdef program", "fish": "complete -c program", "powershell": "Register-ArgumentCompleter",
	} {
		var out bytes.Buffer
		root := program()
		root.SetOut(&out)
		root.SetArgs([]string{"completion", shell})
		if err := root.Execute(); err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("%s: %v, %d bytes without %q", shell, err, out.Len(), want)
		}
	}
	root := program()
	root.SetArgs([]string{"completion", "csh"})
	if err := root.Execute(); !cli.IsUsage(err) {
		t.Errorf("csh: %v", err)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"nothing"}, {"group", "lef"}, {"group", "leaf"}, {"group", "leaf", "x", "--no"}} {
		root := program()
		root.SetArgs(args)
		root.SetOut(new(bytes.Buffer))
		if err := root.Execute(); !cli.IsUsage(err) {
			t.Errorf("%v: %v", args, err)
		}
	}
}

// TestManDefaults: a page says what a flag is when it is left out, as --help does.
func TestManDefaults(t *testing.T) {
	root := cli.Group("tool", "A tool")
	cmd := &cobra.Command{Use: "do", Short: "Do it", Run: func(*cobra.Command, []string) {}}
	flags := cmd.Flags()
	flags.Duration("max-age", time.Minute, "greatest age")
	flags.String("assurance", "publisher", "whose word")
	flags.Int("threshold", 1, "how many")
	flags.String("name", "", "a name")
	flags.Bool("force", false, "all the same")
	flags.Duration("timeout", 0, "how long (default one minute)")
	root.AddCommand(cmd)
	t.Setenv("THING", t.TempDir())
	new(cli.Dir).Var(flags, "home", "THING", ".thing", "where")
	page := string(cli.Pages(root, "v1", "")["tool-do.1"])
	for _, want := range []string{"greatest age (default 1m0s)\n", "whose word (default publisher)\n", "how many (default 1)\n", "a name\n", "all the same\n", "where (default ~/.thing)\n", "how long (default one minute)\n"} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not in\n%s", want, page)
		}
	}
}
