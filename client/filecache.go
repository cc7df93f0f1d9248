package client

import (
	"bytes"
	"crypto/sha256"
	"maps"
	"slices"
	"sync"

	"hullmark/reference"
)

// fileCache keeps the targets files of the answers a client has verified, so that
// nodes need not send them again: they are most of what travels. It is trusted for
// nothing; files are named by their digests and verified again each time. The zero
// fileCache is ready for use, by several goroutines.
type fileCache struct {
	mu    sync.Mutex
	files map[reference.Repository]heldFiles
	// order is that of the last use, the oldest first.
	order []reference.Repository
	size  int
}

// heldFiles are the files of one repository by digest. They are never modified.
type heldFiles map[[sha256.Size]byte][]byte

// digests returns the digests of the files, ascending.
func (f heldFiles) digests() [][sha256.Size]byte {
	return slices.SortedFunc(maps.Keys(f), func(a, b [sha256.Size]byte) int { return bytes.Compare(a[:], b[:]) })
}

func (f heldFiles) size() int {
	n := 0
	for _, file := range f {
		n += len(file)
	}
	return n
}

// of returns the files of a repository.
func (c *fileCache) of(r reference.Repository) heldFiles {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.files[r]
}

// keep replaces the files of a repository by those of the newest answer, and forgets
// the files of repositories that were not asked about for the longest time while
// there are too many bytes.
func (c *fileCache) keep(r reference.Repository, targets [][]byte) {
	held := make(heldFiles)
	for _, file := range targets {
		held[sha256.Sum256(file)] = file
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(r)
	if len(held) == 0 || held.size() > maxCachedFiles {
		return
	}
	if c.files == nil {
		c.files = make(map[reference.Repository]heldFiles)
	}
	c.files[r] = held
	c.order = append(c.order, r)
	c.size += held.size()
	for c.size > maxCachedFiles {
		c.drop(c.order[0])
	}
}

// drop forgets a repository's files. The caller holds c.mu.
func (c *fileCache) drop(r reference.Repository) {
	i := slices.Index(c.order, r)
	if i < 0 {
		return
	}
	c.size -= c.files[r].size()
	c.order = slices.Delete(c.order, i, i+1)
	delete(c.files, r)
}
