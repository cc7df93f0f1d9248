package paper

import (
	"bytes"
	"crypto/sha512"
	"encoding/binary"
)

// xor is the placement of Kademlia (Maymounkov and Mazières, 2002): a key belongs
// to the server whose id differs from it by the smallest number, read big-endian.
type xor struct {
	ids     [][sha512.Size384]byte
	high    []uint64 // the first 64 bits of the ids, which nearly always decide
	numbers []int
}

func newXOR(names []string, numbers []int) *xor {
	x := &xor{numbers: numbers}
	for _, name := range names {
		x.add(sha512.Sum384([]byte(name)))
	}
	return x
}

func (x *xor) add(id [sha512.Size384]byte) {
	x.ids = append(x.ids, id)
	x.high = append(x.high, binary.BigEndian.Uint64(id[:8]))
}

func (x *xor) place(k *key, _, winners []int) {
	best, from := 0, 0
	for i, to := range x.numbers {
		for j := from; j < to; j++ {
			a, b := x.high[j]^k.high, x.high[best]^k.high
			if a < b || a == b && j != best && x.closer(k, j, best) {
				best = j
			}
		}
		winners[i], from = best, to
	}
}

// closer reports whether server a is closer to the key than server b.
func (x *xor) closer(k *key, a, b int) bool {
	var da, db [sha512.Size384]byte
	for i := range da {
		da[i], db[i] = x.ids[a][i]^k.hash[i], x.ids[b][i]^k.hash[i]
	}
	return bytes.Compare(da[:], db[:]) < 0
}
