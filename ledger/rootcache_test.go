package ledger

import (
	"crypto/sha256"
	"fmt"
	"testing"

	"hullmark/internal/fixture"
	"hullmark/tuf"
)

// TestRootCache: what is used stays, what is not goes, and no more is kept than two
// generations may hold.
func TestRootCache(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	p := c.NewPublisher("registry.example.com/app")
	root := p.Root(1)
	c1 := newRootCache()
	name := func(i int) [32]byte { return sha256.Sum256(fmt.Append(nil, i)) }
	used := name(-1)
	c1.put(used, root)
	n := 3 * rootCacheSize / len(root.Bytes())
	for i := range n {
		c1.put(name(i), root)
		if c1.get(used) == nil {
			t.Fatalf("forgot a root in use after %d others", i+1)
		}
		if c1.get(name(i)) == nil {
			t.Fatalf("forgot root %d at once", i)
		}
	}
	if c1.get(name(0)) != nil {
		t.Error("remembers a root that nobody has used for long")
	}
	size := func(of map[[32]byte]*tuf.Root) int { return len(of) * len(root.Bytes()) }
	if got := size(c1.young); got != c1.size || got > rootCacheSize || size(c1.old) > rootCacheSize {
		t.Errorf("%d bytes in use, %d counted, %d old, at most %d each", got, c1.size, size(c1.old), rootCacheSize)
	}
}
