package merkle

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

// RefKind says what a MapRef points at.
type RefKind byte

// The kinds of subtrees.
const (
	RefEmpty RefKind = 0 // nothing
	RefLeaf  RefKind = 1 // one leaf, whose value is stored
	RefInner RefKind = 2 // two leaves or more, below a stored MapNode
)

// MapRefSize is the size of an encoded MapRef, in bytes.
const MapRefSize = 1 + 8 + HashSize + HashSize

// MapRef describes a subtree of the map to whoever stands above it: a slot of a
// MapNode or, for the whole map, the record of a version. The zero MapRef is the
// empty subtree.
type MapRef struct {
	Kind RefKind
	// Version is the version that wrote the MapNode (RefInner), or the value of
	// the leaf (RefLeaf), however often the nodes above were written since.
	Version uint64
	Hash    Hash
	Path    Hash // of the leaf; RefLeaf only
}

// Encode returns kind, version (big-endian, 64 bits), hash and path, at full
// length for every kind.
func (r MapRef) Encode() []byte {
	b := append(make([]byte, 0, MapRefSize), byte(r.Kind))
	b = binary.BigEndian.AppendUint64(b, r.Version)
	b = append(b, r.Hash[:]...)
	return append(b, r.Path[:]...)
}

// DecodeMapRef is the inverse of MapRef.Encode. It returns ErrMalformed for
// anything else.
func DecodeMapRef(b []byte) (MapRef, error) {
	if len(b) != MapRefSize {
		return MapRef{}, fmt.Errorf("%w map reference: %d bytes instead of %d", ErrMalformed, len(b), MapRefSize)
	}
	r := MapRef{
		Kind:    RefKind(b[0]),
		Version: binary.BigEndian.Uint64(b[1:]),
		Hash:    Hash(b[9:]),
		Path:    Hash(b[9+HashSize:]),
	}
	var ok bool
	switch r.Kind {
	case RefEmpty:
		ok = r == MapRef{}
	case RefLeaf:
		ok = r.Version > 0 && !r.Hash.IsZero()
	case RefInner:
		ok = r.Version > 0 && !r.Hash.IsZero() && r.Path.IsZero()
	}
	if !ok {
		return MapRef{}, fmt.Errorf("%w map reference of kind %d", ErrMalformed, b[0])
	}
	return r, nil
}

// NodeKey is the place of a stored MapNode: the version that wrote it, its depth
// in nibbles below the root (0 to 63) and the path down to it.
type NodeKey struct {
	Version uint64
	Depth   uint8
	Prefix  Hash // zero beyond Depth nibbles
}

// Child returns the key of the node below slot that version wrote.
func (k NodeKey) Child(slot int, version uint64) NodeKey {
	return NodeKey{Version: version, Depth: k.Depth + 1, Prefix: k.Prefix.withNibble(int(k.Depth), slot)}
}

// ValueKey is the place of a stored value: the version that wrote it and the path
// of its key.
type ValueKey struct {
	Version uint64
	Path    Hash
}

// MapNode is a stored inner node of the map. It spans four binary levels and so
// has 16 slots, each empty, a leaf or another node; below it lie two leaves at
// least. It is immutable.
type MapNode struct {
	present, leaves uint16
	refs            []MapRef // of the present slots, in slot order
}

// newMapNode returns the node with the given slots.
func newMapNode(slots *[NodeSlots]MapRef) *MapNode {
	var n MapNode
	for i, ref := range slots {
		if ref.Kind == RefEmpty {
			continue
		}
		n.present |= 1 << i
		if ref.Kind == RefLeaf {
			n.leaves |= 1 << i
		}
	}
	n.refs = make([]MapRef, 0, bits.OnesCount16(n.present))
	for _, ref := range slots {
		if ref.Kind != RefEmpty {
			n.refs = append(n.refs, ref)
		}
	}
	return &n
}

// Slot returns what lies in slot i, 0 to 15.
func (n *MapNode) Slot(i int) MapRef {
	if n.present>>i&1 == 0 {
		return MapRef{}
	}
	return n.refs[bits.OnesCount16(n.present&(1<<i-1))]
}

// Len returns the number of slots that are not empty.
func (n *MapNode) Len() int { return len(n.refs) }

// Hash returns the hash of the subtree at the node.
func (n *MapNode) Hash() Hash { return n.rangeHash(0, NodeSlots) }

// rangeMask returns the bits of the slots [lo, lo+w).
func rangeMask(lo, w int) uint16 { return uint16((1<<w - 1) << lo) }

// loneLeaf returns the leaf in the slots [lo, lo+w) if nothing else is there.
func (n *MapNode) loneLeaf(lo, w int) (MapRef, bool) {
	in := n.present & rangeMask(lo, w)
	if bits.OnesCount16(in) != 1 || n.leaves&in == 0 {
		return MapRef{}, false
	}
	return n.Slot(bits.TrailingZeros16(in)), true
}

// rangeHash returns the hash of the binary subtree over the slots [lo, lo+w),
// where w is a power of two.
func (n *MapNode) rangeHash(lo, w int) Hash {
	if n.present&rangeMask(lo, w) == 0 {
		return Hash{}
	}
	// A lone leaf floats up; a lone inner node is hashed down with empty siblings.
	if leaf, ok := n.loneLeaf(lo, w); ok {
		return leaf.Hash
	}
	if w == 1 {
		return n.Slot(lo).Hash
	}
	return NodeHash(n.rangeHash(lo, w/2), n.rangeHash(lo+w/2, w/2))
}

// Encode returns the mask of the present slots and that of the leaves among them
// (big-endian, 16 bits each, slot 0 the lowest bit), then for each present slot
// in order its hash, its version as an unsigned varint and, for a leaf, its path.
func (n *MapNode) Encode() []byte {
	b := make([]byte, 0, 4+len(n.refs)*(HashSize+4+HashSize))
	b = binary.BigEndian.AppendUint16(b, n.present)
	b = binary.BigEndian.AppendUint16(b, n.leaves)
	for _, ref := range n.refs {
		b = append(b, ref.Hash[:]...)
		b = binary.AppendUvarint(b, ref.Version)
		if ref.Kind == RefLeaf {
			b = append(b, ref.Path[:]...)
		}
	}
	return b
}

// DecodeMapNode is the inverse of MapNode.Encode for the node stored at key. It
// returns ErrMalformed for every other encoding, and for nodes that can't be at
// that place: newer children than the node, leaves of other paths, fewer than two
// leaves below.
func DecodeMapNode(key NodeKey, b []byte) (*MapNode, error) {
	n, err := decodeMapNode(key, b)
	if err != nil {
		return nil, fmt.Errorf("%w map node: %w", ErrMalformed, err)
	}
	return n, nil
}

func decodeMapNode(key NodeKey, b []byte) (*MapNode, error) {
	if key.Depth >= maxNodeDepth {
		return nil, fmt.Errorf("depth %d", key.Depth)
	}
	if len(b) < 4 || len(b) > maxNodeSize {
		return nil, fmt.Errorf("%d bytes", len(b))
	}
	n := MapNode{present: binary.BigEndian.Uint16(b), leaves: binary.BigEndian.Uint16(b[2:])}
	b = b[4:]
	count := bits.OnesCount16(n.present)
	switch {
	case count == 0:
		return nil, errors.New("no slot is present")
	case n.leaves&^n.present != 0:
		return nil, errors.New("leaf in an empty slot")
	case count == 1 && n.leaves != 0:
		return nil, errors.New("a lone leaf belongs to the node above")
	case n.leaves != n.present && key.Depth == maxNodeDepth-1:
		return nil, errors.New("node below the last nibble")
	}
	n.refs = make([]MapRef, 0, count)
	for slot := range NodeSlots {
		if n.present>>slot&1 == 0 {
			continue
		}
		ref := MapRef{Kind: RefInner}
		if len(b) < HashSize {
			return nil, errors.New("cut off")
		}
		ref.Hash, b = Hash(b[:HashSize]), b[HashSize:]
		if ref.Hash.IsZero() {
			return nil, fmt.Errorf("slot %d has the hash of an empty subtree", slot)
		}
		version, size := binary.Uvarint(b)
		if size <= 0 || size > 1 && b[size-1] == 0 {
			return nil, fmt.Errorf("slot %d has no minimal version", slot)
		}
		if version == 0 || version > key.Version {
			return nil, fmt.Errorf("slot %d has version %d below a node of version %d", slot, version, key.Version)
		}
		ref.Version, b = version, b[size:]
		if n.leaves>>slot&1 == 1 {
			if len(b) < HashSize {
				return nil, errors.New("cut off")
			}
			ref.Kind, ref.Path, b = RefLeaf, Hash(b[:HashSize]), b[HashSize:]
			if prefix := key.Child(slot, version).Prefix; !ref.Path.sharesBits(&prefix, slotBits*int(key.Depth+1)) {
				return nil, fmt.Errorf("slot %d has a leaf of another path", slot)
			}
		}
		n.refs = append(n.refs, ref)
	}
	if len(b) != 0 {
		return nil, fmt.Errorf("%d bytes too many", len(b))
	}
	return &n, nil
}
