package main

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestDocumentedStatuses: the help of the program, the README and the design give the same
// exit statuses as errors.go, and the same reasons for no trust.
func TestDocumentedStatuses(t *testing.T) {
	all := []int{exitOK, exitError, exitUsage, exitNotTrusted, exitAttack, exitRejected, exitUnreachable, exitUncertain, exitInterrupted}
	const reasons = "absent, withdrawn, revoked, not effective, another digest"
	root := newRoot(&session{})
	help := func(args ...string) string {
		cmd, _, err := root.Find(args)
		if err != nil {
			t.Fatal(err)
		}
		_, text, _ := strings.Cut(cmd.Long, "\nExit status:")
		return "Exit status:" + text
	}
	inHelp := regexp.MustCompile(`(?:Exit status:|,)\s+(\d+)\s`)
	inTable := regexp.MustCompile(`(?m)^\| (\d+) \|`)
	atEnd := regexp.MustCompile(`(?m)\| (\d+) \|$`)
	for _, tc := range []struct {
		name, text string
		status     *regexp.Regexp
		want       []int
	}{
		{"hullmark --help", help(), inHelp, all},
		{"README.md", part(t, "../../README.md", "| code | meaning |\n"), inTable, all},
		{"docs/design.md", part(t, "../../docs/design.md", "| what | verdict | exit code |\n"), atEnd,
			[]int{exitOK, exitNotTrusted, exitAttack, exitRejected, exitUnreachable, exitUncertain}},
		{"hullmark verify --help", help("verify"), inHelp, []int{exitOK, exitNotTrusted, exitAttack, exitUnreachable}},
		{"hullmark inspect --help", help("inspect"), inHelp, []int{exitOK, exitNotTrusted, exitAttack, exitUnreachable}},
	} {
		var found []int
		for _, match := range tc.status.FindAllStringSubmatch(tc.text, -1) {
			n, err := strconv.Atoi(match[1])
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, n)
		}
		if !slices.Equal(found, tc.want) {
			t.Errorf("%s: exit statuses %v, want %v", tc.name, found, tc.want)
		}
		if !strings.Contains(strings.Join(strings.Fields(tc.text), " "), reasons) {
			t.Errorf("%s does not say: %s", tc.name, reasons)
		}
	}
}

// part returns the table of a document that begins with a head.
func part(t *testing.T, path, head string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(b), head)
	if !found {
		t.Fatalf("%s has no table %q", path, head)
	}
	text, _, _ = strings.Cut(text, "\n\n")
	return text
}
