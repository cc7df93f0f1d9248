package paper

import (
	"cmp"
	"crypto/sha512"
	"encoding/binary"
	"slices"
	"strconv"
)

// point is a place of a server on a ring.
type point struct {
	at     uint64
	server int32
}

// ring is consistent hashing (Karger and others, 1997): a key belongs to the
// server of the first point at or after it, around the circle. Places are the
// first 64 bits of SHA-384 hashes. The ring of fewer servers is that of all
// without the others' points, so that one walk finds the winners among all numbers
// of servers.
type ring struct {
	points  []point
	numbers []int
	// index holds, for each value of the first bits of a place, the first point that
	// is not before them: a search from there takes a step or two.
	index []int32
	shift uint
}

// newRing returns the ring on which each server has so many points, the hashes of
// its name with "#0", "#1" and so on.
func newRing(names []string, numbers []int, each int) *ring {
	points := make([]point, 0, len(names)*each)
	for i, name := range names {
		for p := range each {
			sum := sha512.Sum384([]byte(name + "#" + strconv.Itoa(p)))
			points = append(points, point{at: binary.BigEndian.Uint64(sum[:8]), server: int32(i)})
		}
	}
	return ringOf(points, numbers)
}

// ringOf returns the ring of points, of which each server has one at least.
func ringOf(points []point, numbers []int) *ring {
	slices.SortFunc(points, func(a, b point) int {
		if c := cmp.Compare(a.at, b.at); c != 0 {
			return c
		}
		return cmp.Compare(a.server, b.server)
	})
	bits := uint(1)
	for 1<<bits < len(points) {
		bits++
	}
	r := &ring{points: points, numbers: numbers, index: make([]int32, 1<<bits), shift: 64 - bits}
	next := 0
	for b := range r.index {
		for next < len(points) && points[next].at < uint64(b)<<r.shift {
			next++
		}
		r.index[b] = int32(next)
	}
	return r
}

func (r *ring) place(k *key, _, winners []int) {
	i := int(r.index[k.high>>r.shift])
	for i < len(r.points) && r.points[i].at < k.high {
		i++
	}
	// The largest number of servers meets one of its points first.
	for left := len(r.numbers); ; i++ {
		if i == len(r.points) {
			i = 0
		}
		server := int(r.points[i].server)
		for server < r.numbers[left-1] {
			winners[left-1] = server
			if left--; left == 0 {
				return
			}
		}
	}
}
