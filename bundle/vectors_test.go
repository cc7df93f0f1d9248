package bundle_test

import (
	"flag"
	"testing"

	"hullmark/internal/vectortest"
)

// The vectors are for other implementations. Tests make them from fixed keys and times,
// and compare them with the files; with -update they write the files first.
var update = flag.Bool("update", false, "write the test vectors anew")

func checkVectors[T any](t *testing.T, name, description string, made []T) {
	t.Helper()
	vectortest.Check(t, *update, "bundle/"+name+".json.gz", description, made)
}
