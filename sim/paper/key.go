package paper

import (
	"crypto/sha512"
	"encoding/binary"
	"strconv"

	"hullmark/placement"
)

// key is one image: the SHA-384 hash of its name, in the forms that the placements
// need.
type key struct {
	hash [sha512.Size384]byte
	// place is the hash as package placement takes it.
	place placement.Key
	// high is the hash's first 64 bits, read big-endian.
	high uint64
}

// keys makes the keys of one trial, one at a time.
type keys struct {
	name   []byte
	prefix int
	next   uint64
}

// newKeys returns the keys of a seed. Their names are synthetic:
// registry.example/team-<seed>/image-<n>.
func newKeys(seed uint64) *keys {
	name := strconv.AppendUint([]byte("registry.example/team-"), seed, 10)
	name = append(name, "/image-"...)
	return &keys{name: name, prefix: len(name)}
}

// read sets k to the next key.
func (s *keys) read(k *key) {
	s.name = strconv.AppendUint(s.name[:s.prefix], s.next, 10)
	s.next++
	k.hash = sha512.Sum384(s.name)
	k.place = placement.NewKey(k.hash[:])
	k.high = binary.BigEndian.Uint64(k.hash[:8])
}

// serverNames returns the ids of the servers of one trial. The client's ids of
// nodes are their URLs, so these are URLs too.
func serverNames(seed uint64, n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = "https://node-" + strconv.Itoa(i) + ".network-" + strconv.FormatUint(seed, 10) + ".example"
	}
	return names
}
