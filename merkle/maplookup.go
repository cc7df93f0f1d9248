package merkle

import "fmt"

// NodeReader reads stored map nodes.
type NodeReader interface {
	// ReadNode returns the node at key, whose hash is want. A node that can't be
	// read, or is not there, is an error and never an empty subtree.
	ReadNode(key NodeKey, want Hash) (*MapNode, error)
}

// FindLeaf returns the leaf of path below root; the empty reference if it has none.
func FindLeaf(r NodeReader, root MapRef, path Hash) (MapRef, error) {
	ref, key := root, NodeKey{Version: root.Version}
	for ref.Kind == RefInner {
		n, err := readNode(r, key, ref)
		if err != nil {
			return MapRef{}, err
		}
		slot := path.nibble(int(key.Depth))
		ref = n.Slot(slot)
		if ref.Kind == RefInner {
			key = key.Child(slot, ref.Version)
		}
	}
	if ref.Path != path {
		return MapRef{}, nil
	}
	return ref, nil
}

// FindSiblings descends from root along path, bit by bit, until at most one leaf
// is left, and returns that leaf: the one of the path, that of another path, or
// the empty reference; in the latter two cases the path has no leaf. It also
// returns the hashes beside the way down, from the root on: what a proof about the
// path is made of.
func FindSiblings(r NodeReader, root MapRef, path Hash) (siblings []Hash, leaf MapRef, err error) {
	ref, key := root, NodeKey{Version: root.Version}
	for ref.Kind == RefInner {
		n, err := readNode(r, key, ref)
		if err != nil {
			return nil, MapRef{}, err
		}
		// Halve the slots until one is left, or nothing but a leaf or less.
		slot := path.nibble(int(key.Depth))
		lo, w := 0, NodeSlots
		for w > 1 {
			if _, lone := n.loneLeaf(lo, w); lone || n.present&rangeMask(lo, w) == 0 {
				break
			}
			w /= 2
			if slot&w == 0 {
				siblings = append(siblings, n.rangeHash(lo+w, w))
			} else {
				siblings = append(siblings, n.rangeHash(lo, w))
				lo += w
			}
		}
		if lone, ok := n.loneLeaf(lo, w); ok {
			return siblings, lone, nil
		}
		ref = n.Slot(slot)
		if ref.Kind == RefInner {
			key = key.Child(slot, ref.Version)
		}
	}
	return siblings, ref, nil
}

// WalkLeaves calls visit for every leaf below root, in path order, and stops at
// the first error.
func WalkLeaves(r NodeReader, root MapRef, visit func(leaf MapRef) error) error {
	return walkLeaves(r, root, NodeKey{Version: root.Version}, visit)
}

func walkLeaves(r NodeReader, ref MapRef, key NodeKey, visit func(leaf MapRef) error) error {
	switch ref.Kind {
	case RefEmpty:
		return nil
	case RefLeaf:
		return visit(ref)
	case RefInner:
	}
	n, err := readNode(r, key, ref)
	if err != nil {
		return err
	}
	for slot := range NodeSlots {
		child := n.Slot(slot)
		if child.Kind == RefEmpty {
			continue
		}
		if child.Kind == RefLeaf {
			err = visit(child)
		} else {
			err = walkLeaves(r, child, key.Child(slot, child.Version), visit)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func readNode(r NodeReader, key NodeKey, ref MapRef) (*MapNode, error) {
	n, err := r.ReadNode(key, ref.Hash)
	if err != nil {
		return nil, fmt.Errorf("couldn't read map node of version %d at depth %d: %w", key.Version, key.Depth, err)
	}
	return n, nil
}
