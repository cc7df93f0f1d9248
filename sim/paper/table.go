package paper

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
)

// Point is a place of figure 2 or 4: our load factors and, where the paper states
// one, the paper's.
type Point struct {
	Images  int    `json:"images"`
	Servers int    `json:"servers"`
	Ours    Spread `json:"rendezvous"`
	Bounded Spread `json:"bounded"`
	// Paper is nil where the paper states no number.
	Paper *Value `json:"paper"`
}

// Figure2 returns the points of figure 2: the fewest servers, all numbers of images.
func (s Summary) Figure2() []Point {
	var out []Point
	for row := range s.Setting.Images {
		out = append(out, s.point(row, 0))
	}
	return out
}

// Figure4 returns the points of figure 4: the most images, all numbers of servers.
func (s Summary) Figure4() []Point {
	var out []Point
	for column := range s.Setting.Servers {
		out = append(out, s.point(len(s.Setting.Images)-1, column))
	}
	return out
}

func (s Summary) point(row, column int) Point {
	p := Point{Images: s.Setting.Images[row], Servers: s.Setting.Servers[column], Ours: s.Results[0].Factor[row][column]}
	if r, ok := s.Result(Bounded); ok {
		p.Bounded = r.Factor[row][column]
	}
	if f, ok := published(p.Images, p.Servers); ok {
		v := Value(f)
		p.Paper = &v
	}
	return p
}

// CSV returns the tables of the evaluation by file name. Rows are in the order of
// the setting; fields of spreads are min, lower quartile, median, upper quartile
// and max over the trials.
func (s Summary) CSV() (map[string][]byte, error) {
	tables := map[string][][]string{
		"figure2.csv":    points(s.Figure2()),
		"figure3.csv":    s.loads(),
		"figure4.csv":    points(s.Figure4()),
		"grid.csv":       s.grid(),
		"comparison.csv": s.comparison(),
	}
	out := make(map[string][]byte)
	for name, rows := range tables {
		var b bytes.Buffer
		if err := csv.NewWriter(&b).WriteAll(rows); err != nil {
			return nil, fmt.Errorf("couldn't encode %s: %w", name, err)
		}
		out[name] = b.Bytes()
	}
	return out, nil
}

// fields returns the values of a spread as they stand in a row.
func (s Spread) fields() []string {
	return []string{s.Min.String(), s.Lower.String(), s.Median.String(), s.Upper.String(), s.Max.String()}
}

// fieldNames returns the names of a spread's fields.
func fieldNames(prefix string) []string {
	return []string{prefix + "_min", prefix + "_lower", prefix + "_median", prefix + "_upper", prefix + "_max"}
}

func row(lists ...[]string) []string {
	var out []string
	for _, l := range lists {
		out = append(out, l...)
	}
	return out
}

func points(points []Point) [][]string {
	rows := [][]string{row([]string{"images", "servers"}, fieldNames("rendezvous"), fieldNames("bounded"), []string{"paper"})}
	for _, p := range points {
		paper := ""
		if p.Paper != nil {
			paper = p.Paper.String()
		}
		rows = append(rows, row([]string{strconv.Itoa(p.Images), strconv.Itoa(p.Servers)}, p.Ours.fields(), p.Bounded.fields(), []string{paper}))
	}
	return rows
}

// loads are the rows of figure 3, with all placements.
func (s Summary) loads() [][]string {
	rows := [][]string{row([]string{"placement", "rank"}, fieldNames("load"))}
	for _, r := range s.Results {
		for rank, l := range r.Loads {
			rows = append(rows, row([]string{string(r.Placement), strconv.Itoa(rank + 1)}, l.fields()))
		}
	}
	return rows
}

func (s Summary) grid() [][]string {
	rows := [][]string{row([]string{"placement", "images", "servers"}, fieldNames("factor"), []string{"departed_median"})}
	for _, r := range s.Results {
		for i, images := range s.Setting.Images {
			for j, servers := range s.Setting.Servers {
				rows = append(rows, row([]string{string(r.Placement), strconv.Itoa(images), strconv.Itoa(servers)},
					r.Factor[i][j].fields(), []string{r.Departed[i][j].Median.String()}))
			}
		}
	}
	return rows
}

// Comparison is one placement where a server joins, with the most images.
type Comparison struct {
	Placement Placement `json:"placement"`
	Images    int       `json:"images"`
	Servers   int       `json:"servers"`
	Factor    Spread    `json:"factor"`
	// Departed is the share of keys that are not on their first server in rendezvous
	// order.
	Departed Spread `json:"departed"`
	// Moved is the share of keys that move when the last server joins or leaves.
	Moved Spread `json:"moved"`
}

// Comparison returns the placements beside each other.
func (s Summary) Comparison() []Comparison {
	var out []Comparison
	last := len(s.Setting.Images) - 1
	for _, r := range s.Results {
		for _, m := range r.Moved {
			column := slices.Index(s.Setting.Servers, m.Servers)
			out = append(out, Comparison{
				Placement: r.Placement, Images: s.Setting.Images[last], Servers: m.Servers,
				Factor: r.Factor[last][column], Departed: r.Departed[last][column], Moved: m.Share,
			})
		}
	}
	return out
}

func (s Summary) comparison() [][]string {
	rows := [][]string{row([]string{"placement", "images", "servers"}, fieldNames("factor"), fieldNames("departed"), fieldNames("moved"))}
	for _, c := range s.Comparison() {
		rows = append(rows, row([]string{string(c.Placement), strconv.Itoa(c.Images), strconv.Itoa(c.Servers)},
			c.Factor.fields(), c.Departed.fields(), c.Moved.fields()))
	}
	return rows
}
