package merkle

import (
	"crypto/sha256"
	"encoding/hex"
)

// HashSize is the size of every hash in this package, in bytes.
const HashSize = sha256.Size

// Prefixes separate the hashes of leaves from those of inner nodes, in the log
// and in the map alike (RFC 6962, section 2.1).
const (
	leafPrefix  = 0x00
	innerPrefix = 0x01
)

// Hash is a SHA-256 hash. The zero Hash stands for an empty map subtree, and is
// the root of the empty map.
type Hash [HashSize]byte

// String returns the hash in lower-case hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// IsZero reports whether h is the hash of an empty map subtree.
func (h Hash) IsZero() bool { return h == Hash{} }

// bit returns bit i, where bit 0 is the most significant one of the first byte.
func (h *Hash) bit(i int) byte { return h[i/8] >> (7 - i%8) & 1 }

// nibble returns the i-th half-byte, the upper half of the first byte first.
func (h *Hash) nibble(i int) int {
	if i%2 == 0 {
		return int(h[i/2] >> 4)
	}
	return int(h[i/2] & 0x0f)
}

// withNibble returns h with half-byte i set to v; it must be zero before.
func (h Hash) withNibble(i, v int) Hash {
	if i%2 == 0 {
		v <<= 4
	}
	h[i/2] |= byte(v)
	return h
}

// sharesBits reports whether the first n bits of h and o are equal.
func (h *Hash) sharesBits(o *Hash, n int) bool {
	for i := range n / 8 {
		if h[i] != o[i] {
			return false
		}
	}
	if r := n % 8; r != 0 {
		return (h[n/8]^o[n/8])>>(8-r) == 0
	}
	return true
}

// LeafHash returns the hash of a log leaf: SHA-256(0x00 || record).
func LeafHash(record []byte) Hash {
	d := sha256.New()
	d.Write([]byte{leafPrefix})
	d.Write(record)
	var h Hash
	d.Sum(h[:0])
	return h
}

// NodeHash returns the hash of an inner node of the log or the map:
// SHA-256(0x01 || l || r).
func NodeHash(l, r Hash) Hash {
	var b [1 + 2*HashSize]byte
	b[0] = innerPrefix
	copy(b[1:], l[:])
	copy(b[1+HashSize:], r[:])
	return sha256.Sum256(b[:])
}

// EmptyLogRoot returns the root of a log without leaves: SHA-256 of nothing.
func EmptyLogRoot() Hash { return sha256.Sum256(nil) }

// KeyPath returns where a key lies in the map: SHA-256(key).
func KeyPath(key []byte) Hash { return sha256.Sum256(key) }

// ValueHash returns what a map leaf holds of its value: SHA-256(value).
func ValueHash(value []byte) Hash { return sha256.Sum256(value) }

// MapLeafHash returns the hash of a map leaf: SHA-256(0x00 || path || valueHash).
func MapLeafHash(path, valueHash Hash) Hash {
	var b [1 + 2*HashSize]byte
	b[0] = leafPrefix
	copy(b[1:], path[:])
	copy(b[1+HashSize:], valueHash[:])
	return sha256.Sum256(b[:])
}
