package store

import (
	"container/list"
	"sync"

	"hullmark/merkle"
)

// nodeCache keeps decoded map nodes of committed versions, those used last. Keys
// hold the version that wrote the node, so an entry is never wrong, only useless.
type nodeCache struct {
	mu      sync.Mutex
	limit   int // bytes
	used    int // bytes, estimated
	recent  list.List
	entries map[merkle.NodeKey]*list.Element
}

type cacheEntry struct {
	key  merkle.NodeKey
	node *merkle.MapNode
}

func newNodeCache(limit int) *nodeCache {
	return &nodeCache{limit: limit, entries: make(map[merkle.NodeKey]*list.Element)}
}

// cost estimates the memory of an entry: the fields of the node, its references,
// the entry in the list and in the map.
func (e *cacheEntry) cost() int { return 256 + 80*e.node.Len() }

func (c *nodeCache) get(key merkle.NodeKey) (*merkle.MapNode, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	el, ok := c.entries[key]
	if !ok {
		return nil, false
	}
	c.recent.MoveToFront(el)
	return el.Value.(*cacheEntry).node, true
}

func (c *nodeCache) add(key merkle.NodeKey, node *merkle.MapNode) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.entries[key]; ok {
		return
	}
	e := &cacheEntry{key: key, node: node}
	c.entries[key] = c.recent.PushFront(e)
	c.used += e.cost()
	for c.used > c.limit && c.recent.Len() > 0 {
		c.remove(c.recent.Back())
	}
}

// drop forgets a node that the latest version no longer uses.
func (c *nodeCache) drop(key merkle.NodeKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if el, ok := c.entries[key]; ok {
		c.remove(el)
	}
}

func (c *nodeCache) remove(el *list.Element) {
	e := c.recent.Remove(el).(*cacheEntry)
	delete(c.entries, e.key)
	c.used -= e.cost()
}
