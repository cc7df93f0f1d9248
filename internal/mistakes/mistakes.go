// Package mistakes compares what a program says about deliberate mistakes with a table
// of them, which one command writes anew.
//
// The table is a text file. Each entry begins with the command as a shell would take it,
// with variables of the environment before it and without quotes, and goes on with the
// exit status and what was written:
//
//	$ HOME= hullmark trust show
//	exit 1
//	stderr: hullmark: error: ...
//	stderr: hullmark: hint: ...
//
// Lines that begin with # and empty lines are kept. To add a mistake, add its command
// and have the table written.
package mistakes

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Program runs a program in this process.
type Program func(args []string) (code int, stdout, stderr string)

// Table runs every command in the file, whose path must be absolute or is taken before
// the caller changes the directory, and compares. With update it writes the file anew
// instead. Names stand for values that differ from run to run, in commands and texts.
func Table(t *testing.T, file string, update bool, name string, program Program, names map[string]string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	entries := 0
	for line := range strings.Lines(string(content)) {
		text := strings.TrimSuffix(line, "\n")
		command, found := strings.CutPrefix(text, "$ ")
		if !found {
			if text == "" || strings.HasPrefix(text, "#") {
				out.WriteString(line)
			}
			continue
		}
		entries++
		out.WriteString(line + entry(t, command, name, program, names))
	}
	if update {
		if err := os.WriteFile(file, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if entries == 0 {
		t.Fatal("the table is empty")
	}
	compare(t, string(content), out.String())
}

// entry runs one command and returns what follows it in the table.
func entry(t *testing.T, command, name string, program Program, names map[string]string) string {
	t.Helper()
	for short, value := range names {
		command = strings.ReplaceAll(command, short, value)
	}
	words := strings.Fields(command)
	for len(words) > 0 && strings.Contains(words[0], "=") {
		variable, value, _ := strings.Cut(words[0], "=")
		before, was := os.LookupEnv(variable)
		if err := os.Setenv(variable, value); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if was {
				_ = os.Setenv(variable, before)
			} else {
				_ = os.Unsetenv(variable)
			}
		}()
		words = words[1:]
	}
	if len(words) == 0 || words[0] != name {
		t.Fatalf("%q is no command of %s", command, name)
	}
	code, stdout, stderr := program(words[1:])
	var out strings.Builder
	_, _ = fmt.Fprintf(&out, "exit %d\n", code)
	for _, stream := range [][2]string{{"stdout", stdout}, {"stderr", stderr}} {
		for line := range strings.Lines(stream[1]) {
			for short, value := range names {
				line = strings.ReplaceAll(line, value, short)
			}
			out.WriteString(strings.TrimRight(stream[0]+": "+strings.TrimSuffix(line, "\n"), " ") + "\n")
		}
	}
	return out.String()
}

// compare reports the first entries that differ.
func compare(t *testing.T, want, got string) {
	t.Helper()
	split := func(text string) map[string]string {
		entries := make(map[string]string)
		for _, e := range strings.Split("\n"+text, "\n$ ")[1:] {
			command, rest, _ := strings.Cut(e, "\n")
			rest, _, _ = strings.Cut(rest, "\n#")
			entries[command] = strings.TrimSpace(rest)
		}
		return entries
	}
	before := split(want)
	for command, now := range split(got) {
		if before[command] != now {
			t.Errorf("$ %s\n--- in the table\n%s\n--- now\n%s", command, before[command], now)
		}
	}
}

// Path returns the absolute path of a file, for callers that change the directory.
func Path(t *testing.T, file string) string {
	t.Helper()
	path, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
