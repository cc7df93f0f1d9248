package ledger

import (
	"sync"

	"hullmark/tuf"
)

// rootCacheSize bounds each of the two generations of cached roots, in bytes of
// their files: some 10,000 roots of usual size.
const rootCacheSize = 16 << 20

// rootCache keeps parsed root files by the digest of their bytes. Every judgement of
// a publish begins with the repository's root, several times on its way into a
// block, and parsing one costs more than the signatures it decides about: each of
// its keys is checked for being in the right group. The same bytes always parse to
// the same root, which nobody changes, so that what a node happens to have cached
// changes nothing but time. It is for any number of goroutines.
type rootCache struct {
	mu sync.Mutex
	// A root that is used moves to young. When young is full it becomes old, and
	// what was old, unused for that long, is forgotten.
	young, old map[[32]byte]*tuf.Root
	size       int // of young
}

func newRootCache() *rootCache { return &rootCache{young: make(map[[32]byte]*tuf.Root)} }

// get returns the root whose file has a digest, nil if it is not there.
func (c *rootCache) get(digest [32]byte) *tuf.Root {
	c.mu.Lock()
	defer c.mu.Unlock()
	if root := c.young[digest]; root != nil {
		return root
	}
	root := c.old[digest]
	if root != nil {
		c.add(digest, root)
	}
	return root
}

// put keeps a root, whose file has that digest.
func (c *rootCache) put(digest [32]byte, root *tuf.Root) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(digest, root)
}

func (c *rootCache) add(digest [32]byte, root *tuf.Root) {
	if c.young[digest] != nil {
		return
	}
	if size := len(root.Bytes()); c.size+size > rootCacheSize {
		c.old, c.young, c.size = c.young, make(map[[32]byte]*tuf.Root), 0
	}
	c.young[digest] = root
	c.size += len(root.Bytes())
}
