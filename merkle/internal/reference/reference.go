// Package reference is the slow and obvious form of the log and the map, written
// from their definitions and sharing no code with package merkle. Tests compare
// the two.
package reference

import (
	"bytes"
	"crypto/sha256"
	"slices"

	"github.com/cosmos/ics23/go"
)

// Hash is a SHA-256 hash.
type Hash = [32]byte

func inner(l, r Hash) Hash {
	return sha256.Sum256(slices.Concat([]byte{1}, l[:], r[:]))
}

// Entry is a key of the map and its value.
type Entry struct{ Key, Value string }

func (e Entry) path() Hash { return sha256.Sum256([]byte(e.Key)) }

func (e Entry) leaf() Hash {
	p, v := e.path(), sha256.Sum256([]byte(e.Value))
	return sha256.Sum256(slices.Concat([]byte{0}, p[:], v[:]))
}

// Sorted returns the entries of a map in path order.
func Sorted(m map[string]string) []Entry {
	var es []Entry
	for k, v := range m {
		es = append(es, Entry{k, v})
	}
	slices.SortFunc(es, func(a, b Entry) int {
		pa, pb := a.path(), b.path()
		return bytes.Compare(pa[:], pb[:])
	})
	return es
}

func bit(h Hash, i int) int { return int(h[i/8]>>(7-i%8)) & 1 }

// halves splits sorted entries by bit i of their paths.
func halves(es []Entry, i int) (l, r []Entry) {
	for _, e := range es {
		if bit(e.path(), i) == 0 {
			l = append(l, e)
		} else {
			r = append(r, e)
		}
	}
	return l, r
}

func mapHash(es []Entry, depth int) Hash {
	switch len(es) {
	case 0:
		return Hash{}
	case 1:
		return es[0].leaf()
	}
	l, r := halves(es, depth)
	return inner(mapHash(l, depth+1), mapHash(r, depth+1))
}

// MapRoot returns the root of a map.
func MapRoot(m map[string]string) Hash { return mapHash(Sorted(m), 0) }

// MapSiblings returns the siblings of a path, from the root on, and what entry
// stands at its end, if any.
func MapSiblings(m map[string]string, path Hash) (siblings []Hash, at *Entry) {
	es := Sorted(m)
	for depth := 0; len(es) > 1; depth++ {
		l, r := halves(es, depth)
		if bit(path, depth) == 1 {
			l, r = r, l
		}
		siblings = append(siblings, mapHash(r, depth+1))
		es = l
	}
	if len(es) == 1 {
		at = &es[0]
	}
	return siblings, at
}

// LogRoot returns the Merkle tree hash of leaf hashes (RFC 6962, section 2.1).
func LogRoot(leaves []Hash) Hash {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return leaves[0]
	}
	k := split(len(leaves))
	return inner(LogRoot(leaves[:k]), LogRoot(leaves[k:]))
}

// LogInclusion is PATH(m, D[n]) (RFC 6962, section 2.1.1).
func LogInclusion(m int, leaves []Hash) []Hash {
	if len(leaves) <= 1 {
		return nil
	}
	k := split(len(leaves))
	if m < k {
		return append(LogInclusion(m, leaves[:k]), LogRoot(leaves[k:]))
	}
	return append(LogInclusion(m-k, leaves[k:]), LogRoot(leaves[:k]))
}

// LogConsistency is PROOF(m, D[n]) (RFC 6962, section 2.1.2).
func LogConsistency(m int, leaves []Hash) []Hash {
	if m == 0 {
		return nil
	}
	return subproof(m, leaves, true)
}

func subproof(m int, leaves []Hash, whole bool) []Hash {
	if m == len(leaves) {
		if whole {
			return nil
		}
		return []Hash{LogRoot(leaves)}
	}
	k := split(len(leaves))
	if m <= k {
		return append(subproof(m, leaves[:k], whole), LogRoot(leaves[k:]))
	}
	return append(subproof(m-k, leaves[k:], false), LogRoot(leaves[:k]))
}

func split(n int) int {
	k := 1
	for k*2 < n {
		k *= 2
	}
	return k
}

// ICS23Existence writes an existence proof in the format of ics23: siblings from
// the leaf up, empty ones written out.
func ICS23Existence(e Entry, siblings []Hash) *ics23.ExistenceProof {
	p := &ics23.ExistenceProof{Key: []byte(e.Key), Value: []byte(e.Value), Leaf: ics23.SmtSpec.LeafSpec}
	for i, s := range slices.Backward(siblings) {
		op := &ics23.InnerOp{Hash: ics23.HashOp_SHA256}
		if bit(e.path(), i) == 0 {
			op.Prefix, op.Suffix = []byte{1}, s[:]
		} else {
			op.Prefix = slices.Concat([]byte{1}, s[:])
		}
		p.Path = append(p.Path, op)
	}
	return p
}

// ICS23Absence writes the absence proof of a key, with the existence proofs of
// its neighbours in path order as exist makes them.
func ICS23Absence(sorted []Entry, key string, exist func(Entry) *ics23.ExistenceProof) *ics23.NonExistenceProof {
	path := sha256.Sum256([]byte(key))
	i, _ := slices.BinarySearchFunc(sorted, path, func(e Entry, p Hash) int {
		ep := e.path()
		return bytes.Compare(ep[:], p[:])
	})
	p := &ics23.NonExistenceProof{Key: []byte(key)}
	if i > 0 {
		p.Left = exist(sorted[i-1])
	}
	if i < len(sorted) {
		p.Right = exist(sorted[i])
	}
	return p
}
