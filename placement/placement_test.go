package placement_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hullmark/placement"
)

func nodes(ids ...string) []placement.Node {
	list := make([]placement.Node, len(ids))
	for i, id := range ids {
		list[i] = placement.NewNode(id)
	}
	return list
}

func numbered(n int) []placement.Node {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("node-%d", i)
	}
	return nodes(ids...)
}

func ids(list []placement.Node) []string {
	text := make([]string, len(list))
	for i, n := range list {
		text[i] = n.ID()
	}
	return text
}

func key(i int) []byte { return fmt.Appendf(nil, "docker.io/library/image-%d", i) }

// TestSplitMix64 uses the values published with the generator: the first outputs
// from the states 0 and 1234567.
func TestSplitMix64(t *testing.T) {
	const gamma = 0x9e3779b97f4a7c15
	tests := []struct{ state, want uint64 }{
		{0, 0xe220a8397b1dcdaf},
		{gamma, 0x6e789e6aa1b965f4},
		{1234567, 6457827717110365317},
		{1234567 + gamma&math.MaxUint64, 3203168211198807973},
	}
	for _, tc := range tests {
		if got := placement.SplitMix64(tc.state); got != tc.want {
			t.Errorf("splitmix64(%#x) = %#x, want %#x", tc.state, got, tc.want)
		}
	}
}

// TestVectors: the vectors were computed by a second implementation, written
// from the package comment in another language.
func TestVectors(t *testing.T) {
	raw, err := os.ReadFile("../tests/vectors/placement/order.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Name  string   `json:"name"`
		Key   string   `json:"key_hex"`
		Nodes []string `json:"nodes"`
		Order []string `json:"order"`
	}
	if err := json.Unmarshal(raw, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) == 0 {
		t.Fatal("no vectors")
	}
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			k, err := hex.DecodeString(v.Key)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(v.Order, ids(placement.Order(k, nodes(v.Nodes...)))); diff != "" {
				t.Errorf("order (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOrderIgnoresInputOrder(t *testing.T) {
	list := numbered(7)
	before := slices.Clone(list)
	for i := range 100 {
		want := ids(placement.Order(key(i), list))
		reversed := slices.Clone(list)
		slices.Reverse(reversed)
		if diff := cmp.Diff(want, ids(placement.Order(key(i), reversed))); diff != "" {
			t.Fatalf("key %d, nodes reversed (-want +got):\n%s", i, diff)
		}
	}
	if diff := cmp.Diff(ids(before), ids(list)); diff != "" {
		t.Errorf("Order changed its argument:\n%s", diff)
	}
}

func TestOrderTies(t *testing.T) {
	tied := []placement.Node{placement.WithSeed("c", 1), placement.WithSeed("a", 1), placement.WithSeed("b", 1)}
	if diff := cmp.Diff([]string{"a", "b", "c"}, ids(placement.Order(key(0), tied))); diff != "" {
		t.Errorf("equal scores (-want +got):\n%s", diff)
	}
}

func TestPick(t *testing.T) {
	list := numbered(5)
	all := ids(placement.Order(key(1), list))
	tests := []struct {
		name string
		n    int
		want []string
	}{
		{"negative", -1, []string{}},
		{"none", 0, []string{}},
		{"one", 1, all[:1]},
		{"three", 3, all[:3]},
		{"all", 5, all},
		{"more than there are", 9, all},
		{"far more than there are", math.MaxInt, all},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, ids(placement.Pick(key(1), list, tc.n))); diff != "" {
				t.Errorf("picked (-want +got):\n%s", diff)
			}
		})
	}
	if got := placement.Pick(key(1), nil, 3); len(got) != 0 {
		t.Errorf("picked %v of no nodes", ids(got))
	}
}

// TestNodeLeaves: without a node, every key keeps the order of the others, so
// only keys whose first node left move, and they move to their second.
func TestNodeLeaves(t *testing.T) {
	list := numbered(9)
	for i := range 2000 {
		full := ids(placement.Order(key(i), list))
		for gone := range list {
			rest := slices.Delete(slices.Clone(list), gone, gone+1)
			want := slices.DeleteFunc(slices.Clone(full), func(id string) bool { return id == list[gone].ID() })
			if diff := cmp.Diff(want, ids(placement.Order(key(i), rest))); diff != "" {
				t.Fatalf("key %d without %s (-want +got):\n%s", i, list[gone].ID(), diff)
			}
		}
	}
}

// TestBalance counts how often each node has each rank. The keys are fixed, so
// the outcome is too; the bound is five standard deviations of an even random
// assignment.
func TestBalance(t *testing.T) {
	const keys = 50_000
	for _, n := range []int{4, 7, 10} {
		t.Run(fmt.Sprintf("%d nodes", n), func(t *testing.T) {
			list := numbered(n)
			count := make(map[string][]int)
			for _, node := range list {
				count[node.ID()] = make([]int, n)
			}
			for i := range keys {
				for rank, node := range placement.Order(key(i), list) {
					count[node.ID()][rank]++
				}
			}
			p := 1 / float64(n)
			bound := 5 * math.Sqrt(keys*p*(1-p))
			for id, ranks := range count {
				for rank, got := range ranks {
					if math.Abs(float64(got)-keys*p) > bound {
						t.Errorf("%s has rank %d for %d keys, want %.0f +- %.0f", id, rank, got, keys*p, bound)
					}
				}
			}
		})
	}
}

// TestSuccessors: the keys of one node spread evenly over all others when it
// leaves, instead of burdening one neighbour.
func TestSuccessors(t *testing.T) {
	const keys = 60_000
	list := numbered(6)
	successors := make(map[string]int)
	total := 0
	for i := range keys {
		if order := placement.Order(key(i), list); order[0].ID() == "node-0" {
			successors[order[1].ID()]++
			total++
		}
	}
	p := 1 / float64(len(list)-1)
	bound := 5 * math.Sqrt(float64(total)*p*(1-p))
	for _, node := range list[1:] {
		if got := successors[node.ID()]; math.Abs(float64(got)-float64(total)*p) > bound {
			t.Errorf("%s follows %d times, want %.0f +- %.0f", node.ID(), got, float64(total)*p, bound)
		}
	}
}

func BenchmarkPick(b *testing.B) {
	for _, n := range []int{4, 100} {
		b.Run(fmt.Sprintf("%d nodes", n), func(b *testing.B) {
			list := numbered(n)
			k := key(0)
			b.ReportAllocs()
			for b.Loop() {
				placement.Pick(k, list, 3)
			}
		})
	}
}
