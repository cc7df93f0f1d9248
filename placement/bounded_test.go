package placement_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hullmark/placement"
)

// TestFirst: the short way gives what the long one does.
func TestFirst(t *testing.T) {
	for n := range 13 {
		list := numbered(n)
		for i := range 500 {
			k := placement.NewKey(key(i))
			order := placement.Order(key(i), list)
			if diff := cmp.Diff(ids(order), ids(k.Order(list))); diff != "" {
				t.Fatalf("Key.Order differs from Order:\n%s", diff)
			}
			first := k.First(list)
			if n == 0 {
				if first != -1 {
					t.Fatalf("the first of none is %d", first)
				}
				continue
			}
			if list[first] != order[0] {
				t.Fatalf("key %d: first of %d is %s, want %s", i, n, list[first].ID(), order[0].ID())
			}
			if !slices.IsSortedFunc(order, func(a, b placement.Node) int {
				if k.Before(a, b) {
					return -1
				}
				return 1
			}) {
				t.Fatalf("key %d: Before disagrees with Order", i)
			}
		}
	}
	tied := []placement.Node{placement.WithSeed("c", 1), placement.WithSeed("a", 1), placement.WithSeed("b", 1)}
	if k := placement.NewKey(key(0)); k.First(tied) != 1 || !k.Before(tied[1], tied[2]) || k.Before(tied[0], tied[2]) || k.Before(tied[0], tied[0]) {
		t.Error("equal scores do not go by id")
	}
}

// slowBounded is the definition of Bounded, word for word.
type slowBounded struct {
	nodes  []placement.Node
	counts map[string]int
}

func (b slowBounded) order(k []byte) []string {
	order := ids(placement.Order(k, b.nodes))
	least := b.counts[order[0]]
	for _, id := range order {
		least = min(least, b.counts[id])
	}
	chosen := order[0]
	if b.counts[chosen]+1 > least+max(8, least/100) {
		at := slices.IndexFunc(order, func(id string) bool { return b.counts[id] == least })
		chosen = order[at]
	}
	b.counts[chosen]++
	rest := slices.DeleteFunc(order, func(id string) bool { return id == chosen })
	return append([]string{chosen}, rest...)
}

func TestBoundedIsItsDefinition(t *testing.T) {
	for _, n := range []int{1, 2, 3, 10, 37} {
		list := numbered(n)
		first, whole := placement.NewBounded(list), placement.NewBounded(list)
		slow := slowBounded{nodes: list, counts: make(map[string]int)}
		for i := range 20_000 {
			name := key(i % 7000) // some come again
			want := slow.order(name)
			if got := list[first.First(placement.NewKey(name))].ID(); got != want[0] {
				t.Fatalf("%d nodes, question %d: first is %s, want %s", n, i, got, want[0])
			}
			if i%10 != 0 {
				whole.First(placement.NewKey(name))
				continue
			}
			if diff := cmp.Diff(want, ids(whole.Order(placement.NewKey(name)))); diff != "" {
				t.Fatalf("%d nodes, question %d (-want +got):\n%s", n, i, diff)
			}
		}
	}
}

// TestBound: the bound holds after every question, for keys of chance, for one key
// that all ask for, and for what several clients add up to.
func TestBound(t *testing.T) {
	const clients, questions = 3, 30_000
	streams := map[string]func(client, i int) []byte{
		"many keys":   func(client, i int) []byte { return key(client*questions + i) },
		"one key":     func(int, int) []byte { return key(0) },
		"few keys":    func(_, i int) []byte { return key(i % 5) },
		"half is one": func(_, i int) []byte { return key(i % 2 * i) },
	}
	for name, stream := range streams {
		t.Run(name, func(t *testing.T) {
			list := numbered(10)
			sum := make([]int, len(list))
			for client := range clients {
				b := placement.NewBounded(list)
				counts := make([]int, len(list))
				for i := range questions {
					at := b.First(placement.NewKey(stream(client, i)))
					counts[at]++
					sum[at]++
					if least := slices.Min(counts); counts[at] > least+max(8, least/100) {
						t.Fatalf("question %d: %v", i, counts)
					}
				}
			}
			if least, most := slices.Min(sum), slices.Max(sum); 100*most > 101*least {
				t.Errorf("together: %v", sum)
			}
		})
	}
}

// TestBoundedFollowsOrder: while no node is ahead, keys stay where they belong.
func TestBoundedFollowsOrder(t *testing.T) {
	list := numbered(4)
	b := placement.NewBounded(list)
	for i := range 8 { // no more than the slack
		if got, want := b.First(placement.NewKey(key(i))), placement.NewKey(key(i)).First(list); got != want {
			t.Errorf("key %d is at node %d, want %d", i, got, want)
		}
	}
	if got := placement.NewBounded(nil).First(placement.NewKey(key(0))); got != -1 {
		t.Errorf("the first of no nodes is %d", got)
	}
	if got := placement.NewBounded(nil).Order(placement.NewKey(key(0))); len(got) != 0 {
		t.Errorf("order of no nodes: %v", ids(got))
	}
}

func BenchmarkFirst(b *testing.B) {
	list := numbered(100)
	k := placement.NewKey(key(0))
	b.Run("rendezvous", func(b *testing.B) {
		for b.Loop() {
			k.First(list)
		}
	})
	b.Run("bounded", func(b *testing.B) {
		bounded := placement.NewBounded(list)
		for i := 0; b.Loop(); i++ {
			bounded.First(placement.NewKey(key(i)))
		}
	})
}
