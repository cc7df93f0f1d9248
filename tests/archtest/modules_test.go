package archtest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestModules: the tests here and the targets of the Makefile look at every module but
// those of tools, which have no code of ours, and each module has packages.
func TestModules(t *testing.T) {
	const top = "../.."
	var found []string
	if err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && slices.Contains([]string{".git", "bin", "tools", "testdata"}, d.Name()) {
			return filepath.SkipDir
		}
		if d.Name() != "go.mod" {
			return nil
		}
		dir, err := filepath.Rel(top, filepath.Dir(path))
		found = append(found, filepath.ToSlash(dir))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(found)
	if !slices.Equal(found, modules) {
		t.Errorf("the modules are %q, and the tests look at %q", found, modules)
	}
	makefile, err := os.ReadFile(filepath.Join(top, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^MODULES := (.*)$`).FindSubmatch(makefile)
	if line == nil || !slices.Equal(strings.Fields(string(line[1])), modules) {
		t.Errorf("the Makefile has %q, the modules are %q", line, modules)
	}
	packages := mustPackages(t)
	for _, name := range []string{module + "/bundle", module + "/cmd/hullmark", module + "/sim", module + "/sim/cmd/hullmark-sim"} {
		if !slices.ContainsFunc(packages, func(p pkg) bool { return p.ImportPath == name }) {
			t.Errorf("%s is not among the packages", name)
		}
	}
}
