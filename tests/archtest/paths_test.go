package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// apiPath is a path of the HTTP API as requests are written with it, and not prose about it.
var apiPath = regexp.MustCompile(`^(?:GET |POST |%s|%v)?/(?:v1/|healthz$|readyz$)`)

// writtenPaths returns the string literals of a file that begin with a path of the HTTP API.
func writtenPaths(name string, source any) ([]string, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, source, 0)
	if err != nil {
		return nil, err
	}
	var found []string
	ast.Inspect(file, func(node ast.Node) bool {
		literal, ok := node.(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING {
			return true
		}
		text, err := strconv.Unquote(literal.Value)
		if err != nil {
			return true
		}
		if apiPath.MatchString(text) {
			found = append(found, files.Position(literal.Pos()).String()+": "+literal.Value)
		}
		return true
	})
	return found, nil
}

// TestPathsOnce: paths of the HTTP API are written in package query alone. Tests write them
// out, since they say what is on the wire.
func TestPathsOnce(t *testing.T) {
	for _, p := range mustPackages(t) {
		path, _ := ours(p.ImportPath)
		for _, name := range p.GoFiles {
			if path == "query" || strings.HasSuffix(name, ".pb.go") {
				continue
			}
			found, err := writtenPaths(filepath.Join(p.Dir, name), nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range found {
				t.Errorf("%s: use package query", f)
			}
		}
	}
}

// TestWrittenPaths checks the checker.
func TestWrittenPaths(t *testing.T) {
	for source, want := range map[string]int{
		`const a = "/v1/resolve"`:                1,
		`const a = "/v1/resolve?ref=x"`:          1,
		`const a = "GET /v1/resolve"`:            1,
		`const a = "%s/v1/light-block"`:          1,
		"const a = `/readyz`":                    1,
		`const a = "/healthz"`:                   1,
		`const a = "github.com/x/pkg/v1/remote"`: 0,
		`const a = "/v2/resolve" // /v1/resolve`: 0,
	} {
		found, err := writtenPaths("a.go", "package p; "+source)
		if err != nil {
			t.Fatal(err)
		}
		if len(found) != want {
			t.Errorf("%s: found %q", source, found)
		}
	}
}
