package paper

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
)

// Value is a number of a summary. Infinite ones, load factors of servers that got
// nothing, are "inf" in CSV and null in JSON.
type Value float64

// String implements fmt.Stringer: six digits after the point at most.
func (v Value) String() string {
	if math.IsInf(float64(v), 0) {
		return "inf"
	}
	const precision = 1e6
	return strconv.FormatFloat(math.Round(float64(v)*precision)/precision, 'f', -1, 64)
}

// MarshalJSON implements json.Marshaler.
func (v Value) MarshalJSON() ([]byte, error) {
	if math.IsInf(float64(v), 0) {
		return []byte("null"), nil
	}
	return json.Marshal(json.Number(v.String()))
}

// Spread is how a number varies over the trials.
type Spread struct {
	Min    Value `json:"min"`
	Lower  Value `json:"lower_quartile"`
	Median Value `json:"median"`
	Upper  Value `json:"upper_quartile"`
	Max    Value `json:"max"`
}

// NewSpread returns the spread of values; there must be one. Quantiles are
// interpolated between the two nearest values.
func NewSpread(values []float64) Spread {
	sorted := slices.Sorted(slices.Values(values))
	at := func(q float64) Value {
		place := q * float64(len(sorted)-1)
		below := int(place)
		if float64(below) == place {
			return Value(sorted[below])
		}
		return Value(sorted[below] + (place-float64(below))*(sorted[below+1]-sorted[below]))
	}
	return Spread{Min: at(0), Lower: at(0.25), Median: at(0.5), Upper: at(0.75), Max: at(1)}
}

// Summary is what all trials of a setting gave.
type Summary struct {
	Setting Setting
	// Results are in the order of the setting's placements.
	Results []Result
}

// Result is what one placement gave in all trials. Cells are [images][servers], in
// the order of the setting.
type Result struct {
	Placement Placement
	Factor    [][]Spread
	// Departed is the share of keys that are not on their first server in rendezvous
	// order.
	Departed [][]Spread
	// Loads are those of the servers in the smallest number of servers with all
	// images, the most loaded server of each trial first.
	Loads []Spread
	Moved []MovedSpread
}

// MovedSpread is how the share of a movement varies over the trials.
type MovedSpread struct {
	Servers int
	Share   Spread
}

// Summarise returns the summary of the trials that Run returned for a setting.
func Summarise(s Setting, trials []Trial) Summary {
	out := Summary{Setting: s}
	for i, p := range s.Placements {
		over := func(value func(Grid) float64) Spread {
			var values []float64
			for _, trial := range trials {
				if i < len(trial.Grids) {
					values = append(values, value(trial.Grids[i]))
				}
			}
			return NewSpread(values)
		}
		r := Result{Placement: p}
		for row := range s.Images {
			var factor, departed []Spread
			for column := range s.Servers {
				factor = append(factor, over(func(g Grid) float64 { return g.Factor[row][column] }))
				departed = append(departed, over(func(g Grid) float64 { return g.Departed[row][column] }))
			}
			r.Factor, r.Departed = append(r.Factor, factor), append(r.Departed, departed)
		}
		for rank := range s.Servers[0] {
			r.Loads = append(r.Loads, over(func(g Grid) float64 {
				sorted := slices.Sorted(slices.Values(g.Loads))
				return float64(sorted[len(sorted)-1-rank])
			}))
		}
		for m, moved := range trials[0].Grids[i].Moved {
			r.Moved = append(r.Moved, MovedSpread{Servers: moved.Servers, Share: over(func(g Grid) float64 { return g.Moved[m].Share })})
		}
		out.Results = append(out.Results, r)
	}
	return out
}

// Result returns what a placement gave, or false when it was not run.
func (s Summary) Result(p Placement) (Result, bool) {
	i := slices.Index(s.Setting.Placements, p)
	if i < 0 {
		return Result{}, false
	}
	return s.Results[i], true
}

// cell returns where a number of images and servers stands, or false.
func (s Setting) cell(images, servers int) (row, column int, ok bool) {
	row, column = slices.Index(s.Images, images), slices.Index(s.Servers, servers)
	return row, column, row >= 0 && column >= 0
}
