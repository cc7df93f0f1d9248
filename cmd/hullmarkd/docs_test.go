package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestDocumentedCommands parses every hullmarkd command line in the documents, so that
// nobody types at night what no longer exists.
func TestDocumentedCommands(t *testing.T) {
	found := 0
	for _, path := range []string{"../../docs/operators.md", "../../networks/README.md", "../../README.md", "../../networks/systemd/hullmarkd.service"} {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(b), "\\\n", " ")
		for _, m := range regexp.MustCompile("(?m)(?:^|[`#/]|\\t)(?:bin/)?hullmarkd ([a-z][^`\n]*)").FindAllStringSubmatch(text, -1) {
			line, _, _ := strings.Cut(m[1], " #")
			args := strings.Fields(line)
			cmd, rest, err := newRoot().Find(args)
			if err == nil && !cmd.Runnable() {
				err = os.ErrInvalid
			}
			if err == nil {
				err = cmd.ParseFlags(rest)
			}
			if err == nil {
				err = cmd.ValidateArgs(cmd.Flags().Args())
			}
			if err != nil || cmd.Name() == "hullmarkd" && !strings.HasPrefix(args[0], "-") {
				t.Errorf("%s: hullmarkd %s: %v", path, line, err)
			}
			found++
		}
	}
	if found < 20 {
		t.Errorf("found %d commands only", found)
	}
}
