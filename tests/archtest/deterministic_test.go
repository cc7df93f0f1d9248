package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// forbiddenImports have no place in the core: what they return differs between
// machines and runs.
var forbiddenImports = []string{"math/rand", "math/rand/v2", "crypto/rand", "os", "net", "net/http", "unsafe", "runtime", "log", "log/slog"}

// forbiddenCalls read the clock or wait for it.
var forbiddenCalls = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

// findings parses one file and returns what makes it depend on more than its
// arguments. It sees syntax only, so it cannot know whether a loop runs over a
// map; the tests of the packages themselves run twice and compare.
func findings(name string, source any) ([]string, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, source, 0)
	if err != nil {
		return nil, err
	}
	var found []string
	report := func(node ast.Node, what string) {
		found = append(found, files.Position(node.Pos()).String()+": "+what)
	}
	clock := ""
	for _, spec := range file.Imports {
		path := strings.Trim(spec.Path.Value, `"`)
		if slices.Contains(forbiddenImports, path) {
			report(spec, "import of "+path)
		}
		if path == "time" {
			clock = "time"
			if spec.Name != nil {
				clock = spec.Name.Name
			}
		}
	}
	ast.Inspect(file, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.SelectorExpr:
			if x, ok := node.X.(*ast.Ident); ok && clock != "" && x.Name == clock && slices.Contains(forbiddenCalls, node.Sel.Name) {
				report(node, "use of time."+node.Sel.Name)
			}
		case *ast.GoStmt:
			report(node, "goroutine")
		case *ast.SelectStmt:
			report(node, "select")
		case *ast.BasicLit:
			if node.Kind == token.FLOAT || node.Kind == token.IMAG {
				report(node, "floating point literal")
			}
		case *ast.Ident:
			if slices.Contains([]string{"float32", "float64", "complex64", "complex128"}, node.Name) {
				report(node, "type "+node.Name)
			}
		}
		return true
	})
	return found, nil
}

func isCore(path string) bool {
	entry, known := owner(path)
	return known && slices.Contains(core, entry)
}

func TestCoreIsDeterministic(t *testing.T) {
	checked := 0
	for _, p := range mustPackages(t) {
		path, _ := ours(p.ImportPath)
		if !isCore(path) {
			continue
		}
		for _, name := range p.GoFiles {
			found, err := findings(filepath.Join(p.Dir, name), nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, finding := range found {
				t.Error(finding)
			}
			checked++
		}
	}
	if checked == 0 {
		t.Error("no file was checked")
	}
}

// TestFindings checks the checker.
func TestFindings(t *testing.T) {
	tests := []struct {
		name, source string
		want         int
	}{
		{"clean", `import "time"; func f(t time.Time) bool { return t.After(t) }`, 0},
		{"clock", `import "time"; func f() time.Time { return time.Now() }`, 1},
		{"clock under another name", `import clock "time"; func f() clock.Time { return clock.Now() }`, 1},
		{"clock as a value", `import "time"; var f = time.Now`, 1},
		{"randomness", `import "math/rand/v2"; func f() int { return rand.Int() }`, 1},
		{"secret randomness", `import "crypto/rand"; func f() string { return rand.Text() }`, 1},
		{"files", `import "os"; func f() { os.Exit(1) }`, 1},
		{"goroutine", `func f() { go f() }`, 1},
		{"select", `func f(c chan int) { select { case <-c: default: } }`, 1},
		{"float type", `func f(x float64) {}`, 1},
		{"float literal", `const x = 0.5`, 1},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			found, err := findings(tc.name+".go", "package p; "+tc.source)
			if err != nil {
				t.Fatal(err)
			}
			if len(found) != tc.want {
				t.Errorf("found %q, want %d findings", found, tc.want)
			}
		})
	}
}

// TestNoInit: importing a package does nothing.
func TestNoInit(t *testing.T) {
	for _, p := range mustPackages(t) {
		for _, name := range p.GoFiles {
			if strings.HasSuffix(name, ".pb.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, decl := range file.Decls {
				if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
					t.Errorf("%s in %s has an init function", name, p.ImportPath)
				}
			}
		}
	}
}
