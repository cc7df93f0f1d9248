package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// invocation is one run of the program in a script.
type invocation struct {
	words  []string // without the flags before the command
	status string   // that it is to exit with
	json   bool
}

// statuses finds the exit statuses that a command's help promises.
var statuses = regexp.MustCompile(`(?:Exit status:|,)\s+(\d+)\s`)

// TestScriptsCoverCommands checks that every command is run by a script: with
// success, with every exit status that its help promises, and as JSON where the help
// promises some.
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
		seen, asJSON := make(map[string]bool), false
		for _, run := range runs {
			if len(run.words) >= len(path) && slices.Equal(run.words[:len(path)], path) {
				seen[run.status] = true
				asJSON = asJSON || run.json
			}
		}
		promised := []string{"0"}
		if _, text, ok := strings.Cut(cmd.Long, "\nExit status:"); ok {
			for _, match := range statuses.FindAllStringSubmatch("Exit status:"+text, -1) {
				promised = append(promised, match[1])
			}
			if len(promised) < 3 {
				t.Errorf("%q promises only %v", path, promised)
			}
		}
		for _, status := range promised {
			if !seen[status] {
				t.Errorf("no script runs %q with exit status %s", path, status)
			}
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
		run.status, words = "0", words[2:]
	case len(words) > 2 && words[0] == "exits":
		run.status, words = words[1], words[2:]
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
