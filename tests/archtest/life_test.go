package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// functions returns the functions of a file, methods as Type.Method.
func functions(name string, source any) (map[string]bool, error) {
	file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	found := make(map[string]bool)
	for _, decl := range file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok {
			continue
		}
		name := f.Name.Name
		if f.Recv != nil {
			receiver := f.Recv.List[0].Type
			if pointer, ok := receiver.(*ast.StarExpr); ok {
				receiver = pointer.X
			}
			if named, ok := receiver.(*ast.Ident); ok {
				name = named.Name + "." + name
			}
		}
		found[name] = true
	}
	return found, nil
}

// TestLife: every file that docs/life.md names exists, and has the functions named after it.
func TestLife(t *testing.T) {
	b, err := os.ReadFile("../../docs/life.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(b), "\n## ")
	var path string
	var has map[string]bool
	named := 0
	for _, match := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(text, -1) {
		name := match[1]
		if strings.HasSuffix(name, ".go") {
			path = name
			if has, err = functions(filepath.Join("../..", path), nil); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if named++; !has[name] {
			t.Errorf("%s has no function %s", path, name)
		}
	}
	if named < 60 {
		t.Errorf("docs/life.md names only %d functions", named)
	}
}

// TestFunctions checks the checker.
func TestFunctions(t *testing.T) {
	found, err := functions("p.go", "package p; type T int; func F() {}; func (t T) M() {}; func (t *T) N() {}")
	if err != nil || len(found) != 3 || !found["F"] || !found["T.M"] || !found["T.N"] {
		t.Errorf("found %v, %v", found, err)
	}
}

// TestNamedFiles: source files that documents name exist.
func TestNamedFiles(t *testing.T) {
	documents, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	file := regexp.MustCompile("`([a-z][a-zA-Z0-9/_-]*/[a-zA-Z0-9_-]+\\.(?:go|proto|sh|yml))`")
	named := 0
	for _, path := range append(documents, "../../README.md", "../../CONTRIBUTING.md", "../../SECURITY.md") {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range file.FindAllStringSubmatch(string(b), -1) {
			named++
			if _, err := os.Stat(filepath.Join("../..", match[1])); err != nil {
				t.Errorf("%s names %s: %v", path, match[1], err)
			}
		}
	}
	if named < 60 {
		t.Errorf("documents name only %d files", named)
	}
}
