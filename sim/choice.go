package sim

import (
	"math"
	"math/rand/v2"
)

// Choice draws numbers from 0 on with given weights, in constant time (Walker's
// alias method). Make one with [NewChoice] or [Zipf].
type Choice struct {
	// keep is the probability with which a number drawn evenly stands; otherwise
	// its alias is taken.
	keep  []float64
	alias []int32
}

// NewChoice returns the choice of a number i with a probability in proportion to
// weights[i]. Weights are not negative, and one at least is positive.
func NewChoice(weights []float64) *Choice {
	var sum float64
	for _, w := range weights {
		if w < 0 || math.IsNaN(w) {
			panic("sim: weight is negative")
		}
		sum += w
	}
	if !(sum > 0) || math.IsInf(sum, 0) {
		panic("sim: weights have no usable sum")
	}
	n := len(weights)
	c := &Choice{keep: make([]float64, n), alias: make([]int32, n)}
	share := make([]float64, n) // in units of an even share
	var small, large []int32
	for i, w := range weights {
		share[i] = w / sum * float64(n)
		if share[i] < 1 {
			small = append(small, int32(i))
		} else {
			large = append(large, int32(i))
		}
	}
	for len(small) > 0 && len(large) > 0 {
		s, l := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		c.keep[s], c.alias[s] = share[s], l
		share[l] -= 1 - share[s]
		if share[l] < 1 {
			large = large[:len(large)-1]
			small = append(small, l)
		}
	}
	// What is left is an even share, but for rounding.
	for _, i := range append(small, large...) {
		c.keep[i], c.alias[i] = 1, i
	}
	return c
}

// Sample draws a number.
func (c *Choice) Sample(r *rand.Rand) int {
	i := r.IntN(len(c.keep))
	if r.Float64() < c.keep[i] {
		return i
	}
	return int(c.alias[i])
}

// ZipfWeights returns the weights of n things whose popularity falls with the
// exponent-th power of their rank: 1, 1/2^s, 1/3^s and so on. The exponent of
// image pulls is near 1; zero is even.
func ZipfWeights(n int, exponent float64) []float64 {
	w := make([]float64, n)
	for i := range w {
		w[i] = math.Pow(float64(i+1), -exponent)
	}
	return w
}

// Zipf returns the choice among n things by [ZipfWeights].
func Zipf(n int, exponent float64) *Choice { return NewChoice(ZipfWeights(n, exponent)) }
