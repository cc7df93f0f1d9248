package paper_test

import (
	"context"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"math"
	"math/big"
	"runtime"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hullmark/placement"
	"hullmark/sim/paper"
)

// small is a setting that takes a moment.
func small() paper.Setting {
	return paper.Setting{Images: []int{500, 2000, 5000}, Servers: []int{3, 7, 12}, Placements: paper.Placements(), Trials: 3, Seed: 7}
}

func run(t *testing.T, s paper.Setting) []paper.Trial {
	t.Helper()
	trials, err := paper.Run(t.Context(), s, func() {})
	if err != nil {
		t.Fatal(err)
	}
	return trials
}

// slow places a key by the definition of a placement, keeping counts for those that
// have them.
type slow struct {
	nodes  []placement.Node
	counts []int
	total  int
}

func newSlow(names []string) *slow {
	s := &slow{counts: make([]int, len(names))}
	for _, name := range names {
		s.nodes = append(s.nodes, placement.NewNode(name))
	}
	return s
}

// order is placement.Order as indexes.
func (s *slow) order(key []byte) []int {
	var out []int
	for _, n := range placement.Order(key, s.nodes) {
		out = append(out, slices.Index(s.nodes, n))
	}
	return out
}

func (s *slow) place(t *testing.T, p paper.Placement, key []byte) int {
	order := s.order(key)
	s.total++
	chosen := order[0]
	ring := func(points int) int {
		at := binary.BigEndian.Uint64(key)
		best, distance := 0, uint64(math.MaxUint64)
		for i, n := range s.nodes {
			for p := range points {
				sum := sha512.Sum384([]byte(n.ID() + "#" + strconv.Itoa(p)))
				if d := binary.BigEndian.Uint64(sum[:]) - at; d < distance { // around the circle
					best, distance = i, d
				}
			}
		}
		return best
	}
	switch p {
	case paper.Rendezvous:
	case paper.Bounded:
		if least := slices.Min(s.counts); s.counts[chosen]+1 > least+max(8, least/100) {
			chosen = order[slices.IndexFunc(order, func(i int) bool { return s.counts[i] == least })]
		}
	case paper.Capped:
		limit := math.Ceil(1.01 * float64(s.total) / float64(len(s.nodes)))
		chosen = order[slices.IndexFunc(order, func(i int) bool { return float64(s.counts[i]) < limit })]
	case paper.TwoChoices:
		if len(order) > 1 && s.counts[order[1]] < s.counts[chosen] {
			chosen = order[1]
		}
	case paper.Ring1:
		chosen = ring(1)
	case paper.Ring100:
		chosen = ring(100)
	case paper.Ring1000:
		chosen = ring(1000)
	case paper.Kademlia:
		var least *big.Int
		for i, n := range s.nodes {
			id := sha512.Sum384([]byte(n.ID()))
			d := new(big.Int).Xor(new(big.Int).SetBytes(id[:]), new(big.Int).SetBytes(key))
			if least == nil || d.Cmp(least) < 0 {
				chosen, least = i, d
			}
		}
	default:
		t.Fatalf("no definition of %q", p)
	}
	s.counts[chosen]++
	return chosen
}

// TestTrialIsItsDefinition compares every cell with a slow computation that sorts
// all servers for each key.
func TestTrialIsItsDefinition(t *testing.T) {
	s := small()
	s.Images, s.Trials = []int{150, 400}, 1
	trial := run(t, s)[0]
	names := paper.ImageNames(s.Seed, 400)
	const servers = 12
	for i, p := range s.Placements {
		if p == paper.Ring1000 {
			continue // as Ring100, and slow
		}
		t.Run(string(p), func(t *testing.T) {
			grid := trial.Grids[i]
			winners := make(map[int][]int) // by number of servers
			for _, n := range []int{2, 3, 7, 11, servers} {
				place := newSlow(paper.ServerNames(s.Seed, servers)[:n])
				first := newSlow(paper.ServerNames(s.Seed, servers)[:n])
				departed, row := 0, 0
				for at, name := range names {
					hash := sha512.Sum384([]byte(name))
					w := place.place(t, p, hash[:])
					winners[n] = append(winners[n], w)
					if w != first.order(hash[:])[0] {
						departed++
					}
					if at+1 != s.Images[row] {
						continue
					}
					if column := slices.Index(s.Servers, n); column >= 0 {
						if got, want := grid.Factor[row][column], paper.LoadFactor(place.counts); got != want {
							t.Errorf("%d images, %d servers: load factor %v, want %v", at+1, n, got, want)
						}
						if got, want := grid.Departed[row][column], float64(departed)/float64(at+1); got != want {
							t.Errorf("%d images, %d servers: departed %v, want %v", at+1, n, got, want)
						}
					}
					row++
				}
				if n == s.Servers[0] && !slices.Equal(grid.Loads, place.counts) {
					t.Errorf("loads %v, want %v", grid.Loads, place.counts)
				}
			}
			var want []paper.Movement
			for _, n := range []int{3, servers} {
				moved := 0
				for j := range names {
					if winners[n][j] != winners[n-1][j] {
						moved++
					}
				}
				want = append(want, paper.Movement{Servers: n, Share: float64(moved) / float64(len(names))})
			}
			if diff := cmp.Diff(want, grid.Moved); diff != "" {
				t.Errorf("moved (-want +got):\n%s", diff)
			}
		})
	}
}

// TestDeterminism: a seed gives the same files however many run at once, and
// another seed others.
func TestDeterminism(t *testing.T) {
	files := func(s paper.Setting) map[string]string {
		summary := paper.Summarise(s, run(t, s))
		out := make(map[string]string)
		tables, err := summary.CSV()
		if err != nil {
			t.Fatal(err)
		}
		for name, b := range tables {
			out[name] = string(b)
		}
		for name, c := range summary.Charts() {
			svg, err := c.SVG()
			if err != nil {
				t.Fatal(err)
			}
			out[name+".svg"] = string(svg)
		}
		return out
	}
	want := files(small())
	old := runtime.GOMAXPROCS(1)
	got := files(small())
	runtime.GOMAXPROCS(old)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("one after the other, other files:\n%s", diff)
	}
	other := small()
	other.Seed = 1000
	for name, b := range files(other) {
		if want[name] == b {
			t.Errorf("%s is the same for another seed", name)
		}
	}
}

// TestSeedsFollow: the trials of seeds 7, 8, 9 are those of 7 and of 8 and 9.
func TestSeedsFollow(t *testing.T) {
	all := run(t, small())
	later := small()
	later.Seed, later.Trials = 8, 2
	if diff := cmp.Diff(all[1:], run(t, later)); diff != "" {
		t.Errorf("trials differ:\n%s", diff)
	}
}

// TestCompared: placements that are only compared may run in fewer trials, which
// changes nothing for the others.
func TestCompared(t *testing.T) {
	all := run(t, small())
	s := small()
	s.Compared = 2
	some := run(t, s)
	if diff := cmp.Diff(all[:2], some[:2]); diff != "" {
		t.Errorf("the first trials differ:\n%s", diff)
	}
	if diff := cmp.Diff(all[2].Grids[:2], some[2].Grids); diff != "" {
		t.Errorf("the last trial (-want +got):\n%s", diff)
	}
	whole, fewer := paper.Summarise(small(), all), paper.Summarise(s, some)
	first := small()
	first.Trials = 2
	if diff := cmp.Diff(paper.Summarise(first, all[:2]).Results[2:], fewer.Results[2:]); diff != "" {
		t.Errorf("what is compared (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(whole.Results[:2], fewer.Results[:2]); diff != "" {
		t.Errorf("what is not (-want +got):\n%s", diff)
	}
}

func TestRing(t *testing.T) {
	places, servers := []uint64{100, 200, 1 << 63, math.MaxUint64}, []int{0, 1, 2, 1}
	tests := []struct {
		name string
		at   uint64
		want []int // among one, two and three servers
	}{
		{"before all", 0, []int{0, 0, 0}},
		{"on a point", 100, []int{0, 0, 0}},
		{"after a point", 101, []int{0, 1, 1}},
		{"on the next", 200, []int{0, 1, 1}},
		{"a point of some", 201, []int{0, 1, 2}},
		{"far", 1<<63 + 1, []int{0, 1, 1}},
		{"the end", math.MaxUint64, []int{0, 1, 1}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			if got := paper.RingWinners(tc.at, slices.Clone(places), servers, []int{1, 2, 3}); !slices.Equal(got, tc.want) {
				t.Errorf("servers %v, want %v", got, tc.want)
			}
		})
	}
	if got := paper.RingWinners(201, []uint64{100, 200}, []int{0, 1}, []int{2}); !slices.Equal(got, []int{0}) {
		t.Errorf("around the circle: %v", got)
	}
}

func TestXOR(t *testing.T) {
	tests := []struct {
		name string
		hash []byte
		ids  [][]byte
		want int
	}{
		{"equal", []byte{5}, [][]byte{{4}, {5}, {7}}, 1},
		{"near as numbers is not near by XOR", []byte{8}, [][]byte{{7}, {12}}, 1}, // 15 and 4
		{"the first bit decides", []byte{0x80}, [][]byte{{0x7f}, {0xff}}, 1},
		{"behind the first eight bytes", []byte{0, 0, 0, 0, 0, 0, 0, 0, 6}, [][]byte{{0, 0, 0, 0, 0, 0, 0, 0, 1}, {0, 0, 0, 0, 0, 0, 0, 0, 4}}, 1},
		{"behind them, the other way", []byte{0, 0, 0, 0, 0, 0, 0, 0, 1}, [][]byte{{0, 0, 0, 0, 0, 0, 0, 0, 1}, {0, 0, 0, 0, 0, 0, 0, 0, 4}}, 0},
		{"alone", []byte{1}, [][]byte{{200}}, 0},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			if got := paper.XORWinner(tc.hash, tc.ids); got != tc.want {
				t.Errorf("server %d, want %d", got, tc.want)
			}
		})
	}
}

func TestLoadFactor(t *testing.T) {
	tests := []struct {
		name  string
		loads []int
		want  float64
	}{
		{"none", nil, 1},
		{"one", []int{9}, 1},
		{"even", []int{4, 4}, 1},
		{"uneven", []int{3, 6, 4}, 2},
		{"one got nothing", []int{0, 1}, math.Inf(1)},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			if got := paper.LoadFactor(tc.loads); got != tc.want {
				t.Errorf("%v, want %v", got, tc.want)
			}
		})
	}
}

func TestSettingRefused(t *testing.T) {
	tests := map[string]func(*paper.Setting){
		"no images":         func(s *paper.Setting) { s.Images = nil },
		"images fall":       func(s *paper.Setting) { s.Images = []int{2, 1} },
		"images repeat":     func(s *paper.Setting) { s.Images = []int{2, 2} },
		"no image":          func(s *paper.Setting) { s.Images = []int{0} },
		"too many images":   func(s *paper.Setting) { s.Images = []int{math.MaxInt} },
		"negative servers":  func(s *paper.Setting) { s.Servers = []int{-1} },
		"too many servers":  func(s *paper.Setting) { s.Servers = []int{1_000_000} },
		"too many sizes":    func(s *paper.Setting) { s.Servers = make([]int, 1000) },
		"no trials":         func(s *paper.Setting) { s.Trials = 0 },
		"too many trials":   func(s *paper.Setting) { s.Trials = math.MaxInt },
		"no placement":      func(s *paper.Setting) { s.Placements = nil },
		"without the first": func(s *paper.Setting) { s.Placements = []paper.Placement{paper.Bounded} },
		"unknown placement": func(s *paper.Setting) { s.Placements = []paper.Placement{paper.Rendezvous, "x"} },
		"bounded last":      func(s *paper.Setting) { s.Placements = []paper.Placement{paper.Rendezvous, paper.Ring1, paper.Bounded} },
		"compared in none":  func(s *paper.Setting) { s.Compared = -1 },
		"twice":             func(s *paper.Setting) { s.Placements = []paper.Placement{paper.Rendezvous, paper.Rendezvous} },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			s := small()
			change(&s)
			if _, err := paper.Run(t.Context(), s, func() {}); !errors.Is(err, paper.ErrSetting) {
				t.Errorf("error %v", err)
			}
		})
	}
	one := paper.Setting{Images: []int{10}, Servers: []int{1}, Placements: paper.Placements(), Trials: 1}
	if g := run(t, one)[0].Grids[1]; g.Factor[0][0] != 1 || g.Moved != nil {
		t.Errorf("one server: %+v", g)
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := paper.Run(ctx, small(), func() {}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
