package app

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// TestMetricsAreDocumented compares docs/metrics.md with what a node that did a
// bit of everything shows.
func TestMetricsAreDocumented(t *testing.T) {
	h, c := newHome(t, 1)
	config, err := LoadConfig(h)
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	n, err := Open(h, Options{Config: config, Version: "test", Log: io.Discard, Registry: registry})
	if err != nil {
		t.Fatal(err)
	}
	// Before anything was done, all series are there.
	names := func() []string {
		t.Helper()
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, f := range families {
			for _, m := range f.GetMetric() {
				out = append(out, fmt.Sprint(f.GetName(), m.GetLabel()))
			}
		}
		return out
	}
	before := names()
	url := start(t, n)
	r := post(t, url, c.NewPublisher("registry.example.com/app").Register(c.Operators[0])).receipt(t)
	provable(t, n, r.GetHeight())
	for _, path := range []string{"/v1/nothing", "/v1/resolve", "/healthz", "/readyz", "/v1/status"} {
		get(t, url+path)
	}
	do(t, "DELETE", url+"/v1/status", nil)
	get(t, url+"/v1//status")
	for _, series := range names() {
		if !slices.Contains(before, series) && !strings.HasPrefix(series, "hullmark_head_age_seconds") {
			t.Errorf("%s was not there before it was needed", series)
		}
	}
	if r := get(t, url+"/v1/repository?name=registry.example.com/app"); r.status != 200 {
		t.Fatalf("look-up: %d", r.status)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	types := make(map[string]string)
	for _, f := range families {
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			labels = append(labels, l.GetName())
		}
		slices.Sort(labels)
		types[f.GetName()] = strings.ToLower(f.GetType().String()) + " " + strings.Join(labels, ",")
	}
	doc, err := os.ReadFile(filepath.Join("..", "docs", "metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	listed := make(map[string]bool)
	for _, row := range regexp.MustCompile("(?m)^\\| `(hullmark_[a-z_]+)` \\| (\\w+) \\| ([a-z_, ]*)\\|").FindAllStringSubmatch(string(doc), -1) {
		labels := strings.FieldsFunc(row[3], func(r rune) bool { return r == ',' || r == ' ' })
		slices.Sort(labels)
		if want := row[2] + " " + strings.Join(labels, ","); types[row[1]] != want {
			t.Errorf("%s is %q in the document and %q here", row[1], want, types[row[1]])
		}
		listed[row[1]] = true
	}
	for name := range types {
		if !listed[name] {
			t.Errorf("%s is not in the document", name)
		}
	}
	for _, name := range regexp.MustCompile("hullmark_[a-z_]+").FindAllString(string(doc), -1) {
		if !listed[strings.TrimSuffix(name, "_bucket")] {
			t.Errorf("the document speaks of %s", name)
		}
	}
}

func TestDirectorySizes(t *testing.T) {
	root := t.TempDir()
	for name, size := range map[string]int{"ledger.db/a": 3, "ledger.db/deep/b": 4, "ledger.dbx": 5, "cs.wal/wal": 6} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		replaceFile(t, path, make([]byte, size))
	}
	d, now := &directorySizes{root: root}, time.Unix(1000, 0)
	sizes := d.read(now)
	if sizes["ledger.db"] != 7 || sizes["other"] != 5 || sizes["cs.wal"] != 6 || len(sizes) != len(stores)+1 {
		t.Errorf("sizes %v", sizes)
	}
	replaceFile(t, filepath.Join(root, "more"), make([]byte, 10))
	if d.read(now.Add(time.Second))["other"] != 5 || d.read(now.Add(time.Minute))["other"] != 15 {
		t.Error("not measured twice a minute at most")
	}
}

// TestRequestLog: requests are logged at debug only.
func TestRequestLog(t *testing.T) {
	for level, want := range map[string]bool{"debug": true, "info": false} {
		h, _ := newHome(t, 1)
		c := quick()
		c.Log.Level = level
		log := new(journal)
		n, err := Open(h, Options{Config: c, Log: log})
		if err != nil {
			t.Fatal(err)
		}
		url := start(t, n)
		get(t, url+"/v1/status?secret=x")
		if got := strings.Contains(log.String(), "msg=\"request answered\" method=GET path=/v1/status status=200"); got != want {
			t.Errorf("at %s: %v", level, got)
		}
		if strings.Contains(log.String(), "secret") {
			t.Error("the query is logged")
		}
	}
}
