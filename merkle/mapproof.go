package merkle

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// MapProof shows what lies at one path of the map. It holds neither the path nor
// the value: the verifier knows them, or asks about nothing.
type MapProof struct {
	// Siblings are the hashes beside the way down to the leaf or the empty
	// subtree, one per binary level from the root on; zero is an empty subtree.
	Siblings []Hash

	// Foreign is the leaf of another path that stands where a leaf of the path
	// would have to; nil if nothing stands there. Proofs of absence only.
	Foreign *ForeignLeaf
}

// ForeignLeaf is the leaf of another key, without disclosing key and value.
type ForeignLeaf struct {
	Path      Hash
	ValueHash Hash
}

// Encode returns the number of siblings (big-endian, 16 bits), a bitmap of those
// that are not empty (the lowest bit of the first byte is the root's), these
// siblings from the root on, and 0, or 1 and path and value hash of the foreign
// leaf.
func (p MapProof) Encode() []byte {
	depth := len(p.Siblings)
	bitmap := make([]byte, (depth+7)/8)
	count := 0
	for i, s := range p.Siblings {
		if !s.IsZero() {
			bitmap[i/8] |= 1 << (i % 8)
			count++
		}
	}
	b := make([]byte, 0, 2+len(bitmap)+count*HashSize+1+2*HashSize)
	b = binary.BigEndian.AppendUint16(b, uint16(depth))
	b = append(b, bitmap...)
	for _, s := range p.Siblings {
		if !s.IsZero() {
			b = append(b, s[:]...)
		}
	}
	if p.Foreign == nil {
		return append(b, 0)
	}
	b = append(b, 1)
	b = append(b, p.Foreign.Path[:]...)
	return append(b, p.Foreign.ValueHash[:]...)
}

// DecodeMapProof is the inverse of MapProof.Encode. It returns ErrMalformed for
// anything that is not the one encoding of a proof: another length, bits set
// beyond the depth, a listed sibling that is empty, a flag other than 0 or 1. It
// refuses an empty deepest sibling too, since the leaf would lie higher then.
func DecodeMapProof(b []byte) (MapProof, error) {
	if len(b) < 2 {
		return MapProof{}, fmt.Errorf("%w map proof: %d bytes", ErrMalformed, len(b))
	}
	depth := int(binary.BigEndian.Uint16(b))
	if depth > MaxMapDepth {
		return MapProof{}, fmt.Errorf("%w map proof: depth %d", ErrMalformed, depth)
	}
	b = b[2:]
	size := (depth + 7) / 8
	if len(b) < size {
		return MapProof{}, fmt.Errorf("%w map proof: cut off in the bitmap", ErrMalformed)
	}
	bitmap, b := b[:size], b[size:]
	if r := depth % 8; r != 0 && bitmap[size-1]>>r != 0 {
		return MapProof{}, fmt.Errorf("%w map proof: bits set beyond depth %d", ErrMalformed, depth)
	}
	if depth > 0 && bitmap[size-1]>>((depth-1)%8)&1 == 0 {
		return MapProof{}, fmt.Errorf("%w map proof: the deepest sibling is empty", ErrMalformed)
	}
	count := 0
	for _, m := range bitmap {
		count += bits.OnesCount8(m)
	}
	if len(b) <= count*HashSize {
		return MapProof{}, fmt.Errorf("%w map proof: cut off in the siblings", ErrMalformed)
	}
	siblings, b := b[:count*HashSize], b[count*HashSize:]

	var p MapProof
	switch flag, rest := b[0], b[1:]; {
	case flag == 0 && len(rest) == 0:
	case flag == 1 && len(rest) == 2*HashSize:
		p.Foreign = &ForeignLeaf{Path: Hash(rest), ValueHash: Hash(rest[HashSize:])}
	default:
		return MapProof{}, fmt.Errorf("%w map proof: flag %d and %d bytes", ErrMalformed, flag, len(rest))
	}
	if depth > 0 {
		p.Siblings = make([]Hash, depth)
	}
	for i := range p.Siblings {
		if bitmap[i/8]>>(i%8)&1 == 0 {
			continue
		}
		p.Siblings[i], siblings = Hash(siblings), siblings[HashSize:]
		if p.Siblings[i].IsZero() {
			return MapProof{}, fmt.Errorf("%w map proof: an empty sibling is listed", ErrMalformed)
		}
	}
	return p, nil
}

// VerifyExistence checks that key has value in the map with the given root, by an
// encoded MapProof. It returns ErrMalformed when proof is no proof of existence,
// or value is empty, and ErrMismatch when it leads to another root.
func VerifyExistence(root Hash, key, value, proof []byte) error {
	p, err := DecodeMapProof(proof)
	if err != nil {
		return err
	}
	if p.Foreign != nil {
		return fmt.Errorf("%w existence proof: it has a foreign leaf", ErrMalformed)
	}
	if len(value) == 0 {
		return fmt.Errorf("%w existence proof: no value", ErrMalformed)
	}
	path := KeyPath(key)
	if p.root(path, MapLeafHash(path, ValueHash(value))) != root {
		return fmt.Errorf("existence %w", ErrMismatch)
	}
	return nil
}

// VerifyAbsence checks that key has no value in the map with the given root, by
// an encoded MapProof. It returns ErrMalformed when proof is no proof about key,
// and ErrMismatch when it leads to another root.
func VerifyAbsence(root Hash, key, proof []byte) error {
	p, err := DecodeMapProof(proof)
	if err != nil {
		return err
	}
	path := KeyPath(key)
	var leaf Hash
	if f := p.Foreign; f != nil {
		if f.Path == path {
			return fmt.Errorf("%w absence proof: the leaf is that of the key", ErrMalformed)
		}
		if !f.Path.sharesBits(&path, len(p.Siblings)) {
			return fmt.Errorf("%w absence proof: the leaf lies elsewhere", ErrMalformed)
		}
		leaf = MapLeafHash(f.Path, f.ValueHash)
	}
	if p.root(path, leaf) != root {
		return fmt.Errorf("absence %w", ErrMismatch)
	}
	return nil
}

// root returns the root that the proof leads to from the hash at its deepest level.
func (p MapProof) root(path, h Hash) Hash {
	for i := len(p.Siblings) - 1; i >= 0; i-- {
		if path.bit(i) == 0 {
			h = NodeHash(h, p.Siblings[i])
		} else {
			h = NodeHash(p.Siblings[i], h)
		}
	}
	return h
}
