package archtest

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "draw the imports of docs/design.md anew")

const designFile = "../../docs/design.md"

// imported returns, for each entry of the table that has packages, the other entries
// that these import.
func imported(t *testing.T) map[string][]string {
	t.Helper()
	found := make(map[string][]string)
	for _, p := range mustPackages(t) {
		path, _ := ours(p.ImportPath)
		self, known := owner(path)
		if !known || isFree(path) {
			continue
		}
		imports := found[self]
		for _, i := range p.Imports {
			if target, ok := ours(i); ok {
				if other, known := owner(target); known && other != self && !slices.Contains(imports, other) {
					imports = append(imports, other)
				}
			}
		}
		found[self] = imports
	}
	return found
}

// TestTableIsUsed: the table allows what is imported and nothing else, so that it says
// what depends on what.
func TestTableIsUsed(t *testing.T) {
	used := imported(t)
	for path, may := range allowed {
		imports, exists := used[path]
		if !exists {
			continue
		}
		for _, other := range may {
			if !slices.Contains(imports, other) {
				t.Errorf("%s may import %s and does not: take that from the table", path, other)
			}
		}
	}
}

// layerRules reads from the configuration of the linter what each rule of depguard
// that has a list of our packages allows.
func layerRules(config string) (allow map[string][]string, files map[string]string) {
	allow, files = make(map[string][]string), make(map[string]string)
	_, config, _ = strings.Cut(config, "\n    depguard:\n")
	header := regexp.MustCompile(`^        ([a-z-]+):$`)
	name, ours, list := "", regexp.MustCompile(`^            - pkg: hullmark$`), []string(nil)
	for line := range strings.Lines(config) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "  exclusions:") {
			break
		}
		if m := header.FindStringSubmatch(line); m != nil {
			name, list = m[1], nil
		}
		if text, ok := strings.CutPrefix(line, `          files: ["`); ok {
			files[name], _, _ = strings.Cut(text, `"`)
		}
		if text, ok := strings.CutPrefix(line, "          allow: ["); ok {
			list = strings.Split(strings.TrimSuffix(text, "]"), ", ")
		}
		if ours.MatchString(line) {
			allow[name] = list
		}
	}
	return allow, files
}

// TestLinterHasTheTable: the rules of the linter are those of the table.
func TestLinterHasTheTable(t *testing.T) {
	b, err := os.ReadFile("../../.golangci.yml")
	if err != nil {
		t.Fatal(err)
	}
	allow, files := layerRules(string(b))
	for path, may := range allowed {
		name := strings.ReplaceAll(path, "/", "-")
		list, found := allow[name]
		if !found {
			t.Errorf(".golangci.yml has no rule %s that denies the packages of ours", name)
			continue
		}
		delete(allow, name)
		if want := "**/" + path + "/*.go"; files[name] != want {
			t.Errorf("rule %s of .golangci.yml is about %q, not %q", name, files[name], want)
		}
		var has []string
		for _, imported := range list {
			exact, isExact := strings.CutSuffix(imported, "$")
			other, mine := ours(exact)
			if !mine || !isExact && other != path {
				t.Errorf("rule %s of .golangci.yml allows %s, which is no package of ours that ends with $", name, imported)
			}
			if entry, _ := owner(other); entry != path {
				has = append(has, other)
			}
		}
		want := slices.Sorted(slices.Values(may))
		slices.Sort(has)
		if !slices.Equal(has, want) {
			t.Errorf("rule %s of .golangci.yml allows %q, the table %q", name, has, want)
		}
	}
	for name := range allow {
		t.Errorf("rule %s of .golangci.yml is about no entry of the table", name)
	}
}

// TestLayerRules checks the checker.
func TestLayerRules(t *testing.T) {
	allow, files := layerRules(`
    depguard:
      rules:
        core:
          list-mode: lax
          deny:
            - pkg: os
        app-admission:
          files: ["**/app/admission/*.go", "!$test"]
          allow: [hullmark/keys$, hullmark/tuf$]
          deny:
            - pkg: hullmark
        proto:
          files: ["**/proto/*.go"]
          deny:
            - pkg: hullmark
  exclusions:
`)
	if len(allow) != 2 || !slices.Equal(allow["app-admission"], []string{"hullmark/keys$", "hullmark/tuf$"}) || len(allow["proto"]) != 0 ||
		files["app-admission"] != "**/app/admission/*.go" {
		t.Errorf("found %q, %q", allow, files)
	}
}

// reduced returns the imports that follow from no others: a package that imports one which
// imports another may import that too, and nobody needs to see it.
func reduced(imports map[string][]string) map[string][]string {
	var reaches func(from, to string) bool
	reaches = func(from, to string) bool {
		return slices.ContainsFunc(imports[from], func(next string) bool { return next == to || reaches(next, to) })
	}
	out := make(map[string][]string)
	for path, direct := range imports {
		for _, other := range direct {
			if !slices.ContainsFunc(direct, func(between string) bool { return reaches(between, other) }) {
				out[path] = append(out[path], other)
			}
		}
		slices.Sort(out[path])
	}
	return out
}

func TestReduced(t *testing.T) {
	got := reduced(map[string][]string{"a": {"d", "c", "b"}, "b": {"c"}, "c": nil, "d": nil})
	for path, want := range map[string][]string{"a": {"b", "d"}, "b": {"c"}, "c": nil, "d": nil} {
		if !slices.Equal(got[path], want) {
			t.Errorf("%s: %q, want %q", path, got[path], want)
		}
	}
}

// drawing is the graph of imports that docs/design.md shows.
func drawing(t *testing.T) string {
	imports := imported(t)
	for _, p := range mustPackages(t) {
		path, _ := ours(p.ImportPath)
		if !under(path, "cmd") && !under(path, "sim/cmd") {
			continue
		}
		imports[path] = []string{}
		for _, i := range p.Imports {
			if target, ok := ours(i); ok {
				if other, known := owner(target); known && !isFree(target) && !slices.Contains(imports[path], other) {
					imports[path] = append(imports[path], other)
				}
			}
		}
	}
	edges := reduced(imports)
	var b strings.Builder
	b.WriteString("```mermaid\ngraph LR\n")
	for _, path := range slices.Sorted(maps.Keys(edges)) {
		if len(edges[path]) > 0 {
			fmt.Fprintf(&b, "    %s --> %s\n", path, strings.Join(edges[path], " & "))
		}
	}
	b.WriteString("```\n")
	return b.String()
}

// TestDrawing: docs/design.md draws the imports as they are; -update draws them anew.
func TestDrawing(t *testing.T) {
	b, err := os.ReadFile(designFile)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(b), "```mermaid\n")
	drawn, after, ends := strings.Cut(rest, "```\n")
	if !found || !ends {
		t.Fatal("docs/design.md has no graph of imports")
	}
	want := drawing(t)
	if "```mermaid\n"+drawn+"```\n" == want {
		return
	}
	if !*update {
		t.Fatalf("docs/design.md draws other imports; run go test ./tests/archtest -run Drawing -update. They are:\n%s", want)
	}
	if err := os.WriteFile(designFile, []byte(before+want+after), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestDescribedPackages: the table of docs/design.md describes each package once, by its
// own name or that of a folder above it, and nothing else.
func TestDescribedPackages(t *testing.T) {
	b, err := os.ReadFile(designFile)
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(b), "\n| package | one job |\n|---|---|\n")
	if !found {
		t.Fatal("docs/design.md has no table of packages")
	}
	text, _, _ = strings.Cut(text, "\n\n")
	quoted := regexp.MustCompile("`([a-z/-]+)`")
	described := make(map[string]bool)
	for line := range strings.Lines(text) {
		names, _, _ := strings.Cut(strings.TrimPrefix(line, "|"), "|")
		for _, m := range quoted.FindAllStringSubmatch(names, -1) {
			if described[m[1]] {
				t.Errorf("docs/design.md describes %s twice", m[1])
			}
			described[m[1]] = true
			if info, err := os.Stat(filepath.Join("../..", m[1])); err != nil || !info.IsDir() {
				t.Errorf("docs/design.md describes %s, which is no folder: %v", m[1], err)
			}
		}
	}
	for _, p := range mustPackages(t) {
		path, _ := ours(p.ImportPath)
		above := path
		for above != "." && !described[above] {
			above = filepath.ToSlash(filepath.Dir(above))
		}
		if above == "." {
			t.Errorf("docs/design.md does not describe package %s", path)
		}
	}
}
