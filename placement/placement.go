// Package placement decides which nodes are responsible for a key, by
// rendezvous hashing: each node gets a score for the key, and the nodes with the
// highest scores come first. Everyone who knows the same nodes computes the same
// order without talking to anyone. When a node leaves, only its own keys move;
// when one arrives, it takes an even share from all others.
//
// # Definition
//
// All numbers are unsigned 64-bit and wrap around.
//
//	first8(b)    = the first 8 bytes of SHA-256(b), read big-endian
//	keyhash      = first8(key)
//	seed(node)   = first8(id of the node)
//	score(node)  = splitmix64(keyhash XOR seed(node))
//
//	splitmix64(x):
//	    z = x + 0x9e3779b97f4a7c15
//	    z = (z XOR (z >> 30)) * 0xbf58476d1ce4e5b9
//	    z = (z XOR (z >> 27)) * 0x94d049bb133111eb
//	    return z XOR (z >> 31)
//
// Nodes are ordered by descending score; equal scores, which need equal seeds,
// by ascending id, byte by byte. So a key costs one hash and a node a few
// multiplications per key.
//
// Bounded departs from the order where it would put more on one node than on
// another, for one who counts.
//
// # Trust model
//
// The order spreads load and is no security measure: who chooses a node's id or
// a key can choose its place. Whatever a node answers is verified by other
// means.
package placement

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// Node is a node that can be responsible for keys: its id and what the score
// needs of it, hashed once. The zero value is not a node.
type Node struct {
	id   string
	seed uint64
}

// NewNode returns the node with an id. Ids should be stable, since the order
// depends on them, and distinct.
func NewNode(id string) Node {
	return Node{id: id, seed: first8([]byte(id))}
}

// ID returns the node's id.
func (n Node) ID() string { return n.id }

// Key is a key, hashed once for any number of questions about it. The zero value
// is the key of some hash too, and of no use.
type Key struct{ hash uint64 }

// NewKey returns the key with the given bytes.
func NewKey(b []byte) Key { return Key{hash: first8(b)} }

// Before reports whether node a is more responsible for the key than node b. It is
// the order that everything in this package follows.
func (k Key) Before(a, b Node) bool {
	x, y := splitmix64(k.hash^a.seed), splitmix64(k.hash^b.seed)
	return x > y || x == y && a.id < b.id
}

// First returns the index of the node most responsible for the key, or -1 when
// there is none. It is the first of Order without the work of sorting.
func (k Key) First(nodes []Node) int {
	first, best := -1, uint64(0)
	for i := range nodes {
		score := splitmix64(k.hash ^ nodes[i].seed)
		if first < 0 || score > best || score == best && nodes[i].id < nodes[first].id {
			first, best = i, score
		}
	}
	return first
}

// Order returns all nodes, the one most responsible for the key first. It leaves
// its argument as it is; the result does not depend on its order.
func (k Key) Order(nodes []Node) []Node {
	type scored struct {
		node  Node
		score uint64
	}
	ranking := make([]scored, len(nodes))
	for i, node := range nodes {
		ranking[i] = scored{node: node, score: splitmix64(k.hash ^ node.seed)}
	}
	slices.SortFunc(ranking, func(a, b scored) int {
		if c := cmp.Compare(b.score, a.score); c != 0 {
			return c
		}
		return cmp.Compare(a.node.id, b.node.id)
	})
	ordered := make([]Node, len(ranking))
	for i := range ranking {
		ordered[i] = ranking[i].node
	}
	return ordered
}

// Order is Key.Order of a key that is asked about once.
func Order(key []byte, nodes []Node) []Node { return NewKey(key).Order(nodes) }

// Pick returns the n nodes most responsible for the key, or all when there are
// fewer, in the order of Order. It returns none when n is not positive.
func Pick(key []byte, nodes []Node, n int) []Node {
	if n <= 0 {
		return nil
	}
	ordered := Order(key, nodes)
	return ordered[:min(n, len(ordered)):min(n, len(ordered))]
}

func first8(b []byte) uint64 {
	sum := sha256.Sum256(b)
	return binary.BigEndian.Uint64(sum[:8])
}

// splitmix64 is one step of the generator of Steele, Lea and Flood (2014) from
// the state x. It is a bijection in which every bit of x changes half of the
// result's bits.
func splitmix64(x uint64) uint64 {
	z := x + 0x9e3779b97f4a7c15
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}
