package sim

import (
	"math"
	"math/bits"
	"time"
)

// Histogram counts times in buckets, each at most 1/128 wide of what it holds: so
// a quantile is off by less than 0.8 %, and the memory is bounded by 8 bytes for
// each of 7,424 buckets, whatever is recorded. The zero value is empty.
type Histogram struct {
	buckets  []uint64
	count    uint64
	sum      float64
	min, max time.Duration
}

// subBits is how many bits of a value below its first one tell buckets apart.
const subBits = 7

// bucket returns the bucket of a value. The first 2^subBits buckets hold one value
// each; from there on every power of two has as many.
func bucket(d time.Duration) int {
	v := uint64(d)
	shift := max(0, bits.Len64(v)-subBits-1)
	return shift<<subBits + int(v>>shift)
}

// lower returns the least value of a bucket.
func lower(b int) uint64 {
	shift := max(0, b>>subBits-1)
	return uint64(b-shift<<subBits) << shift
}

// Add records a time, which is not negative.
func (h *Histogram) Add(d time.Duration) {
	if d < 0 {
		panic("sim: negative time recorded")
	}
	b := bucket(d)
	if b >= len(h.buckets) {
		h.buckets = append(h.buckets, make([]uint64, b+1-len(h.buckets))...)
	}
	h.buckets[b]++
	if h.count == 0 || d < h.min {
		h.min = d
	}
	h.max = max(h.max, d)
	h.count++
	h.sum += float64(d)
}

// Merge adds what another histogram has recorded.
func (h *Histogram) Merge(other *Histogram) {
	if other.count == 0 {
		return
	}
	if n := len(other.buckets); n > len(h.buckets) {
		h.buckets = append(h.buckets, make([]uint64, n-len(h.buckets))...)
	}
	for b, n := range other.buckets {
		h.buckets[b] += n
	}
	if h.count == 0 || other.min < h.min {
		h.min = other.min
	}
	h.max = max(h.max, other.max)
	h.count += other.count
	h.sum += other.sum
}

// Count returns how many times were recorded.
func (h *Histogram) Count() uint64 { return h.count }

// Mean returns their mean, zero of none.
func (h *Histogram) Mean() time.Duration {
	if h.count == 0 {
		return 0
	}
	return scale(1, h.sum/float64(h.count))
}

// Min and Max return the least and the largest, exactly; zero of none.
func (h *Histogram) Min() time.Duration { return h.min }

// Max returns the largest time, exactly; zero of none.
func (h *Histogram) Max() time.Duration { return h.max }

// Quantile returns the time that a share q of those recorded do not exceed: the
// middle of its bucket, never outside Min and Max. It is zero of none.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.count == 0 {
		return 0
	}
	rank := uint64(math.Ceil(q * float64(h.count)))
	rank = min(max(rank, 1), h.count)
	var seen uint64
	for b, n := range h.buckets {
		seen += n
		if seen >= rank {
			low := lower(b)
			middle := time.Duration(low + (lower(b+1)-low)/2)
			return min(max(middle, h.min), h.max)
		}
	}
	return h.max
}
