package paper_test

import (
	"encoding/csv"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hullmark/sim/paper"
)

// TestBars runs the paper's grid with fewer seeds than the command, and holds it
// against the bars. Seeds are fixed, so the outcome is too.
func TestBars(t *testing.T) {
	s := paper.TableOne()
	s.Placements, s.Trials, s.Seed = []paper.Placement{paper.Rendezvous, paper.Bounded}, 5, 1
	if testing.Short() {
		t.Skip("five million keys on up to a hundred servers")
	}
	verdicts := paper.Summarise(s, run(t, s)).Check(s.Bars())
	if len(verdicts) != 5+100 {
		t.Errorf("%d verdicts", len(verdicts))
	}
	for _, v := range verdicts {
		if !v.Met {
			t.Errorf("missed: %+v", v)
		}
	}
}

// TestCheck checks the checker.
func TestCheck(t *testing.T) {
	spread := func(median, most paper.Value) [][]paper.Spread {
		return [][]paper.Spread{{{Min: 1, Lower: 1, Median: median, Upper: most, Max: most}}}
	}
	s := paper.Summary{
		Setting: paper.Setting{Images: []int{1000}, Servers: []int{10}, Placements: []paper.Placement{paper.Rendezvous, paper.Bounded}},
		Results: []paper.Result{{Factor: spread(1.03, 1.9)}, {Factor: spread(1.005, 1.0101)}},
	}
	bar := func(p paper.Placement, images int, most paper.Value, always bool) paper.Bar {
		return paper.Bar{Placement: p, Images: images, Servers: 10, Most: most, Always: always}
	}
	bars := []paper.Bar{
		bar(paper.Rendezvous, 1000, 1.03, false), bar(paper.Rendezvous, 1000, 1.029, false), bar(paper.Bounded, 1000, 1.01, true),
		bar(paper.Bounded, 1000, 1.01, false), bar(paper.Ring1, 1000, 1, false), bar(paper.Bounded, 999, 1, true),
	}
	want := []paper.Verdict{
		{Bar: bars[0], Got: 1.03, Met: true}, {Bar: bars[1], Got: 1.03}, {Bar: bars[2], Got: 1.0101}, {Bar: bars[3], Got: 1.005, Met: true},
	}
	if diff := cmp.Diff(want, s.Check(bars)); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
}

func TestSpread(t *testing.T) {
	tests := []struct {
		name   string
		values []float64
		want   paper.Spread
	}{
		{"one", []float64{3}, paper.Spread{Min: 3, Lower: 3, Median: 3, Upper: 3, Max: 3}},
		{"five", []float64{5, 1, 4, 2, 3}, paper.Spread{Min: 1, Lower: 2, Median: 3, Upper: 4, Max: 5}},
		{"two", []float64{4, 0}, paper.Spread{Min: 0, Lower: 1, Median: 2, Upper: 3, Max: 4}},
		{"infinite", []float64{1, math.Inf(1), 1, 1, 1}, paper.Spread{Min: 1, Lower: 1, Median: 1, Upper: 1, Max: paper.Value(math.Inf(1))}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, paper.NewSpread(tc.values)); diff != "" {
				t.Errorf("spread (-want +got):\n%s", diff)
			}
		})
	}
	b, err := json.Marshal([]paper.Value{1, 1.0123456789, paper.Value(math.Inf(1)), 0.00001})
	if err != nil || string(b) != "[1,1.012346,null,0.00001]" {
		t.Errorf("JSON %s, %v", b, err)
	}
	if got := paper.Value(math.Inf(1)).String(); got != "inf" {
		t.Errorf("infinite is %q", got)
	}
}

// TestFiles: every cell is in the tables, and what the paper states beside it.
func TestFiles(t *testing.T) {
	s := small()
	s.Images, s.Servers = []int{1000, 100_000}, []int{10, 11}
	s.Placements, s.Trials = []paper.Placement{paper.Rendezvous, paper.Bounded}, 2
	summary := paper.Summarise(s, run(t, s))
	files, err := summary.CSV()
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]int{"figure2.csv": 2, "figure3.csv": 20, "figure4.csv": 2, "grid.csv": 8, "comparison.csv": 4}
	for name, want := range rows {
		read, err := csv.NewReader(strings.NewReader(string(files[name]))).ReadAll()
		if err != nil || len(read) != want+1 {
			t.Errorf("%s has %d rows, want %d and a header: %v", name, len(read), want, err)
		}
	}
	if len(files) != len(rows) {
		t.Errorf("%d files", len(files))
	}
	for _, p := range summary.Figure2() {
		if stated := p.Images == 100_000; (p.Paper != nil) != stated || stated && *p.Paper != 1.06 {
			t.Errorf("the paper at %d images: %v", p.Images, p.Paper)
		}
		if !strings.Contains(string(files["figure2.csv"]), strconv.Itoa(p.Images)+",10,"+p.Ours.Min.String()+",") {
			t.Errorf("figure2.csv lacks %d images", p.Images)
		}
	}
	total := paper.Value(0)
	for _, l := range summary.Results[0].Loads {
		total += l.Median
	}
	if math.Abs(float64(total)-100_000) > 500 {
		t.Errorf("the median loads add up to %v", total)
	}
	charts := summary.Charts()
	for _, name := range []string{"figure2", "figure3", "figure4", "comparison"} {
		if _, err := charts[name].SVG(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
