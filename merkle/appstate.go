package merkle

import (
	"crypto/sha256"
	"encoding/binary"
)

// AppState is what an app hash commits to. It holds no height and no time: two
// heights between which nothing happened have the same app hash. The app state of
// height H is committed to by the header of height H+1.
type AppState struct {
	Log LogHead
	Map Hash // root of the map
	// Meta is the format version and the hash of the parameters, at most
	// MaxMetaSize bytes; this package does not look into it.
	Meta []byte
}

// AppHash returns the root of CometBFT's simple map {"log": log head, "map": map
// root, "meta": meta}, whose leaves lie in key order: inner(inner(log, map), meta).
func (s AppState) AppHash() Hash {
	return NodeHash(
		NodeHash(simpleLeaf("log", s.Log.Encode()), simpleLeaf("map", s.Map[:])),
		simpleLeaf("meta", s.Meta))
}

// simpleLeaf hashes one pair of a CometBFT simple map: the key and the hash of
// the value, each behind its length, as a leaf of an RFC 6962 tree.
func simpleLeaf(key string, value []byte) Hash {
	h := sha256.Sum256(value)
	b := binary.AppendUvarint(nil, uint64(len(key)))
	b = append(b, key...)
	b = binary.AppendUvarint(b, HashSize)
	return LeafHash(append(b, h[:]...))
}
