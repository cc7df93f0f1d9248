package plot

import (
	"image/color"
	"slices"

	gonum "gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// parts returns what draws a series, from the back to the front, and what of it
// the legend shows.
func (s Series) parts(l look, bar slot) (parts []gonum.Plotter, sample []gonum.Thumbnailer) {
	points := make(plotter.XYs, len(s.Y))
	for i, y := range s.Y {
		points[i] = plotter.XY{X: s.at(i), Y: y}
	}
	if s.Kind == Bars {
		for i := range points {
			points[i].X += bar.offset
		}
		b := &barPlot{points: points, width: bar.width, ink: l.ink}
		parts, sample = append(parts, b), append(sample, b)
	}
	if s.Low != nil {
		if s.Band {
			b := &bandPlot{points: points, low: s.Low, high: s.High, ink: l.shade()}
			parts, sample = append(parts, b), append(sample, b)
		} else {
			w := &whiskers{points: points, low: s.Low, high: s.High, style: draw.LineStyle{Color: l.ink, Width: lineWidth / 2}}
			if s.Kind == Bars {
				w.style.Color = color.Black
			}
			parts = append(parts, w)
		}
	}
	if s.Kind == Line || s.Kind == Curve {
		line := &plotter.Line{XYs: points, LineStyle: l.line(lineWidth)}
		parts, sample = append(parts, line), append(sample, line)
	}
	if s.Kind == Line || s.Kind == Points {
		marks := &plotter.Scatter{XYs: points, GlyphStyle: l.glyph()}
		parts, sample = append(parts, marks), append(sample, marks)
	}
	return parts, sample
}

// barRoom is the room for bars around each place on the X axis, which the series
// with bars share.
type barRoom struct {
	// width is that of all bars of one place, in units of the axis.
	width float64
	// count is how many series have bars.
	count int
}

func newBarRoom(series []Series) barRoom {
	const filled = 0.8 // of the distance between two places
	var places []float64
	room := barRoom{width: filled}
	for _, s := range series {
		if s.Kind != Bars {
			continue
		}
		room.count++
		for i := range s.Y {
			places = append(places, s.at(i))
		}
	}
	slices.Sort(places)
	places = slices.Compact(places)
	for i := 1; i < len(places); i++ {
		if d := (places[i] - places[i-1]) * filled; i == 1 || d < room.width {
			room.width = d
		}
	}
	return room
}

// slot is where the bars of one series stand: how far their middles are from their
// places, and their width.
type slot struct{ offset, width float64 }

// slot returns the slot of the n-th series with bars.
func (r barRoom) slot(n int) slot {
	width := r.width / float64(max(r.count, 1))
	return slot{offset: (float64(n) - float64(r.count-1)/2) * width, width: width}
}

// barPlot draws bars from zero, or from the lower edge when that is above zero.
type barPlot struct {
	points plotter.XYs
	width  float64 // of one bar, in units of the axis
	ink    color.Color
}

// Plot implements the library's Plotter.
func (b *barPlot) Plot(c draw.Canvas, p *gonum.Plot) {
	x, y := p.Transforms(&c)
	base := y(p.Y.Min)
	if p.Y.Min < 0 {
		base = y(min(0, p.Y.Max))
	}
	for _, point := range b.points {
		left, right, top := x(point.X-b.width*0.47), x(point.X+b.width*0.47), min(y(point.Y), c.Max.Y)
		c.FillPolygon(b.ink, c.ClipPolygonXY([]vg.Point{{X: left, Y: base}, {X: right, Y: base}, {X: right, Y: top}, {X: left, Y: top}}))
	}
}

// Thumbnail implements the library's Thumbnailer.
func (b *barPlot) Thumbnail(c *draw.Canvas) {
	inset := c.Size().X / 4
	c.FillPolygon(b.ink, []vg.Point{
		{X: c.Min.X + inset, Y: c.Min.Y}, {X: c.Max.X - inset, Y: c.Min.Y},
		{X: c.Max.X - inset, Y: c.Max.Y}, {X: c.Min.X + inset, Y: c.Max.Y},
	})
}

// bandPlot shades the room between two lines.
type bandPlot struct {
	points    plotter.XYs
	low, high []float64
	ink       color.Color
}

// Plot implements the library's Plotter.
func (b *bandPlot) Plot(c draw.Canvas, p *gonum.Plot) {
	x, y := p.Transforms(&c)
	outline := make([]vg.Point, 0, 2*len(b.points))
	for i, point := range b.points {
		outline = append(outline, vg.Point{X: x(point.X), Y: y(b.high[i])})
	}
	for i, point := range slices.Backward(b.points) {
		outline = append(outline, vg.Point{X: x(point.X), Y: y(b.low[i])})
	}
	c.FillPolygon(b.ink, c.ClipPolygonXY(outline))
}

// Thumbnail implements the library's Thumbnailer.
func (b *bandPlot) Thumbnail(c *draw.Canvas) {
	c.FillPolygon(b.ink, []vg.Point{c.Min, {X: c.Max.X, Y: c.Min.Y}, c.Max, {X: c.Min.X, Y: c.Max.Y}})
}

// whiskers draws a line with two ends for each spread.
type whiskers struct {
	points    plotter.XYs
	low, high []float64
	style     draw.LineStyle
}

// Plot implements the library's Plotter.
func (w *whiskers) Plot(c draw.Canvas, p *gonum.Plot) {
	const half vg.Length = 2.5
	x, y := p.Transforms(&c)
	for i, point := range w.points {
		at, low, high := x(point.X), y(w.low[i]), y(w.high[i])
		c.StrokeLines(w.style, c.ClipLinesXY([]vg.Point{{X: at, Y: low}, {X: at, Y: high}})...)
		for _, end := range []vg.Length{low, high} {
			if c.Contains(vg.Point{X: at, Y: end}) {
				c.StrokeLine2(w.style, at-half, end, at+half, end)
			}
		}
	}
}
