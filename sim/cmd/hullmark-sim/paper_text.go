package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"hullmark/sim/paper"
	"hullmark/sim/plot"
)

// text is the answer as tables.
func (a *paperAnswer) text() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(cells ...any) {
		for _, c := range cells {
			_, _ = fmt.Fprintf(w, "%v\t", c)
		}
		_, _ = fmt.Fprintln(w)
	}
	section := func(title string, columns ...any) {
		_ = w.Flush() // a strings.Builder takes everything
		if b.Len() > 0 {
			b.WriteString("\n")
		}
		b.WriteString(title + "\n")
		line(columns...)
	}
	for _, f := range []struct {
		title  string
		points []paper.Point
	}{
		{fmt.Sprintf("Figure 2: load factors over %d seeds, median (min to max)", a.Seeds), a.Figure2},
		{"Figure 4: the same", a.Figure4},
	} {
		section(f.title, "images", "servers", "rendezvous", "bounded", "paper")
		for _, p := range f.points {
			stated := "-"
			if p.Paper != nil {
				stated = fmt.Sprintf("%.2f", *p.Paper)
			}
			line(plot.Number(float64(p.Images)), p.Servers, ranged(p.Ours), ranged(p.Bounded), stated)
		}
	}
	section("Placements on the same keys, medians; moved: keys that move when the last server joins",
		"placement", "images", "servers", "load factor", "not at first choice", "moved")
	for _, c := range a.Comparison {
		departed := "-" // these know no first choice
		if c.Placement == paper.Bounded || c.Placement == paper.Capped || c.Placement == paper.TwoChoices {
			departed = fmt.Sprintf("%.2f%%", 100*c.Departed.Median)
		}
		line(c.Placement, plot.Number(float64(c.Images)), c.Servers, fmt.Sprintf("%.4f", c.Factor.Median), departed, fmt.Sprintf("%.2f%%", 100*c.Moved.Median))
	}
	met := 0
	for _, v := range a.Bars {
		if v.Met {
			met++
		}
	}
	_ = w.Flush() // a strings.Builder takes everything
	_, _ = fmt.Fprintf(&b, "\n%d of %d bars met\n", met, len(a.Bars))
	for _, v := range a.Bars {
		if v.Placement != paper.Rendezvous && v.Met {
			continue // ninety-nine lines that say the same
		}
		verdict := "met"
		if !v.Met {
			verdict = "missed"
		}
		_, _ = fmt.Fprintf(&b, "  %-7s %s, %s images, %d servers: %.4f, at most %s\n",
			verdict, v.Placement, plot.Number(float64(v.Images)), v.Servers, v.Got, v.Most)
	}
	return b.String()
}

// ranged shows a spread of load factors.
func ranged(s paper.Spread) string {
	return fmt.Sprintf("%.4f (%.4f to %.4f)", s.Median, s.Min, s.Max)
}
