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

// logMethods take a message first.
var logMethods = []string{"Debug", "Info", "Warn", "Error"}

// madeMessages returns the places where a file logs a message that is not a
// constant. Such messages cannot be counted or searched for, and carry what
// strangers sent into a place where fields are quoted and messages are not.
func madeMessages(name string, source any) ([]string, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, source, 0)
	if err != nil {
		return nil, err
	}
	var found []string
	ast.Inspect(file, func(node ast.Node) bool {
		call, ok := node.(*ast.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		method, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || !slices.Contains(logMethods, method.Sel.Name) {
			return true
		}
		receiver := ""
		switch x := method.X.(type) {
		case *ast.Ident:
			receiver = x.Name
		case *ast.SelectorExpr:
			receiver = x.Sel.Name
		}
		if receiver = strings.ToLower(receiver); !strings.HasPrefix(receiver, "log") && receiver != "slog" {
			return true
		}
		if _, constant := call.Args[0].(*ast.BasicLit); !constant {
			found = append(found, files.Position(call.Pos()).String()+": message is not a constant")
		}
		return true
	})
	return found, nil
}

// TestLogMessagesAreConstant looks at all of our packages.
func TestLogMessagesAreConstant(t *testing.T) {
	for _, p := range mustPackages(t) {
		if _, mine := ours(p.ImportPath); !mine {
			continue
		}
		for _, name := range p.GoFiles {
			found, err := madeMessages(filepath.Join(p.Dir, name), nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range found {
				t.Error(f)
			}
		}
	}
}

// TestMadeMessages checks the checker.
func TestMadeMessages(t *testing.T) {
	for source, want := range map[string]int{
		`func f() { n.log.Info("started", "height", h) }`:         0,
		`func f() { log.Info(fmt.Sprintf("started %d", h)) }`:     1,
		`func f() { a.b.logger.Error("failed: " + err.Error()) }`: 1,
		`func f() { slog.Warn(message) }`:                         1,
		`func f() { t.Error(err) }`:                               0,
	} {
		found, err := madeMessages("x.go", "package p; "+source)
		if err != nil || len(found) != want {
			t.Errorf("%s: %d findings, %v", source, len(found), err)
		}
	}
}
