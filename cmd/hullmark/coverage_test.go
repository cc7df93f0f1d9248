package main

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// invocation is one run of the program in a script.
type invocation struct {
	words []string // without the flags before the command
	ok    bool     // it is to succeed
	json  bool
}

// TestScriptsCoverCommands checks that every command is run by a script: with
// success, and as JSON where its help promises some.
func TestScriptsCoverCommands(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	var runs []invocation
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			if run, ok := parseInvocation(strings.Fields(line)); ok {
				runs = append(runs, run)
			}
		}
	}
	s := &session{stdout: io.Discard, stderr: io.Discard}
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, child := range cmd.Commands() {
			walk(child)
		}
		if cmd.HasSubCommands() || cmd.Name() == "help" {
			return
		}
		path := strings.Fields(cmd.CommandPath())[1:]
		ran, asJSON := false, false
		for _, run := range runs {
			if len(run.words) >= len(path) && slices.Equal(run.words[:len(path)], path) {
				ran = ran || run.ok
				asJSON = asJSON || run.json
			}
		}
		if !ran {
			t.Errorf("no script runs %q with success", path)
		}
		if strings.Contains(cmd.Long, "\nJSON") && !strings.Contains(cmd.Long, "JSON: none") && !asJSON {
			t.Errorf("no script runs %q as JSON", path)
		}
	}
	walk(newRoot(s))
}

// parseInvocation reads a line of a script; flags before the command all have a
// value.
func parseInvocation(words []string) (run invocation, ok bool) {
	switch {
	case len(words) > 2 && words[0] == "exec" && words[1] == "hullmark":
		run.ok, words = true, words[2:]
	case len(words) > 2 && words[0] == "exits":
		words = words[2:]
	default:
		return invocation{}, false
	}
	for len(words) > 1 && strings.HasPrefix(words[0], "--") {
		run.json = run.json || words[0] == "--output" && words[1] == "json"
		words = words[2:]
	}
	run.words = words
	return run, true
}
