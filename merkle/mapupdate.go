package merkle

import (
	"bytes"
	"fmt"
	"slices"
)

// Change sets or deletes the value of one key of the map.
type Change struct {
	Key   []byte // 1 to MaxKeySize bytes
	Value []byte // nil deletes the key; otherwise 1 to MaxValueSize bytes
}

// NodeWrite is a map node to store.
type NodeWrite struct {
	Key  NodeKey
	Node *MapNode
}

// ValueWrite is a key and its value to store.
type ValueWrite struct {
	Path       Hash
	Key, Value []byte
}

// MapUpdate is what one version does to the map. Its order, and everything else
// in it, depends on the map before and on the changes only.
type MapUpdate struct {
	Root MapRef // the whole map after the changes

	Nodes  []NodeWrite  // to store, all of the new version
	Values []ValueWrite // to store, all of the new version

	// StaleNodes and StaleValues are reachable before this version and no longer
	// from it on: to delete when all versions before it are given up.
	StaleNodes  []NodeKey
	StaleValues []ValueKey
}

// UpdateMap computes what changes make of the map at root, as the given version,
// which must be above all versions in that map. The last change of a key wins.
// Changes that change nothing leave no trace: with none left the root is the one
// given and there is nothing to store. It reads from r and writes nothing; it
// keeps the slices of the changes. It returns ErrInvalidChange for keys and
// values outside their limits.
func UpdateMap(r NodeReader, root MapRef, version uint64, changes []Change) (*MapUpdate, error) {
	if version == 0 || root.Version >= version {
		return nil, fmt.Errorf("%w: version %d of a map of version %d", ErrInvalidChange, version, root.Version)
	}
	items, err := newMapItems(version, changes)
	if err != nil {
		return nil, err
	}
	u := updater{reader: r, version: version}
	if u.out.Root, err = u.update(root, NodeKey{Version: root.Version}, items); err != nil {
		return nil, err
	}
	return &u.out, nil
}

// mapItem is a leaf that goes into the map, or the path of one that goes.
type mapItem struct {
	path   Hash
	ref    MapRef  // what shall be at the path: RefEmpty or RefLeaf
	change *Change // nil for a leaf that was in the map before
}

// newMapItems returns the changes in path order with one item per path. Later
// steps split items until each is alone, which never ends for equal paths.
func newMapItems(version uint64, changes []Change) ([]mapItem, error) {
	items := make([]mapItem, 0, len(changes))
	for i := range changes {
		c := &changes[i]
		switch {
		case len(c.Key) == 0 || len(c.Key) > MaxKeySize:
			return nil, fmt.Errorf("%w: key of %d bytes", ErrInvalidChange, len(c.Key))
		case c.Value != nil && len(c.Value) == 0:
			return nil, fmt.Errorf("%w: empty value for key %x", ErrInvalidChange, c.Key)
		case len(c.Value) > MaxValueSize:
			return nil, fmt.Errorf("%w: value of %d bytes for key %x", ErrInvalidChange, len(c.Value), c.Key)
		}
		item := mapItem{path: KeyPath(c.Key), change: c}
		if c.Value != nil {
			item.ref = MapRef{
				Kind:    RefLeaf,
				Version: version,
				Hash:    MapLeafHash(item.path, ValueHash(c.Value)),
				Path:    item.path,
			}
		}
		items = append(items, item)
	}
	slices.SortStableFunc(items, func(a, b mapItem) int { return bytes.Compare(a.path[:], b.path[:]) })
	last := items[:0]
	for i, item := range items {
		if i+1 == len(items) || items[i+1].path != item.path {
			last = append(last, item)
		}
	}
	return last, nil
}

// updater collects what an update writes while it goes down the map.
type updater struct {
	reader  NodeReader
	version uint64
	out     MapUpdate
}

// update returns what becomes of the subtree ref, which would be stored at key if
// it is a node, when items are applied to it.
func (u *updater) update(ref MapRef, key NodeKey, items []mapItem) (MapRef, error) {
	if len(items) == 0 {
		return ref, nil
	}
	if ref.Kind == RefInner {
		return u.updateNode(ref, key, items)
	}
	if ref.Kind == RefLeaf {
		var changed bool
		if items, changed = u.mergeLeaf(ref, items); !changed {
			return ref, nil
		}
	}
	items = slices.DeleteFunc(slices.Clone(items), func(it mapItem) bool { return it.ref.Kind == RefEmpty })
	for _, it := range items {
		if it.change != nil {
			u.out.Values = append(u.out.Values, ValueWrite{Path: it.path, Key: it.change.Key, Value: it.change.Value})
		}
	}
	return u.build(NodeKey{Version: u.version, Depth: key.Depth, Prefix: key.Prefix}, items), nil
}

// mergeLeaf returns items with the leaf that was there before among them, unless
// one of them replaces it, and whether any of them changes anything.
func (u *updater) mergeLeaf(leaf MapRef, items []mapItem) ([]mapItem, bool) {
	old := mapItem{path: leaf.Path, ref: leaf} // its value stays at its old version
	i, found := slices.BinarySearchFunc(items, leaf.Path, func(it mapItem, path Hash) int {
		return bytes.Compare(it.path[:], path[:])
	})
	merged := slices.Clone(items)
	switch {
	case !found:
		merged = slices.Insert(merged, i, old)
	case merged[i].ref.Hash == leaf.Hash:
		merged[i] = old
	default:
		u.out.StaleValues = append(u.out.StaleValues, ValueKey{Version: leaf.Version, Path: leaf.Path})
		return merged, true
	}
	for _, it := range merged {
		if it.change != nil && it.ref.Kind == RefLeaf {
			return merged, true
		}
	}
	return merged, false
}

// updateNode applies items to the stored node at key.
func (u *updater) updateNode(ref MapRef, key NodeKey, items []mapItem) (MapRef, error) {
	n, err := readNode(u.reader, key, ref)
	if err != nil {
		return MapRef{}, err
	}
	var slots [NodeSlots]MapRef
	changed := false
	for slot := range NodeSlots {
		mine := items[:slotEnd(items, key.Depth, slot)]
		items = items[len(mine):]
		before := n.Slot(slot)
		if slots[slot], err = u.update(before, key.Child(slot, before.Version), mine); err != nil {
			return MapRef{}, err
		}
		changed = changed || slots[slot] != before
	}
	if !changed {
		return ref, nil
	}
	u.out.StaleNodes = append(u.out.StaleNodes, key)
	return u.emit(NodeKey{Version: u.version, Depth: key.Depth, Prefix: key.Prefix}, &slots), nil
}

// build returns a new subtree at key with the leaves of items.
func (u *updater) build(key NodeKey, items []mapItem) MapRef {
	switch len(items) {
	case 0:
		return MapRef{}
	case 1:
		return items[0].ref
	}
	var slots [NodeSlots]MapRef
	for slot := range NodeSlots {
		mine := items[:slotEnd(items, key.Depth, slot)]
		items = items[len(mine):]
		if len(mine) > 0 {
			slots[slot] = u.build(key.Child(slot, u.version), mine)
		}
	}
	return u.emit(key, &slots)
}

// emit returns the subtree with the given slots, as a node at key unless it is
// too small to be one: a lone leaf belongs to the node above.
func (u *updater) emit(key NodeKey, slots *[NodeSlots]MapRef) MapRef {
	n := newMapNode(slots)
	if n.present == 0 {
		return MapRef{}
	}
	if leaf, ok := n.loneLeaf(0, NodeSlots); ok {
		return leaf
	}
	u.out.Nodes = append(u.out.Nodes, NodeWrite{Key: key, Node: n})
	return MapRef{Kind: RefInner, Version: key.Version, Hash: n.Hash()}
}

// slotEnd returns how many of the items, which are sorted and have no slot below
// the given one, lie in that slot of a node at depth.
func slotEnd(items []mapItem, depth uint8, slot int) int {
	i := 0
	for i < len(items) && items[i].path.nibble(int(depth)) == slot {
		i++
	}
	return i
}
