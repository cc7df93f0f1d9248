package app

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"hullmark/query"
)

// specTable returns the rows of the table of docs/spec.md that begins with a head.
func specTable(t *testing.T, head string) []string {
	t.Helper()
	b, err := os.ReadFile("../docs/spec.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(b), head+"\n")
	if !found {
		t.Fatalf("docs/spec.md has no table %q", head)
	}
	text, _, _ = strings.Cut(text, "\n\n")
	return strings.Split(text, "\n")[1:]
}

// TestSpecListsRoutes: docs/spec.md lists the paths that a node serves, and no others.
func TestSpecListsRoutes(t *testing.T) {
	argument := regexp.MustCompile(`[{<][a-z0-9]+[>}]`)
	served := map[string]bool{"POST " + query.PathSubmit: true}
	for _, path := range append(query.Routes(), query.PathStatus, query.PathHealth, query.PathReady) {
		served["GET "+argument.ReplaceAllString(path, "ARG")] = true
	}
	request := regexp.MustCompile("^\\| `((?:GET|POST) [^?`\\[]+)")
	listed := make(map[string]bool)
	for _, row := range specTable(t, "| request | answer |") {
		match := request.FindStringSubmatch(row)
		if match == nil {
			t.Fatalf("row %q", row)
		}
		listed[argument.ReplaceAllString(match[1], "ARG")] = true
	}
	if !maps.Equal(listed, served) {
		t.Errorf("docs/spec.md lists %q, a node serves %q", slices.Sorted(maps.Keys(listed)), slices.Sorted(maps.Keys(served)))
	}
}

// TestSpecListsErrors: docs/spec.md lists the statuses and codes of the errors that are
// written in this package, and no others.
func TestSpecListsErrors(t *testing.T) {
	statuses := map[string]int{
		"StatusBadRequest": http.StatusBadRequest, "StatusNotFound": http.StatusNotFound, "StatusMethodNotAllowed": http.StatusMethodNotAllowed,
		"StatusGone": http.StatusGone, "StatusRequestTimeout": http.StatusRequestTimeout, "StatusUnsupportedMediaType": http.StatusUnsupportedMediaType,
		"StatusTooManyRequests": http.StatusTooManyRequests, "StatusServiceUnavailable": http.StatusServiceUnavailable,
		"StatusGatewayTimeout": http.StatusGatewayTimeout, "StatusInternalServerError": http.StatusInternalServerError,
	}
	code := regexp.MustCompile(`^"([a-z-]+)"$`)
	written := map[string]bool{"413 transaction-too-large": true} // a rejection code of the ledger
	for _, name := range []string{"http.go", "submit.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(node ast.Node) bool {
			var parts []ast.Expr
			status := 0
			switch x := node.(type) {
			case *ast.CompositeLit:
				parts = x.Elts
			case *ast.CallExpr:
				if f, ok := x.Fun.(*ast.Ident); ok && f.Name == "unavailable" {
					parts, status = x.Args[:1], http.StatusServiceUnavailable
				}
			}
			named := ""
			for _, e := range parts {
				if pair, ok := e.(*ast.KeyValueExpr); ok {
					if key := pair.Key.(*ast.Ident).Name; key != "status" && key != "code" {
						continue
					}
					e = pair.Value
				}
				switch x := e.(type) {
				case *ast.SelectorExpr:
					status = max(status, statuses[x.Sel.Name])
				case *ast.BasicLit:
					if match := code.FindStringSubmatch(x.Value); match != nil {
						named = match[1]
					}
				}
			}
			if status != 0 && named != "" {
				written[fmt.Sprintf("%d %s", status, named)] = true
			}
			return true
		})
	}
	row := regexp.MustCompile("^\\| ([0-9, ]+) \\| `([a-z-]+)` \\|")
	listed := make(map[string]bool)
	for _, line := range specTable(t, "| status | `code` | meaning |") {
		match := row.FindStringSubmatch(line)
		if match == nil {
			if !strings.HasPrefix(line, "| "+strconv.Itoa(http.StatusUnprocessableEntity)+" ") {
				t.Errorf("row %q", line)
			}
			continue
		}
		for status := range strings.SplitSeq(match[1], ", ") {
			listed[status+" "+match[2]] = true
		}
	}
	if !maps.Equal(listed, written) {
		t.Errorf("docs/spec.md lists\n%q, the code has\n%q", slices.Sorted(maps.Keys(listed)), slices.Sorted(maps.Keys(written)))
	}
}
