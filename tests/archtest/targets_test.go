package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestTargets: the targets of make that documents name exist, and CONTRIBUTING.md names
// all programs that make build builds.
func TestTargets(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	documents, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(documents) == 0 {
		t.Fatalf("%d documents, %v", len(documents), err)
	}
	const contributing = "../../CONTRIBUTING.md"
	named := regexp.MustCompile("(?m)(?:`|^    |^)make ([a-z][a-z0-9-]*)")
	targets := 0
	for _, path := range append(documents, contributing, "../../README.md") {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range named.FindAllStringSubmatch(string(b), -1) {
			targets++
			if !regexp.MustCompile(`(?m)^` + match[1] + `(?: [a-z -]+)?:`).Match(makefile) {
				t.Errorf("%s names make %s, which the Makefile does not have", path, match[1])
			}
		}
		if path != contributing {
			continue
		}
		_, line, _ := strings.Cut(string(b), "make build ")
		line, _, _ = strings.Cut(line, "\n")
		built := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == ',' })
		for _, p := range mustPackages(t) {
			if program, _ := ours(p.ImportPath); under(program, "cmd") || under(program, "sim/cmd") {
				if !slices.Contains(built, "bin/"+filepath.Base(program)) {
					t.Errorf("%s does not say that make build builds %s", path, program)
				}
			}
		}
	}
	if targets < 20 {
		t.Errorf("documents name only %d targets", targets)
	}
}
