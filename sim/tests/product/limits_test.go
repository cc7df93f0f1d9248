package product

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"

	"hullmark/app"
	"hullmark/client"
	"hullmark/sim/reads"
)

// TestLimits: the simulated clients and nodes have the limits of real ones.
func TestLimits(t *testing.T) {
	if reads.Hedge != client.DefaultHedge || reads.Timeout != client.DefaultTimeout {
		t.Errorf("simulated clients hedge after %s and give up after %s, real ones after %s and %s",
			reads.Hedge, reads.Timeout, client.DefaultHedge, client.DefaultTimeout)
	}
	if got := app.DefaultConfig().HTTP.RequestsPerSecond; got != reads.RequestsPerSecond {
		t.Errorf("simulated nodes let one address ask %d times a second, real ones %d", reads.RequestsPerSecond, got)
	}
	for _, tc := range []struct {
		name      string
		simulated int
	}{
		{"DefaultPlaces", reads.MaxLookUps},
		{"MaxConnections", reads.MaxConnections},
		{"connectionsEach", reads.MaxAddressConnections},
		{"burstSeconds", reads.BurstSeconds},
	} {
		if real := constant(t, "../../../app/admission/limits.go", tc.name); real != tc.simulated {
			t.Errorf("%s of simulated nodes is %d, that of real ones %d", tc.name, tc.simulated, real)
		}
	}
}

// constant returns the value of a constant that is not exported.
func constant(t *testing.T, file, name string) int {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	value, found := 0, false
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Names[0].Name != name || len(spec.Values) != 1 {
			return true
		}
		if literal, ok := spec.Values[0].(*ast.BasicLit); ok {
			value, err = strconv.Atoi(literal.Value)
			found = err == nil
		}
		return true
	})
	if !found {
		t.Fatalf("no number %s in %s", name, file)
	}
	return value
}
