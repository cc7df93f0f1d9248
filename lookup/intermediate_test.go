package lookup_test

import (
	"fmt"
	"testing"

	"hullmark/lookup"
)

func TestIntermediateHeights(t *testing.T) {
	for _, c := range []struct {
		trusted, target uint64
		want            string
	}{
		{1, 100, "[4 5 9 10 11 49 50]"},
		{5, 100, "[9 10 11 49 50]"},
		{10, 100, "[11 49 50]"},
		{1, 50, "[4 5 9 10 11 49]"},
		{1, 10, "[4 5 9]"},
		{50, 100, "[]"},
		{100, 50, "[]"},
	} {
		if got := fmt.Sprint(lookup.IntermediateHeights([]uint64{5, 10, 11, 50}, c.trusted, c.target)); got != c.want {
			t.Errorf("from %d to %d: %s, want %s", c.trusted, c.target, got, c.want)
		}
	}
}
