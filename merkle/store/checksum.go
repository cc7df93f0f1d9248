package store

import (
	"crypto/sha256"
	"fmt"
)

// checksumSize is the size of a checksum in bytes. It guards against accidents of
// the disk, for which 64 bits are plenty; against everything else there are the
// hashes of the state.
const checksumSize = 8

func checksum(b []byte) [checksumSize]byte {
	sum := sha256.Sum256(b)
	return [checksumSize]byte(sum[:])
}

// seal appends a checksum to what no hash of the state covers whole: records and
// stale lists, and map nodes, whose hash covers neither the paths nor the versions
// in them. A wrong path there would make a key look absent.
func seal(b []byte) []byte {
	sum := checksum(b)
	return append(b, sum[:]...)
}

// unseal is the inverse of seal.
func unseal(b []byte) ([]byte, error) {
	n := len(b) - checksumSize
	if n < 0 || checksum(b[:n]) != [checksumSize]byte(b[n:]) {
		return nil, fmt.Errorf("%w: wrong checksum", ErrCorrupt)
	}
	return b[:n], nil
}
