package plot

import (
	"bytes"
	"fmt"
	"io"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// dotsPerInch is the resolution of a PNG: twice that of common screens.
const dotsPerInch = 144

// SVG returns the chart as a picture that can be scaled. Errors wrap ErrChart.
func (c Chart) SVG() ([]byte, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("couldn't draw %q: %w", c.Title, err)
	}
	canvas := vgsvg.New(c.size())
	picture, err := c.encode(canvas, canvas)
	if err != nil {
		return nil, err
	}
	// Where the typeface is not installed, one like it is better than one with serifs.
	return bytes.ReplaceAll(picture, []byte("font-family:Liberation Sans;"), []byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif;")), nil
}

// PNG returns the chart as a picture of pixels. Errors wrap ErrChart.
func (c Chart) PNG() ([]byte, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("couldn't draw %q: %w", c.Title, err)
	}
	canvas := vgimg.NewWith(vgimg.UseWH(c.size()), vgimg.UseDPI(dotsPerInch))
	return c.encode(canvas, vgimg.PngCanvas{Canvas: canvas})
}

func (c Chart) size() (width, height vg.Length) {
	width, height = DefaultWidth, DefaultHeight
	if c.Width > 0 {
		width = vg.Length(c.Width)
	}
	if c.Height > 0 {
		height = vg.Length(c.Height)
	}
	return width, height
}

// encode draws a valid chart on a canvas and returns what the canvas writes.
func (c Chart) encode(canvas vg.CanvasSizer, out io.WriterTo) ([]byte, error) {
	c.draw(draw.New(canvas))
	var b bytes.Buffer
	if _, err := out.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("couldn't draw %q: %w", c.Title, err)
	}
	return b.Bytes(), nil
}
