package sim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Distribution is a random time. Samples are not negative.
type Distribution interface {
	// Sample draws a time from a stream.
	Sample(r *rand.Rand) time.Duration
	// Mean is the expected value.
	Mean() time.Duration
}

// Constant is always the same.
type Constant time.Duration

// Sample implements [Distribution]; it draws nothing.
func (c Constant) Sample(*rand.Rand) time.Duration { return time.Duration(c) }

// Mean implements [Distribution].
func (c Constant) Mean() time.Duration { return time.Duration(c) }

// Uniform is each time from Low to High alike.
type Uniform struct{ Low, High time.Duration }

// Sample implements [Distribution].
func (u Uniform) Sample(r *rand.Rand) time.Duration {
	return u.Low + time.Duration(r.Int64N(int64(u.High-u.Low)+1))
}

// Mean implements [Distribution].
func (u Uniform) Mean() time.Duration { return u.Low + (u.High-u.Low)/2 }

// Exponential is the time between events that know nothing of each other, by its
// mean.
type Exponential time.Duration

// Sample implements [Distribution].
func (e Exponential) Sample(r *rand.Rand) time.Duration {
	return scale(time.Duration(e), r.ExpFloat64())
}

// Mean implements [Distribution].
func (e Exponential) Mean() time.Duration { return time.Duration(e) }

// LogNormal is the product of many small influences, such as the time on a wide
// area network: most samples are near the median and a few far above it. The
// logarithm of a sample has standard deviation Sigma.
type LogNormal struct {
	Median time.Duration
	Sigma  float64
}

// Sample implements [Distribution].
func (l LogNormal) Sample(r *rand.Rand) time.Duration {
	return scale(l.Median, math.Exp(l.Sigma*r.NormFloat64()))
}

// Mean implements [Distribution].
func (l LogNormal) Mean() time.Duration { return scale(l.Median, math.Exp(l.Sigma*l.Sigma/2)) }

// Shifted is a distribution plus a constant, such as the time light needs.
type Shifted struct {
	By   time.Duration
	Rest Distribution
}

// Sample implements [Distribution].
func (s Shifted) Sample(r *rand.Rand) time.Duration { return s.By + s.Rest.Sample(r) }

// Mean implements [Distribution].
func (s Shifted) Mean() time.Duration { return s.By + s.Rest.Mean() }

// Empirical is what was measured: samples between the smallest and the largest
// measured time, linear between neighbours. Make one with [NewEmpirical].
type Empirical struct{ sorted []time.Duration }

// NewEmpirical returns the distribution of measured times, in any order.
func NewEmpirical(measured []time.Duration) (Empirical, error) {
	if len(measured) == 0 {
		return Empirical{}, fmt.Errorf("couldn't make distribution: nothing was measured")
	}
	sorted := slices.Sorted(slices.Values(measured))
	if sorted[0] < 0 {
		return Empirical{}, fmt.Errorf("couldn't make distribution: negative time %s", sorted[0])
	}
	return Empirical{sorted}, nil
}

// Sample implements [Distribution].
func (e Empirical) Sample(r *rand.Rand) time.Duration {
	at := r.Float64() * float64(len(e.sorted)-1)
	i := int(at)
	if i+1 >= len(e.sorted) {
		return e.sorted[i]
	}
	return e.sorted[i] + scale(e.sorted[i+1]-e.sorted[i], at-float64(i))
}

// Mean implements [Distribution]: of the lines between the measured times, not of
// these themselves.
func (e Empirical) Mean() time.Duration {
	if len(e.sorted) == 1 {
		return e.sorted[0]
	}
	var sum float64
	for i := range len(e.sorted) - 1 {
		sum += (float64(e.sorted[i]) + float64(e.sorted[i+1])) / 2
	}
	return time.Duration(math.Round(sum / float64(len(e.sorted)-1)))
}

// scale multiplies a time, and ends at [Forever] instead of overflowing. The
// product is rounded once, so it is the same on every machine.
func scale(d time.Duration, by float64) time.Duration {
	x := math.Round(float64(d) * by)
	if x >= float64(Forever) {
		return Forever
	}
	return time.Duration(x)
}
