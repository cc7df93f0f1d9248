package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"hullmark/internal/cli"
	"hullmark/sim"
	"hullmark/sim/plot"
)

// report is what a scenario found out: tables and charts, by the names of their
// files. The first table is the one that is printed.
type report struct {
	tables []*resultTable
	charts []namedChart
}

type resultTable struct {
	name    string
	columns []string
	rows    [][]any
}

type namedChart struct {
	name  string
	chart plot.Chart
}

func (r *report) table(name string, columns ...string) *resultTable {
	t := &resultTable{name: name, columns: columns}
	r.tables = append(r.tables, t)
	return t
}

func (t *resultTable) row(cells ...any) { t.rows = append(t.rows, cells) }

// show prints the report and writes its files.
func (s *scenario) show(r *report) error {
	if s.dir != "" {
		if err := r.write(s.dir); err != nil {
			return err
		}
	}
	text := r.tables[0].text
	if s.json {
		text = r.json
	}
	b, err := text()
	if err == nil {
		_, err = s.stdout.Write(b)
	}
	if err != nil {
		return fmt.Errorf("couldn't write result: %w", err)
	}
	return nil
}

// write writes all tables as CSV and all charts as SVG.
func (r *report) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("couldn't make directory: %w", err)
	}
	put := func(name string, b []byte, err error) error {
		if err == nil {
			err = cli.WriteFile(filepath.Join(dir, name), b, 0o644)
		}
		if err != nil {
			return fmt.Errorf("couldn't write %s: %w", name, err)
		}
		return nil
	}
	for _, t := range r.tables {
		b, err := t.csv()
		if err := put(t.name+".csv", b, err); err != nil {
			return err
		}
	}
	for _, c := range r.charts {
		b, err := c.chart.SVG()
		if err := put(c.name+".svg", b, err); err != nil {
			return err
		}
	}
	return nil
}

func (t *resultTable) csv() ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.Write(t.columns); err != nil {
		return nil, err
	}
	for _, row := range t.rows {
		if err := w.Write(texts(row)); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

func (t *resultTable) text() ([]byte, error) {
	rows := [][]string{t.columns}
	for _, row := range t.rows {
		rows = append(rows, texts(row))
	}
	widths := make([]int, len(t.columns))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len(cell))
		}
	}
	var b bytes.Buffer
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			if i > 0 {
				line.WriteString("  ")
			}
			_, _ = fmt.Fprintf(&line, "%*s", widths[i], cell)
		}
		b.WriteString(line.String() + "\n")
	}
	return b.Bytes(), nil
}

// json is an object with an array of rows for each table.
func (r *report) json() ([]byte, error) {
	out := make(map[string][]map[string]any)
	for _, t := range r.tables {
		rows := make([]map[string]any, 0, len(t.rows))
		for _, row := range t.rows {
			object := make(map[string]any)
			for i, cell := range row {
				if f, ok := cell.(float64); ok {
					cell = json.Number(number(f))
				}
				object[t.columns[i]] = cell
			}
			rows = append(rows, object)
		}
		out[t.name] = rows
	}
	b, err := json.Marshal(out)
	return append(b, '\n'), err
}

func texts(row []any) []string {
	out := make([]string, len(row))
	for i, cell := range row {
		if f, ok := cell.(float64); ok {
			out[i] = number(f)
		} else {
			out[i] = fmt.Sprint(cell)
		}
	}
	return out
}

// number writes five significant digits, all of large whole numbers, and as many
// as it takes to tell a number from one.
func number(f float64) string {
	if f > 0.99 && f < 1 {
		return strconv.FormatFloat(f, 'g', 8, 64)
	}
	if f >= 1e5 {
		return strconv.FormatFloat(f, 'f', 0, 64)
	}
	return strconv.FormatFloat(f, 'g', 5, 64)
}

// spread is what several seeds gave for one number.
type spread struct{ median, low, high float64 }

func spreadOf[R any](results []R, value func(R) float64) spread {
	values := make([]float64, len(results))
	for i, r := range results {
		values[i] = value(r)
	}
	slices.Sort(values)
	n := len(values)
	return spread{(values[(n-1)/2] + values[n/2]) / 2, values[0], values[n-1]}
}

// median is the median of what several seeds gave.
func median[R any](results []R, value func(R) float64) float64 {
	return spreadOf(results, value).median
}

// ms is a time in milliseconds; what never happens is -1.
func ms(d time.Duration) float64 {
	if d == sim.Forever {
		return -1
	}
	return float64(d) / float64(time.Millisecond)
}

// line gathers a series of spreads.
type line struct{ plot.Series }

func newLine(name string) *line { return &line{plot.Series{Name: name}} }

func (l *line) add(x float64, y spread) {
	l.X, l.Y = append(l.X, x), append(l.Y, y.median)
	l.Low, l.High = append(l.Low, y.low), append(l.High, y.high)
}

func series(lines ...*line) []plot.Series {
	var out []plot.Series
	for _, l := range lines {
		out = append(out, l.Series)
	}
	return out
}
