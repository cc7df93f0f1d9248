package database

import "github.com/cockroachdb/pebble/v2"

// DefaultCacheBytes is the size of the cache of a database that is given none.
const DefaultCacheBytes = 16 << 20

// Cache keeps blocks of tables in memory for the databases that share it. Memory is
// taken as it is needed.
type Cache struct{ blocks *pebble.Cache }

// NewCache returns a cache of so many bytes.
func NewCache(bytes int64) *Cache { return &Cache{pebble.NewCache(bytes)} }

// Close gives the memory back when the databases that use the cache are closed too.
// It must be called once.
func (c *Cache) Close() { c.blocks.Unref() }
