package paper

import "encoding/binary"

// ImageNames returns the names of the first keys of a seed.
func ImageNames(seed uint64, n int) []string {
	stream := newKeys(seed)
	var k key
	names := make([]string, n)
	for i := range names {
		stream.read(&k)
		names[i] = string(stream.name)
	}
	return names
}

// ServerNames returns the servers of a seed.
func ServerNames(seed uint64, n int) []string { return serverNames(seed, n) }

// RingWinners places a place on a ring of points, given as places and servers.
func RingWinners(at uint64, places []uint64, servers []int, numbers []int) []int {
	var points []point
	for i, p := range places {
		points = append(points, point{at: p, server: int32(servers[i])})
	}
	winners := make([]int, len(numbers))
	ringOf(points, numbers).place(&key{high: at}, nil, winners)
	return winners
}

// XORWinner places a hash among ids; both are padded with zeros behind.
func XORWinner(hash []byte, ids [][]byte) int {
	x := &xor{numbers: []int{len(ids)}}
	for _, id := range ids {
		var padded [48]byte
		copy(padded[:], id)
		x.add(padded)
	}
	var k key
	copy(k.hash[:], hash)
	k.high = binary.BigEndian.Uint64(k.hash[:8])
	winners := make([]int, 1)
	x.place(&k, nil, winners)
	return winners[0]
}
