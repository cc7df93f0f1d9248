package store

import (
	"encoding/binary"
	"fmt"

	"hullmark/merkle"
)

// First bytes of the database keys.
const (
	prefixNode    = 'n'
	prefixValue   = 'v'
	prefixVersion = 'r'
	prefixStale   = 's'
	prefixTile    = 't'
	prefixRecord  = 'e'
	prefixContent = 'b'
	prefixLatest  = 'm'
)

func nodeKey(k merkle.NodeKey) []byte {
	nibbles := (int(k.Depth) + 1) / 2
	b := make([]byte, 0, 1+8+1+nibbles)
	b = binary.BigEndian.AppendUint64(append(b, prefixNode), k.Version)
	b = append(b, k.Depth)
	return append(b, k.Prefix[:nibbles]...)
}

// parseNodeKey is the inverse of nodeKey.
func parseNodeKey(b []byte) (merkle.NodeKey, error) {
	if len(b) < 1+8+1 || b[0] != prefixNode {
		return merkle.NodeKey{}, fmt.Errorf("%w: %x is no node key", ErrCorrupt, b)
	}
	k := merkle.NodeKey{Version: binary.BigEndian.Uint64(b[1:]), Depth: b[9]}
	nibbles := b[10:]
	if k.Depth >= 2*merkle.HashSize || len(nibbles) != (int(k.Depth)+1)/2 ||
		k.Depth%2 == 1 && nibbles[len(nibbles)-1]&0x0f != 0 {
		return merkle.NodeKey{}, fmt.Errorf("%w: %x is no node key", ErrCorrupt, b)
	}
	copy(k.Prefix[:], nibbles)
	return k, nil
}

func valueKey(k merkle.ValueKey) []byte {
	b := make([]byte, 0, 1+8+merkle.HashSize)
	b = binary.BigEndian.AppendUint64(append(b, prefixValue), k.Version)
	return append(b, k.Path[:]...)
}

// parseValueKey is the inverse of valueKey.
func parseValueKey(b []byte) (merkle.ValueKey, error) {
	if len(b) != 1+8+merkle.HashSize || b[0] != prefixValue {
		return merkle.ValueKey{}, fmt.Errorf("%w: %x is no value key", ErrCorrupt, b)
	}
	return merkle.ValueKey{Version: binary.BigEndian.Uint64(b[1:]), Path: merkle.Hash(b[9:])}, nil
}

// numberKey returns the key of a version record, a stale list or a log record.
func numberKey(prefix byte, n uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{prefix}, n)
}

// parseNumberKey is the inverse of numberKey, for a key of known prefix.
func parseNumberKey(b []byte) (uint64, error) {
	if len(b) != 1+8 {
		return 0, fmt.Errorf("%w: unknown key %x", ErrCorrupt, b)
	}
	return binary.BigEndian.Uint64(b[1:]), nil
}

// tileKey names a log tile.
type tileKey struct {
	level uint8
	index uint64
}

func (k tileKey) encode() []byte {
	return binary.BigEndian.AppendUint64([]byte{prefixTile, k.level}, k.index)
}

func parseTileKey(b []byte) (tileKey, error) {
	if len(b) != 1+1+8 || b[0] != prefixTile {
		return tileKey{}, fmt.Errorf("%w: %x is no tile key", ErrCorrupt, b)
	}
	return tileKey{level: b[1], index: binary.BigEndian.Uint64(b[2:])}, nil
}

func contentKey(digest [32]byte) []byte {
	return append([]byte{prefixContent}, digest[:]...)
}

// parseContentKey is the inverse of contentKey.
func parseContentKey(b []byte) ([32]byte, error) {
	if len(b) != 1+32 || b[0] != prefixContent {
		return [32]byte{}, fmt.Errorf("%w: %x is no content key", ErrCorrupt, b)
	}
	return [32]byte(b[1:]), nil
}

func latestKey() []byte { return []byte{prefixLatest} }
