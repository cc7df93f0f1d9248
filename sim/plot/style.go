package plot

import (
	"image/color"

	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// look is how one series is told from the others.
type look struct {
	ink    color.RGBA
	dashes []vg.Length
	mark   draw.GlyphDrawer
}

// looks returns the look of each series, in order. The colours are those of Okabe
// and Ito, which people tell apart who do not see all colours; black is left to
// the axes and yellow out, being hard to see on white.
func looks(series []Series) []look {
	inks := []color.RGBA{
		{R: 0x00, G: 0x72, B: 0xb2, A: 0xff}, // blue
		{R: 0xd5, G: 0x5e, B: 0x00, A: 0xff}, // vermilion
		{R: 0x00, G: 0x9e, B: 0x73, A: 0xff}, // green
		{R: 0xcc, G: 0x79, B: 0xa7, A: 0xff}, // purple
		{R: 0xe6, G: 0x9f, B: 0x00, A: 0xff}, // orange
		{R: 0x56, G: 0xb4, B: 0xe9, A: 0xff}, // sky
	}
	marks := []draw.GlyphDrawer{
		draw.CircleGlyph{}, draw.BoxGlyph{}, draw.PyramidGlyph{},
		draw.RingGlyph{}, draw.SquareGlyph{}, draw.TriangleGlyph{}, draw.CrossGlyph{},
	}
	dashes := [][]vg.Length{nil, {6, 2}, {2, 2}, {6, 2, 2, 2}}
	grey := color.RGBA{R: 0x70, G: 0x70, B: 0x70, A: 0xff}
	out := make([]look, len(series))
	coloured, muted := 0, 0
	for i, s := range series {
		if s.Muted {
			out[i] = look{ink: grey, dashes: []vg.Length{3, 3}, mark: marks[(6+muted)%len(marks)]}
			muted++
			continue
		}
		// Dashes change when the colours are used up, marks with each series.
		out[i] = look{ink: inks[coloured%len(inks)], dashes: dashes[coloured/len(inks)%len(dashes)], mark: marks[coloured%len(marks)]}
		coloured++
	}
	return out
}

func (l look) line(width vg.Length) draw.LineStyle {
	return draw.LineStyle{Color: l.ink, Width: width, Dashes: l.dashes}
}

func (l look) glyph() draw.GlyphStyle {
	return draw.GlyphStyle{Color: l.ink, Radius: 2.6, Shape: l.mark}
}

// shade is the ink for areas: the same hue, so light that lines show through.
func (l look) shade() color.Color {
	const alpha = 0x38
	return color.NRGBA{R: l.ink.R, G: l.ink.G, B: l.ink.B, A: alpha}
}

// writing changes a text style to the one typeface of all charts.
func writing(s *text.Style, size font.Length) {
	s.Font = font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
}
