package plot

import (
	"image/color"
	"math"

	gonum "gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Sizes in points.
const (
	margin    vg.Length = 10
	textSize  vg.Length = 10
	titleSize vg.Length = 12
	lineWidth vg.Length = 1.4
	// swatch is the width of a sample in the legend.
	swatch vg.Length = 22
	// gap stands between the entries of the legend.
	gap vg.Length = 14
)

// entry is what the legend says of one series.
type entry struct {
	name   string
	sample []gonum.Thumbnailer
}

// draw draws a valid chart.
func (c Chart) draw(canvas draw.Canvas) {
	canvas.SetColor(color.White)
	canvas.Fill(canvas.Rectangle.Path())
	canvas = draw.Crop(canvas, margin, -margin, margin, -margin)

	p := gonum.New()
	p.BackgroundColor = nil
	for _, a := range []struct {
		from Axis
		to   *gonum.Axis
	}{{c.X, &p.X}, {c.Y, &p.Y}} {
		a.to.Label.Text = a.from.Label
		a.to.Label.Padding = 4
		writing(&a.to.Label.TextStyle, textSize)
		writing(&a.to.Tick.Label, textSize-1)
		a.to.Tick.Marker = marker{a.from}
		a.to.Tick.Length = 4
		if a.from.Log {
			a.to.Scale = logScale{}
		}
	}
	c.setRange(p)
	grid := plotter.NewGrid()
	grid.Vertical.Width = 0
	grid.Horizontal.Color = color.Gray{Y: 0xdd}
	p.Add(grid)

	var legend []entry
	room, bars := newBarRoom(c.Series), 0
	styles := looks(c.Series)
	for i, s := range c.Series {
		parts, sample := s.parts(styles[i], room.slot(bars))
		if s.Kind == Bars {
			bars++
		}
		p.Add(parts...)
		if s.Name != "" {
			legend = append(legend, entry{name: s.Name, sample: sample})
		}
	}
	// Adding parts widens the axes to all of their data; the chart decides.
	c.setRange(p)

	canvas.Max.Y -= c.drawTitle(canvas)
	canvas.Max.Y -= drawLegend(canvas, legend)
	p.Draw(canvas)
}

// setRange sets the ranges of both axes.
func (c Chart) setRange(p *gonum.Plot) {
	xs, ys := []float64{}, []float64{}
	width := newBarRoom(c.Series).width
	for _, s := range c.Series {
		for i, y := range s.Y {
			xs, ys = append(xs, s.at(i)), append(ys, y)
			if s.Low != nil {
				ys = append(ys, s.Low[i], s.High[i])
			}
			if s.Kind == Bars {
				xs = append(xs, s.at(i)-width/2, s.at(i)+width/2)
				if !c.Y.Log {
					ys = append(ys, 0)
				}
			}
		}
	}
	span := func(values []float64) (low, high float64) {
		low, high = math.Inf(1), math.Inf(-1)
		for _, v := range values {
			low, high = min(low, v), max(high, v)
		}
		return low, high
	}
	p.X.Min, p.X.Max = c.X.bounds(span(xs))
	p.Y.Min, p.Y.Max = c.Y.bounds(span(ys))
}

// drawTitle writes the title and returns the height it took.
func (c Chart) drawTitle(canvas draw.Canvas) vg.Length {
	if c.Title == "" {
		return 0
	}
	style := text.Style{Color: color.Black, XAlign: draw.XCenter, YAlign: draw.YTop, Handler: gonum.DefaultTextHandler}
	writing(&style, titleSize)
	canvas.FillText(style, vg.Point{X: canvas.Center().X, Y: canvas.Max.Y}, c.Title)
	return titleSize + 8
}

// drawLegend writes the legend in centred rows along the upper edge and returns
// the height it took.
func drawLegend(canvas draw.Canvas, entries []entry) vg.Length {
	style := text.Style{Color: color.Black, YAlign: draw.YCenter, Handler: gonum.DefaultTextHandler}
	writing(&style, textSize)
	width := func(e entry) vg.Length { return swatch + 5 + style.Width(e.name) }

	var rows [][]entry
	var used vg.Length
	for _, e := range entries {
		if len(rows) == 0 || used+gap+width(e) > canvas.Size().X {
			rows, used = append(rows, nil), -gap
		}
		last := len(rows) - 1
		rows[last] = append(rows[last], e)
		used += gap + width(e)
	}
	const height = textSize + 6
	for i, row := range rows {
		total := -gap
		for _, e := range row {
			total += gap + width(e)
		}
		x := canvas.Center().X - total/2
		middle := canvas.Max.Y - vg.Length(i)*height - height/2
		for _, e := range row {
			box := draw.Canvas{Canvas: canvas.Canvas, Rectangle: vg.Rectangle{
				Min: vg.Point{X: x, Y: middle - textSize/2}, Max: vg.Point{X: x + swatch, Y: middle + textSize/2},
			}}
			for _, t := range e.sample {
				t.Thumbnail(&box)
			}
			canvas.FillText(style, vg.Point{X: x + swatch + 5, Y: middle}, e.name)
			x += width(e) + gap
		}
	}
	if len(rows) == 0 {
		return 0
	}
	return vg.Length(len(rows))*height + 6
}
