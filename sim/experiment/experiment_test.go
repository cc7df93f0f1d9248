package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hullmark/client"
	"hullmark/internal/cli"
	"hullmark/record"
)

// TestExperiment runs a small experiment, with everything the large one has.
func TestExperiment(t *testing.T) {
	o := defaultOptions()
	o.Bin, o.Dir, o.Output = buildNode(t), filepath.Join(t.TempDir(), "work"), t.TempDir()
	o.Images, o.Nodes, o.Lookups, o.Fsck = 2000, 4, 1000, true
	var log strings.Builder
	out, err := run(t.Context(), o, &log)
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}

	want := []phase{{Name: "register repositories", Transactions: 20}, {"publish whole files", 2, 1000, 0}, {"publish deltas", 2, 1000, 0}}
	for i, p := range out.Load.Phases {
		if p.Seconds <= 0 {
			t.Errorf("%s took no time", p.Name)
		}
		if p.Seconds = 0; p != want[i] {
			t.Errorf("phase %+v, want %+v", p, want[i])
		}
	}
	if l := out.Load; len(l.Phases) != len(want) || !l.Done || l.Blocks < 3 || l.BlockMedian <= 0 || l.BytesPerImage < 100 || l.NodeMemory <= 0 {
		t.Errorf("load %+v", l)
	}
	if len(out.Rounds) != 4 {
		t.Fatalf("%d rounds", len(out.Rounds))
	}
	for _, r := range out.Rounds {
		if r.Verified != r.Lookups || len(r.Failures) != 0 {
			t.Errorf("%s: %d of %d verified, failures %v\n%s", r.Name, r.Verified, r.Lookups, r.Failures, log.String())
		}
		if r.Requests < r.Simulated || r.LoadFactor < 1 || r.SimulatedLoadFactor < 1 || r.P50 <= 0 {
			t.Errorf("%s: %+v", r.Name, r)
		}
	}
	// Where nobody hedges, the nodes count what was simulated, one by one.
	for _, r := range out.Rounds[:2] {
		for _, n := range r.Nodes {
			if n.Requests != n.Simulated || n.Requests == 0 {
				t.Errorf("%s: %d requests came to %s, and %d were simulated", r.Name, n.Requests, n.URL, n.Simulated)
			}
		}
		if r.Requests != 1000 || len(r.Warnings) != 0 {
			t.Errorf("%s: %d requests, warnings %v", r.Name, r.Requests, r.Warnings)
		}
	}
	// Every look-up that came to the liar noticed, and each went on.
	spoilt := out.Rounds[3]
	if got := spoilt.Nodes[1]; got.State != stateLies || got.Requests == 0 || spoilt.Warnings["attack"] < got.Simulated {
		t.Errorf("the liar %+v, warnings %v", got, spoilt.Warnings)
	}
	if got := spoilt.Nodes[0]; got.State != stateKilled || got.Requests != 0 || spoilt.Warnings["stale"] == 0 {
		t.Errorf("the killed node %+v, warnings %v", got, spoilt.Warnings)
	}

	if _, err := os.Stat(o.Dir); !os.IsNotExist(err) {
		t.Errorf("the directory is still there: %v", err)
	}
	checkOutput(t, out, o.Output)
}

// checkOutput: every node has a row for each round, and the table names every round.
func checkOutput(t *testing.T, out *results, dir string) {
	t.Helper()
	if err := out.save(dir); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(dir, nodesFile))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) != 1+4*4 {
		t.Errorf("%d rows: %v", len(rows), err)
	}
	var table bytes.Buffer
	if err := out.print(&table); err != nil {
		t.Fatal(err)
	}
	for _, r := range out.Rounds {
		if !strings.Contains(table.String(), r.Name) {
			t.Errorf("no %q in\n%s", r.Name, &table)
		}
	}
}

// TestLoadGoesOn: a load that ended in the middle goes on where it was, and one that
// came to its end is not repeated.
func TestLoadGoesOn(t *testing.T) {
	o := defaultOptions()
	o.Bin, o.Dir, o.Images, o.Tags, o.Keep = buildNode(t), t.TempDir(), 70, 4, true
	ctx, interrupt := context.WithCancel(t.Context())
	if _, err := run(ctx, o, interrupter{interrupt}); ctx.Err() == nil || err == nil {
		t.Fatalf("not interrupted: %v", err)
	}
	s := &stage{options: o, dir: o.Dir, log: io.Discard, catalogue: catalogue{images: o.Images, tags: o.Tags}}
	t.Cleanup(func() { _ = s.stop() })
	l, err := s.load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// 18 repositories of two teams were registered before the interruption, and
	// perhaps something published.
	if registered := l.Phases[0]; registered.Transactions != 0 || l.Phases[2].Transactions == 0 {
		t.Errorf("phases %+v", l.Phases)
	}
	again, err := s.load(t.Context())
	if err != nil || again.Blocks != l.Blocks {
		t.Errorf("loaded again: %+v, %v", again, err)
	}
	s.catalogue.images, s.Images = 71, 71
	if _, err := s.load(t.Context()); err == nil {
		t.Error("another catalogue was put into the same directory")
	}
}

// interrupter interrupts when the first phase of a load is over.
type interrupter struct{ interrupt func() }

func (i interrupter) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte("register repositories: 18 of 18")) {
		i.interrupt()
	}
	return len(b), nil
}

// buildNode builds hullmarkd in its own module, as make build does, and returns its
// directory.
func buildNode(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	build := exec.Command("go", "build", "-C", "../..", "-o", dir, "./cmd/hullmarkd")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("couldn't build hullmarkd: %v\n%s", err, out)
	}
	return dir
}

// TestCatalogue: every image has a name and a digest of its own, and belongs to one
// team.
func TestCatalogue(t *testing.T) {
	for _, c := range []catalogue{{1, 1}, {1, 100}, {2000, 100}, {1001, 7}} {
		names, digests := make(map[string]bool), make(map[string]bool)
		images := 0
		for team := range c.teams() {
			from, to := c.team(team)
			for r := from; r < to; r++ {
				first, end := c.imagesOf(r)
				for i := first; i < end; i++ {
					images++
					names[c.question(i).String()] = true
					digests[c.digest(i).String()] = true
					if c.question(i).Repository != c.repository(r) {
						t.Errorf("%+v: image %d is not in repository %d", c, i, r)
					}
				}
			}
		}
		if images != c.images || len(names) != c.images || len(digests) != c.images {
			t.Errorf("%+v: %d images, %d names, %d digests", c, images, len(names), len(digests))
		}
	}
}

// TestSimulate: every look-up comes to one good node, and to bad ones on its way.
func TestSimulate(t *testing.T) {
	c := catalogue{images: 1000, tags: 10}
	images, urls := draw(c, 0, 1), []string{"http://a", "http://b", "http://c"}
	all := simulate(c, images, urls, nil, client.PlacementRendezvous, 1)
	if all["http://a"]+all["http://b"]+all["http://c"] != 1000 {
		t.Errorf("simulated %v", all)
	}
	spoilt := simulate(c, images, urls, urls[:2], client.PlacementRendezvous, 1)
	bounded := simulate(c, images, urls, nil, client.PlacementBounded, 2)
	if n := bounded["http://a"] + bounded["http://b"] + bounded["http://c"]; n != 1000 || loadFactor(slices.Collect(maps.Values(bounded))) > 1.06 {
		t.Errorf("bounded %v", bounded)
	}
	if spoilt["http://c"] != 1000 || spoilt["http://a"] <= all["http://a"] || spoilt["http://a"] >= 1000 {
		t.Errorf("with two bad nodes %v, without %v", spoilt, all)
	}
}

func TestLoadFactor(t *testing.T) {
	for _, tc := range []struct {
		loads []int
		want  float64
	}{{nil, 0}, {[]int{5, 0}, 0}, {[]int{3, 2, 4}, 2}, {[]int{7}, 1}} {
		if got := loadFactor(tc.loads); got != tc.want {
			t.Errorf("load factor of %v is %v, want %v", tc.loads, got, tc.want)
		}
	}
}

// TestCopyDatabase: table files are shared, and nothing else, so that what one copy
// writes does not show in the other.
func TestCopyDatabase(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	for _, name := range []string{"000001.sst", "000002.log", "MANIFEST-000003", "OPTIONS-000004"} {
		if err := os.WriteFile(filepath.Join(from, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := copyDatabase(from, to); err != nil {
		t.Fatal(err)
	}
	err := fs.WalkDir(os.DirFS(from), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		a, errA := os.Stat(filepath.Join(from, name))
		b, errB := os.Stat(filepath.Join(to, name))
		content, errC := os.ReadFile(filepath.Join(to, name))
		if errA != nil || errB != nil || errC != nil || string(content) != name {
			t.Errorf("%s: %q, %v, %v, %v", name, content, errA, errB, errC)
		} else if shared := os.SameFile(a, b); shared != strings.HasSuffix(name, ".sst") {
			t.Errorf("%s is shared: %v", name, shared)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestBadOptions: mistakes are told before anything is done.
func TestBadOptions(t *testing.T) {
	for _, args := range [][]string{
		{"-images", "0"}, {"-tags", "5000"}, {"-nodes", "2"}, {"-lookups", "-1"}, {"-users", "0"}, {"-publishers", "1000"},
		{"-images", "many"}, {"-unknown"}, {"argument"},
	} {
		if err := command(t.Context(), args, io.Discard, io.Discard); !cli.IsUsage(err) || cli.ExitCode(err) != cli.ExitUsage {
			t.Errorf("%q: %v", args, err)
		}
	}
}

// TestSplit: no part of several orders has more than fits into a transaction.
func TestSplit(t *testing.T) {
	l := &loader{catalogue: catalogue{images: 16 * 2000, tags: 2000}, genesis: new(record.Genesis)}
	orders, err := l.orders(0, func(from, to int) (int, int) { return from, from + 1000 })
	if err != nil || len(orders) != 16 {
		t.Fatalf("%d orders: %v", len(orders), err)
	}
	parts := split(orders)
	total := 0
	for _, p := range parts {
		changes := 0
		for _, o := range p {
			changes += len(o.Changes)
		}
		if changes > changesPerTransaction {
			t.Errorf("%d changes in one transaction", changes)
		}
		total += len(p)
	}
	if total != 16 || len(parts) != 16 {
		t.Errorf("%d orders in %d parts", total, len(parts))
	}
}
