package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// changing are packages with variables that change, by name.
var changing = map[string][]string{
	"internal/testnet": {"reservations"}, // ports are of the process
}

// stateful returns the variables of a package that its functions set, or whose fields
// or elements they set, or lock, or take the address of.
func stateful(files []*ast.File) []string {
	variables := make(map[string]bool)
	for _, file := range files {
		for _, decl := range file.Decls {
			general, ok := decl.(*ast.GenDecl)
			if !ok || general.Tok != token.VAR {
				continue
			}
			for _, spec := range general.Specs {
				for _, name := range spec.(*ast.ValueSpec).Names {
					variables[name.Name] = name.Name != "_"
				}
			}
		}
	}
	found := make(map[string]bool)
	mark := func(e ast.Expr) {
		for {
			switch x := e.(type) {
			case *ast.SelectorExpr:
				e = x.X
			case *ast.IndexExpr:
				e = x.X
			case *ast.StarExpr:
				e = x.X
			case *ast.ParenExpr:
				e = x.X
			case *ast.Ident:
				// Obj is what the parser found in this file: nothing, or something of a
				// package, unless the name stands for something nearer.
				if variables[x.Name] && (x.Obj == nil || isTopLevel(files, x.Obj.Decl)) {
					found[x.Name] = true
				}
				return
			default:
				return
			}
		}
	}
	for _, file := range files {
		ast.Inspect(file, func(node ast.Node) bool {
			switch x := node.(type) {
			case *ast.AssignStmt:
				if x.Tok != token.DEFINE {
					for _, left := range x.Lhs {
						mark(left)
					}
				}
			case *ast.IncDecStmt:
				mark(x.X)
			case *ast.UnaryExpr:
				if x.Op == token.AND {
					mark(x.X)
				}
			case *ast.CallExpr:
				if method, ok := x.Fun.(*ast.SelectorExpr); ok && slices.Contains([]string{"Lock", "RLock", "Store", "Add", "Do"}, method.Sel.Name) {
					mark(method.X)
				}
			}
			return true
		})
	}
	return slices.Sorted(maps.Keys(found))
}

func isTopLevel(files []*ast.File, decl any) bool {
	return slices.ContainsFunc(files, func(file *ast.File) bool {
		return slices.ContainsFunc(file.Decls, func(d ast.Decl) bool {
			general, ok := d.(*ast.GenDecl)
			return ok && slices.ContainsFunc(general.Specs, func(s ast.Spec) bool { return any(s) == decl })
		})
	})
}

// TestNoState: packages have no variables that change.
func TestNoState(t *testing.T) {
	for _, p := range mustPackages(t) {
		var files []*ast.File
		for _, name := range p.GoFiles {
			if strings.HasSuffix(name, ".pb.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, file)
		}
		path, _ := ours(p.ImportPath)
		if found := stateful(files); !slices.Equal(found, changing[path]) {
			t.Errorf("%s has variables that change: %q; expected are %q", path, found, changing[path])
		}
	}
}

// TestStateful checks the checker.
func TestStateful(t *testing.T) {
	for source, want := range map[string]int{
		`var errX = errors.New("x"); func f() error { return errX }`:     0,
		`var n int; func f() { n = 1 }`:                                  1,
		`var n int; func f() { n++ }`:                                    1,
		`var n int; func f() { n := 2; n++; n = 3 }`:                     0,
		`var n int; func f(n int) { n = 3 }`:                             0,
		`var m = map[int]int{}; func f() { m[1] = 2 }`:                   1,
		`var m struct{ n int }; func f() { m.n = 2 }`:                    1,
		`var m sync.Mutex; func f() { m.Lock() }`:                        1,
		`var once sync.Once; func f() { once.Do(g) }`:                    1,
		`var n int; func f() *int { return &n }`:                         1,
		`var names = []string{"a"}; func f() string { return names[0] }`: 0,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "p.go", "package p; "+source, 0)
		if err != nil {
			t.Fatal(err)
		}
		if found := stateful([]*ast.File{file}); len(found) != want {
			t.Errorf("%s: found %q", source, found)
		}
	}
}
