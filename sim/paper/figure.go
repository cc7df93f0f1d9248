package paper

import (
	"fmt"
	"math"

	"hullmark/sim/plot"
)

// Charts returns the figures by name: figure2, figure3 and figure4 as in the
// paper, and comparison, which has all placements.
func (s Summary) Charts() map[string]plot.Chart {
	images, servers := s.Setting.Images[len(s.Setting.Images)-1], s.Setting.Servers[0]
	return map[string]plot.Chart{
		"figure2": s.factors(s.title(fmt.Sprintf("Figure 2: %d servers", servers)), "images", s.Figure2(),
			func(p Point) int { return p.Images }, PublishedAverage2),
		"figure3": s.figure3(s.title(fmt.Sprintf("Figure 3: %d servers, %s images", servers, plot.Number(float64(images))))),
		"figure4": s.factors(s.title(fmt.Sprintf("Figure 4: %s images", plot.Number(float64(images)))), "servers", s.Figure4(),
			func(p Point) int { return p.Servers }, PublishedAverage4),
		"comparison": s.compared(fmt.Sprintf("Placements of the same %s images, median and quartiles", plot.Number(float64(images)))),
	}
}

func (s Summary) title(what string) string {
	if s.Setting.Trials == 1 {
		return what + ", one seed"
	}
	return fmt.Sprintf("%s, median and range of %d seeds", what, s.Setting.Trials)
}

// addRange adds a point to a series: the median with the range around it.
func addRange(to *plot.Series, x float64, s Spread) {
	to.X, to.Y = append(to.X, x), append(to.Y, float64(s.Median))
	to.Low, to.High = append(to.Low, float64(s.Min)), append(to.High, float64(s.Max))
}

// factors is the chart of figures 2 and 4.
func (s Summary) factors(title, unit string, points []Point, at func(Point) int, average float64) plot.Chart {
	ours, bounded := plot.Series{Name: "Hullmark, rendezvous"}, plot.Series{Name: "Hullmark, bounded"}
	stated := plot.Series{Name: "paper, stated points", Kind: plot.Points, Muted: true}
	mean := plot.Series{Name: "paper, stated average", Kind: plot.Curve, Muted: true}
	c := plot.Chart{Title: title, X: plot.Axis{Label: unit}, Y: plot.Axis{Label: "load factor, max / min"}}
	highest := average
	for _, p := range points {
		x := float64(at(p))
		c.X.Ticks = append(c.X.Ticks, x)
		mean.X, mean.Y = append(mean.X, x), append(mean.Y, average)
		addRange(&ours, x, p.Ours)
		highest = max(highest, float64(p.Ours.Max))
		if p.Bounded.Max > 0 {
			addRange(&bounded, x, p.Bounded)
		}
		if p.Paper != nil {
			stated.X, stated.Y = append(stated.X, x), append(stated.Y, float64(*p.Paper))
			highest = max(highest, float64(*p.Paper))
		}
	}
	if unit == "images" {
		// Ten labels of seven digits touch each other.
		c.X.Format, c.X.Label = func(v float64) string { return plot.Number(v / 1000) }, "images, thousands"
	}
	const grain = 100 // the axis ends at a hundredth
	c.Y.Min, c.Y.Max = 1, (math.Floor(highest*grain)+1)/grain
	c.Series = []plot.Series{mean, stated, ours, bounded}
	return c
}

// figure3 is the loads of single servers. The paper's are not stated, only their
// ratio; the two lines are as far apart as that.
func (s Summary) figure3(title string) plot.Chart {
	servers := s.Setting.Servers[0]
	images := s.Setting.Images[len(s.Setting.Images)-1]
	mean := float64(images) / float64(servers)
	factor, stated := published(images, servers)
	high, low := mean*2*factor/(1+factor), mean*2/(1+factor)
	upper := plot.Series{Name: "paper, loads by a factor " + plot.Number(factor) + " apart", Kind: plot.Curve, Muted: true}
	lower := plot.Series{Kind: plot.Curve, Muted: true}
	c := plot.Chart{
		Title: title,
		X:     plot.Axis{Label: "server, most loaded first", Min: 0.5, Max: float64(servers) + 0.5},
		Y:     plot.Axis{Label: "images on the server"},
	}
	for rank := range servers {
		x := float64(rank + 1)
		c.X.Ticks = append(c.X.Ticks, x)
		upper.X, upper.Y = append(upper.X, x), append(upper.Y, high)
		lower.X, lower.Y = append(lower.X, x), append(lower.Y, low)
	}
	if stated {
		c.Series = []plot.Series{upper, lower}
	}
	for _, part := range []struct {
		placement Placement
		name      string
		shift     float64 // beside each other, not on each other
	}{{Rendezvous, "Hullmark, rendezvous", -0.1}, {Bounded, "Hullmark, bounded", 0.1}} {
		series := plot.Series{Name: part.name, Kind: plot.Points}
		r, _ := s.Result(part.placement)
		for rank, l := range r.Loads {
			addRange(&series, float64(rank+1)+part.shift, l)
		}
		c.Series = append(c.Series, series)
	}
	return c
}

// compared is the chart of all placements. Load factors from 1.00001 to 1000 need
// a logarithm, of what they are above 1.
func (s Summary) compared(title string) plot.Chart {
	c := plot.Chart{
		Title: title, Height: 400,
		X: plot.Axis{Label: "servers"}, Y: plot.Axis{Label: "load factor - 1", Log: true},
	}
	last := len(s.Setting.Images) - 1
	least := 1 / float64(s.Setting.Images[last]) // less cannot be told from even
	for _, r := range s.Results {
		series := plot.Series{Name: string(r.Placement)}
		for column, f := range r.Factor[last] {
			if math.IsInf(float64(f.Upper), 0) {
				continue // a server got nothing
			}
			above := func(v Value) float64 { return max(float64(v)-1, least) }
			series.X, series.Y = append(series.X, float64(s.Setting.Servers[column])), append(series.Y, above(f.Median))
			series.Low, series.High = append(series.Low, above(f.Lower)), append(series.High, above(f.Upper))
		}
		c.Series = append(c.Series, series)
	}
	for _, n := range s.Setting.Servers {
		c.X.Ticks = append(c.X.Ticks, float64(n))
	}
	return c
}
