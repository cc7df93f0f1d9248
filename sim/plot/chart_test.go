package plot_test

import (
	"bytes"
	"errors"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hullmark/sim/plot"
)

// charts are one of each sort.
func charts() map[string]plot.Chart {
	return map[string]plot.Chart{
		"lines": {
			Title: "Lines with whiskers & <signs>", X: plot.Axis{Label: "images"}, Y: plot.Axis{Label: "load factor", Min: 1, Max: 1.1},
			Series: []plot.Series{
				{Name: "ours", X: []float64{1e5, 5e5, 1e6}, Y: []float64{1.03, 1.02, 1.01}, Low: []float64{1.02, 1.01, 1.005}, High: []float64{1.05, 1.03, 1.02}},
				{Name: "theirs", X: []float64{1e5, 1e6}, Y: []float64{1.06, 1.04}, Muted: true},
				{Name: "cut off", Kind: plot.Curve, X: []float64{1e5, 1e6}, Y: []float64{1.05, 1.5}},
			},
		},
		"bars": {
			Title: "Bars", X: plot.Axis{Names: []string{"one", "two", "three"}}, Y: plot.Axis{Label: "keys"},
			Series: []plot.Series{
				{Name: "a", Kind: plot.Bars, Y: []float64{3, 4, 5}, Low: []float64{2, 3, 4}, High: []float64{4, 5, 6}},
				{Name: "b", Kind: plot.Bars, Y: []float64{1, 2, 3}},
			},
		},
		"logarithms": {
			Title: "Logarithms", X: plot.Axis{Label: "nodes", Log: true, Ticks: []float64{4, 10, 100}}, Y: plot.Axis{Label: "seconds", Log: true},
			Series: []plot.Series{
				{Name: "band", Kind: plot.Curve, X: []float64{4, 10, 100}, Y: []float64{0.1, 1, 30}, Low: []float64{0.05, 0.7, 20}, High: []float64{0.2, 2, 70}, Band: true},
				{Name: "points", Kind: plot.Points, X: []float64{4, 7, 33}, Y: []float64{0.3, 2, 9}},
				{Name: "bars", Kind: plot.Bars, X: []float64{20, 40}, Y: []float64{1, 2}},
			},
		},
		"many": {
			Title: "Many", Y: plot.Axis{Format: plot.Percent}, Series: []plot.Series{
				{Name: "the first of many", Y: []float64{1, 2}}, {Name: "the second of many", Y: []float64{2, 3}}, {Name: "the third of many", Y: []float64{3, 4}},
				{Name: "the fourth of many", Y: []float64{4, 5}}, {Name: "the fifth of many", Y: []float64{5, 6}}, {Name: "the sixth of many", Y: []float64{6, 7}},
				{Name: "the seventh of many", Y: []float64{7, 8}}, {Name: "the eighth of many", Y: []float64{8, 9}},
			},
		},
		"one point": {Series: []plot.Series{{Name: "lonely", Kind: plot.Points, Y: []float64{7}}}},
		"no spread": {Series: []plot.Series{{Y: []float64{0, 0, 0}}}},
		"negative":  {Series: []plot.Series{{Name: "down", Kind: plot.Bars, Y: []float64{-1, 2}}}},
	}
}

func TestCharts(t *testing.T) {
	// HULLMARK_CHARTS names a directory to keep the pictures in, for looking at.
	keep := os.Getenv("HULLMARK_CHARTS")
	for name, c := range charts() {
		t.Run(name, func(t *testing.T) {
			svg, err := c.SVG()
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range c.Series {
				if s.Name != "" && !bytes.Contains(svg, []byte(">"+s.Name+"<")) {
					t.Errorf("the legend lacks %q", s.Name)
				}
			}
			if bytes.Contains(svg, []byte("NaN")) || bytes.Contains(svg, []byte("Inf")) {
				t.Error("places that are no numbers")
			}
			picture, err := c.PNG()
			if err != nil {
				t.Fatal(err)
			}
			decoded, err := png.Decode(bytes.NewReader(picture))
			if err != nil {
				t.Fatal(err)
			}
			if got := decoded.Bounds().Size(); got.X != plot.DefaultWidth*2 || got.Y != plot.DefaultHeight*2 {
				t.Errorf("%v pixels", got)
			}
			again, err := c.SVG()
			if err != nil || !bytes.Equal(svg, again) {
				t.Errorf("drawn twice, two pictures: %v", err)
			}
			if repeated, err := c.PNG(); err != nil || !bytes.Equal(picture, repeated) {
				t.Errorf("drawn twice, two pictures: %v", err)
			}
			if keep != "" {
				if err := os.WriteFile(filepath.Join(keep, strings.ReplaceAll(name, " ", "-")+".png"), picture, 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestText(t *testing.T) {
	svg, err := charts()["lines"].SVG()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Lines with whiskers &amp; &lt;signs&gt;", ">load factor<", ">images<", ">200,000<", ">1.02<", "Liberation Sans,Arial"} {
		if !bytes.Contains(svg, []byte(want)) {
			t.Errorf("lacks %q", want)
		}
	}
}

func TestRefused(t *testing.T) {
	with := func(change func(*plot.Chart)) plot.Chart {
		c := plot.Chart{Series: []plot.Series{{X: []float64{1, 2}, Y: []float64{1, 2}, Low: []float64{1, 2}, High: []float64{1, 2}}}}
		change(&c)
		return c
	}
	tests := map[string]plot.Chart{
		"empty":              {},
		"no points":          {Series: []plot.Series{{Name: "none"}}},
		"too large":          with(func(c *plot.Chart) { c.Width = 1e9 }),
		"negative height":    with(func(c *plot.Chart) { c.Height = -1 }),
		"no width":           with(func(c *plot.Chart) { c.Width = math.NaN() }),
		"lengths":            with(func(c *plot.Chart) { c.Series[0].X = []float64{1} }),
		"half a spread":      with(func(c *plot.Chart) { c.Series[0].Low = nil }),
		"short spread":       with(func(c *plot.Chart) { c.Series[0].Low, c.Series[0].High = []float64{1}, []float64{1} }),
		"value above spread": with(func(c *plot.Chart) { c.Series[0].Y[0] = 3 }),
		"not a number":       with(func(c *plot.Chart) { c.Series[0].Y[0] = math.NaN() }),
		"infinite":           with(func(c *plot.Chart) { c.Series[0].X[0] = math.Inf(1) }),
		"logarithm of zero":  with(func(c *plot.Chart) { c.X.Log, c.Series[0].X[0] = true, 0 }),
		"logarithm of names": with(func(c *plot.Chart) { c.X.Log, c.X.Names = true, []string{"a"} }),
		"bounds swapped":     with(func(c *plot.Chart) { c.Y.Min, c.Y.Max = 2, 1 }),
		"bound of logarithm": with(func(c *plot.Chart) { c.Y.Log, c.Y.Max = true, 1 }),
		"infinite tick":      with(func(c *plot.Chart) { c.Y.Ticks = []float64{math.Inf(1)} }),
		"unknown kind":       with(func(c *plot.Chart) { c.Series[0].Kind = 9 }),
	}
	if _, err := with(func(*plot.Chart) {}).SVG(); err != nil {
		t.Fatalf("the good chart: %v", err)
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := c.SVG(); !errors.Is(err, plot.ErrChart) {
				t.Errorf("SVG: %v", err)
			}
			if _, err := c.PNG(); !errors.Is(err, plot.ErrChart) {
				t.Errorf("PNG: %v", err)
			}
		})
	}
}

func TestNumber(t *testing.T) {
	tests := map[float64]string{
		0: "0", 1: "1", -1: "-1", 1.05: "1.05", 0.001: "0.001", 999: "999", 1000: "1000", 9999: "9999", 10000: "10,000",
		123456: "123,456", 1234567: "1,234,567", 1e6: "1,000,000", -20000: "-20,000", 12345.5: "12,345.5",
		1.0000000001: "1", 0.30000000000000004: "0.3", 1e-7: "1e-07", 1e18: "1e+18",
	}
	for v, want := range tests {
		if got := plot.Number(v); got != want {
			t.Errorf("Number(%g) = %q, want %q", v, got, want)
		}
	}
	if got := plot.Number(math.Copysign(0, -1)); got != "0" {
		t.Errorf("Number(-0) = %q", got)
	}
	if got := plot.Percent(0.25); got != "25%" {
		t.Errorf("Percent(0.25) = %q", got)
	}
}
