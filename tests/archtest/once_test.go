package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"testing"
)

// once are functions that one package of ours calls for all: each has a right order or a
// second step that copies forget. The packages beside it have reasons of their own.
var once = []struct {
	call, instead string
	except        []string
}{
	{"os.CreateTemp", "durable.Write", nil},
	{"os.O_EXCL", "durable.WriteNewIn", []string{"durable", "sim/experiment"}}, // which copies databases
	{"os.Rename", "durable.Write", []string{"app", "database/databasetest"}},   // resync moves directories, a test names what a crash leaves
	{"syscall.Flock", "durable.Lock", []string{"durable"}},
	{"windows.LockFileEx", "durable.Lock", []string{"durable"}},
	{"signal.NotifyContext", "cli.Main", []string{"internal/cli"}},
	{"signal.Notify", "cli.Main", nil},
	{"asn1.Unmarshal", "cryptobyte.String", nil},
	{"asn1.Marshal", "cryptobyte.Builder", nil},
}

// callsOnce returns the places where a file of a package names what another package calls
// for it.
func callsOnce(path, name string, source any) ([]string, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, source, 0)
	if err != nil {
		return nil, err
	}
	var found []string
	ast.Inspect(file, func(node ast.Node) bool {
		selector, ok := node.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := selector.X.(*ast.Ident); ok {
			for _, o := range once {
				if x.Name+"."+selector.Sel.Name == o.call && !slices.Contains(o.except, path) {
					found = append(found, files.Position(selector.Pos()).String()+": "+o.call+"; use "+o.instead)
				}
			}
		}
		return true
	})
	return found, nil
}

// TestOnce looks at all of our packages; tests may break files as they like.
func TestOnce(t *testing.T) {
	for _, p := range mustPackages(t) {
		path, mine := ours(p.ImportPath)
		if !mine {
			continue
		}
		for _, name := range p.GoFiles {
			found, err := callsOnce(path, filepath.Join(p.Dir, name), nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range found {
				t.Error(f)
			}
		}
	}
}

// TestCallsOnce checks the checker.
func TestCallsOnce(t *testing.T) {
	for _, tc := range []struct {
		path, source string
		want         int
	}{
		{"client", `func f() { f, err := os.CreateTemp(dir, "x"); _ = os.Rename(f.Name(), path) }`, 2},
		{"client", `func f() { os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) }`, 1},
		{"client", `func f() { os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600) }`, 0},
		{"durable", `func f() { syscall.Flock(1, 2) }`, 0},
		{"app", `func f() { syscall.Flock(1, 2) }`, 1},
		{"cmd/hullmark", `func f() { signal.NotifyContext(ctx, os.Interrupt) }`, 1},
		{"internal/cli", `func f() { signal.NotifyContext(ctx, os.Interrupt) }`, 0},
		{"keystore", `func f(oid asn1.ObjectIdentifier) { root.Rename(a, b) }`, 0},
	} {
		found, err := callsOnce(tc.path, "x.go", "package p; "+tc.source)
		if err != nil || len(found) != tc.want {
			t.Errorf("%s: %s: %q, %v", tc.path, tc.source, found, err)
		}
	}
}
