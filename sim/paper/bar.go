package paper

// Bar is what a load factor must not exceed. Uniform random placement meets those
// of rendezvous and does no better, so missing one means that placement is worse
// than chance.
type Bar struct {
	Placement Placement `json:"placement"`
	Images    int       `json:"images"`
	Servers   int       `json:"servers"`
	Most      Value     `json:"most"`
	// Always bounds every trial, otherwise the median of all.
	Always bool `json:"always"`
}

// MaxBoundedFactor bounds the load factor of bounded placement in every cell of
// every trial.
const MaxBoundedFactor = 1.01

// Bars returns the bars of a setting.
func (s Setting) Bars() []Bar {
	bars := []Bar{
		{Placement: Rendezvous, Images: 100_000, Servers: 10, Most: 1.035},
		{Placement: Rendezvous, Images: 1_000_000, Servers: 10, Most: 1.012},
		{Placement: Rendezvous, Images: 1_000_000, Servers: 20, Most: 1.022},
		{Placement: Rendezvous, Images: 1_000_000, Servers: 70, Most: 1.045},
		{Placement: Rendezvous, Images: 1_000_000, Servers: 100, Most: 1.055},
	}
	for _, images := range s.Images {
		for _, servers := range s.Servers {
			bars = append(bars, Bar{Placement: Bounded, Images: images, Servers: servers, Most: MaxBoundedFactor, Always: true})
		}
	}
	return bars
}

// Verdict is what became of a bar.
type Verdict struct {
	Bar
	Got Value `json:"got"`
	Met bool  `json:"met"`
}

// Check returns the verdict on each bar whose placement and cell were run.
func (s Summary) Check(bars []Bar) []Verdict {
	var out []Verdict
	for _, b := range bars {
		r, run := s.Result(b.Placement)
		row, column, ok := s.Setting.cell(b.Images, b.Servers)
		if !run || !ok {
			continue
		}
		got := r.Factor[row][column].Median
		if b.Always {
			got = r.Factor[row][column].Max
		}
		out = append(out, Verdict{Bar: b, Got: got, Met: got <= b.Most})
	}
	return out
}
