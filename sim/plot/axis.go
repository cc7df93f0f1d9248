package plot

import (
	"math"
	"strconv"
	"strings"

	gonum "gonum.org/v1/plot"
)

// Number writes a value as people read it: at most six significant digits, and
// thousands apart.
func Number(v float64) string {
	if v == 0 { // of either sign
		return "0"
	}
	text := strconv.FormatFloat(v, 'f', -1, 64)
	if rounded := strconv.FormatFloat(v, 'g', 6, 64); !strings.Contains(rounded, "e") {
		text = rounded
	} else if a := math.Abs(v); a < 1e-4 || a >= 1e15 {
		return rounded
	}
	whole, fraction, dotted := strings.Cut(text, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	if len(whole) > 4 {
		for i := len(whole) - 3; i > 0; i -= 3 {
			whole = whole[:i] + "," + whole[i:]
		}
	}
	if dotted {
		whole += "." + fraction
	}
	return sign + whole
}

// Percent writes a fraction in hundredths.
func Percent(v float64) string { return Number(v*100) + "%" }

// marker finds the ticks of an axis.
type marker struct{ axis Axis }

// Ticks implements the library's Ticker.
func (m marker) Ticks(low, high float64) []gonum.Tick {
	format := m.axis.Format
	if format == nil {
		format = Number
	}
	var ticks []gonum.Tick
	switch {
	case m.axis.Names != nil:
		for i, name := range m.axis.Names {
			ticks = append(ticks, gonum.Tick{Value: float64(i), Label: name})
		}
	case m.axis.Ticks != nil:
		for _, v := range m.axis.Ticks {
			ticks = append(ticks, gonum.Tick{Value: v, Label: format(v)})
		}
	case m.axis.Log:
		return logTicks(low, high, format)
	default:
		step := evenStep(high - low)
		for i := math.Ceil(low/step - 1e-9); i*step <= high+step*1e-9; i++ {
			// Rounding away what the multiplication added keeps labels short.
			v, err := strconv.ParseFloat(strconv.FormatFloat(i*step, 'g', 12, 64), 64)
			if err != nil {
				continue
			}
			ticks = append(ticks, gonum.Tick{Value: v, Label: format(v)})
		}
	}
	return ticks
}

// evenStep returns a step of 1, 2 or 5 times a power of ten that divides a range
// into four to ten parts.
func evenStep(span float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(span/4)))
	for _, factor := range []float64{5, 2} {
		if factor*power <= span/4 {
			return factor * power
		}
	}
	return power
}

// logTicks marks the powers of ten and, where these are fewer than three, their
// doubles and fivefolds.
func logTicks(low, high float64, format func(float64) string) []gonum.Tick {
	first, last := int(math.Floor(math.Log10(low))), int(math.Ceil(math.Log10(high)))
	few := math.Log10(high/low) < 3
	var ticks []gonum.Tick
	for e := first; e <= last; e++ {
		for factor := 1; factor < 10; factor++ {
			v := float64(factor) * math.Pow10(e)
			if v < low*(1-1e-9) || v > high*(1+1e-9) {
				continue
			}
			label := ""
			if factor == 1 || few && (factor == 2 || factor == 5) {
				label = format(v)
			}
			ticks = append(ticks, gonum.Tick{Value: v, Label: label})
		}
	}
	return ticks
}

// logScale is the library's logarithmic scale, with places outside of the range
// for values outside of it.
type logScale struct{}

// Normalize implements the library's Normalizer.
func (logScale) Normalize(low, high, v float64) float64 {
	return math.Log(v/low) / math.Log(high/low)
}

// bounds returns the range of an axis for data from low to high.
func (a Axis) bounds(low, high float64) (from, to float64) {
	if a.Min != 0 || a.Max != 0 {
		return a.Min, a.Max
	}
	for _, v := range a.Ticks {
		low, high = min(low, v), max(high, v)
	}
	if a.Names != nil {
		low, high = min(low, 0), max(high, float64(len(a.Names)-1))
	}
	switch {
	case low < high:
		return low, high
	case a.Log:
		return low / 2, high * 2
	case low == 0:
		return 0, 1
	default:
		return low - math.Abs(low)/2, high + math.Abs(high)/2
	}
}
