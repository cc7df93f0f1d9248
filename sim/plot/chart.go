// Package plot draws the charts of the evaluation: lines, points and bars, with
// the spread around them, as SVG or PNG.
//
// A chart is data: what it shows and nothing of how it looks, so that all charts
// look alike. Series differ in colour, mark and dash, so that they can be told
// apart in grey. The legend stands above the data and never on it.
//
// The same chart gives the same bytes, on every machine of one architecture.
package plot

import (
	"errors"
	"fmt"
	"math"
)

// ErrChart is the class of errors of charts that cannot be drawn.
var ErrChart = errors.New("chart cannot be drawn")

// The size of a chart in points, 72 to the inch, unless it says otherwise.
const (
	DefaultWidth  = 560
	DefaultHeight = 350
)

// maxSize bounds a chart's sides in points: a picture of that size takes 60 MB.
const maxSize = 4000

// Chart is what one picture shows.
type Chart struct {
	Title string
	X, Y  Axis
	// Series are drawn in order, later ones on top.
	Series []Series
	// Width and Height are in points; zero is the default.
	Width, Height float64
}

// Axis says how one direction of a chart is divided.
type Axis struct {
	// Label names the quantity and its unit.
	Label string
	// Log divides the axis by factors; all values must be positive.
	Log bool
	// Min and Max bound the axis. Both zero: just what the data need. Data outside
	// are cut off.
	Min, Max float64
	// Ticks are the labelled places; none: chosen evenly.
	Ticks []float64
	// Names are categories, standing at 0, 1, 2 and so on, instead of ticks.
	Names []string
	// Format writes the labels of ticks; nil is Number.
	Format func(float64) string
}

// Kind is the shape of a series.
type Kind int

// The kinds of series.
const (
	// Line joins its points, and marks them.
	Line Kind = iota
	// Curve joins its points without marks: for many points, and for bounds.
	Curve
	// Points only marks its points.
	Points
	// Bars stand side by side with the bars of other series. A linear axis then
	// begins at zero.
	Bars
)

// Series is a row of points with one meaning.
type Series struct {
	// Name stands in the legend; a series without a name is left out there.
	Name string
	Kind Kind
	// X and Y have one entry per point. Without X, points stand at 0, 1, 2 and so on.
	X, Y []float64
	// Low and High are the ends of the spread around each Y; both or neither.
	Low, High []float64
	// Band shades the spread, where whiskers would hide each other.
	Band bool
	// Muted is grey and dashed: what others found, what was expected.
	Muted bool
}

// at returns a point's place on the X axis.
func (s Series) at(i int) float64 {
	if s.X == nil {
		return float64(i)
	}
	return s.X[i]
}

// Validate reports a chart that cannot be drawn. Errors wrap ErrChart.
func (c Chart) Validate() error {
	for _, side := range []float64{c.Width, c.Height} {
		if !(side >= 0 && side <= maxSize) {
			return fmt.Errorf("%w: a side of %v points, at most %d", ErrChart, side, maxSize)
		}
	}
	for _, a := range []struct {
		name string
		axis Axis
	}{{"x", c.X}, {"y", c.Y}} {
		if err := a.axis.validate(); err != nil {
			return fmt.Errorf("%w: axis %s: %w", ErrChart, a.name, err)
		}
	}
	points := 0
	for i, s := range c.Series {
		if err := s.validate(c.X, c.Y); err != nil {
			return fmt.Errorf("%w: series %d (%s): %w", ErrChart, i, s.Name, err)
		}
		points += len(s.Y)
	}
	if points == 0 {
		return fmt.Errorf("%w: no points", ErrChart)
	}
	return nil
}

func (a Axis) validate() error {
	for _, v := range append([]float64{a.Min, a.Max}, a.Ticks...) {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("a bound or tick is %v", v)
		}
	}
	if bounded := a.Min != 0 || a.Max != 0; bounded && a.Min >= a.Max {
		return fmt.Errorf("bounds %v and %v", a.Min, a.Max)
	} else if bounded && a.Log && a.Min <= 0 {
		return fmt.Errorf("a logarithm of the bound %v", a.Min)
	}
	if a.Log && a.Names != nil {
		return errors.New("a logarithm of names")
	}
	return nil
}

func (s Series) validate(x, y Axis) error {
	if s.Kind < Line || s.Kind > Bars {
		return fmt.Errorf("unknown kind %d", s.Kind)
	}
	if s.X != nil && len(s.X) != len(s.Y) {
		return fmt.Errorf("%d places for %d values", len(s.X), len(s.Y))
	}
	if len(s.Low) != len(s.High) || s.Low != nil && len(s.Low) != len(s.Y) {
		return fmt.Errorf("spread of %d and %d entries around %d values", len(s.Low), len(s.High), len(s.Y))
	}
	for i := range s.Y {
		values := []float64{s.Y[i]}
		if s.Low != nil {
			values = append(values, s.Low[i], s.High[i])
			if !(s.Low[i] <= s.Y[i] && s.Y[i] <= s.High[i]) {
				return fmt.Errorf("value %v outside of its spread, %v to %v", s.Y[i], s.Low[i], s.High[i])
			}
		}
		for _, v := range values {
			if err := y.holds(v); err != nil {
				return err
			}
		}
		if err := x.holds(s.at(i)); err != nil {
			return err
		}
	}
	return nil
}

// holds reports a value that has no place on the axis.
func (a Axis) holds(v float64) error {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return fmt.Errorf("a value is %v", v)
	}
	if a.Log && v <= 0 {
		return fmt.Errorf("a logarithm of %v", v)
	}
	return nil
}
