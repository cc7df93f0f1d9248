package bundle_test

import (
	"errors"
	"flag"
	"testing"

	"hullmark/bundle"
	"hullmark/internal/vectortest"
	"hullmark/record"
)

// The vectors are for other implementations. Tests make them from fixed keys and times,
// and compare them with the files; with -update they write the files first.
var update = flag.Bool("update", false, "write the test vectors anew")

func checkVectors[T any](t *testing.T, name, description string, made []T) {
	t.Helper()
	vectortest.Check(t, *update, "bundle/"+name+".json.gz", description, made)
}

// outcomeName is the outcome of docs/spec.md, with two that are not about the answer:
// upgrade, and usage for questions that cannot be asked.
func outcomeName(err error) string {
	switch bundle.ClassOf(err) {
	case bundle.ClassNone:
		return "yes"
	case bundle.NotTrusted:
		return "no"
	case bundle.Attack:
		if errors.Is(err, bundle.ErrFork) {
			return "fork"
		}
		return "attack"
	case bundle.Stale:
		if errors.Is(err, bundle.ErrMoreRoots) || errors.Is(err, bundle.ErrMoreFiles) {
			return "more"
		}
		return "stale"
	case bundle.Other:
		fallthrough
	default:
		if errors.Is(err, record.ErrNewer) {
			return "upgrade"
		}
		return "usage"
	}
}
