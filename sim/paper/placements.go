package paper

import (
	"fmt"
	"math"

	"hullmark/placement"
)

// Placement names a way to place keys on servers.
type Placement string

// The placements. The first two are the product's, the others are compared.
const (
	// Rendezvous is placement.Key.First, the default of clients.
	Rendezvous Placement = "rendezvous"
	// Bounded is placement.Bounded, which clients may choose.
	Bounded Placement = "bounded"
	// Capped is consistent hashing with bounded loads (Mirrokni, Thorup,
	// Zadimoghaddam, 2018) in rendezvous order: the first server that holds less
	// than 1.01 times the average, rounded up.
	Capped Placement = "capped"
	// TwoChoices is the less loaded of the first two in rendezvous order.
	TwoChoices Placement = "two-choices"
	// Ring1, Ring100 and Ring1000 are consistent hashing with so many points of each
	// server.
	Ring1    Placement = "ring-1"
	Ring100  Placement = "ring-100"
	Ring1000 Placement = "ring-1000"
	// Kademlia is the server whose SHA-384 id is closest to the key by XOR, as in a
	// Kademlia network in which everyone knows everyone.
	Kademlia Placement = "kademlia"
)

// Placements returns all placements.
func Placements() []Placement {
	return []Placement{Rendezvous, Bounded, Capped, TwoChoices, Ring1, Ring100, Ring1000, Kademlia}
}

// placer places keys on the first so many servers, for several such numbers at
// once.
type placer interface {
	// place writes the index of the server that gets the key into winners, one for
	// each number of servers. First holds the same of rendezvous, which itself
	// takes none.
	place(k *key, first, winners []int)
}

// newPlacer returns the placer of a valid placement on servers, for rising numbers
// of them.
func newPlacer(p Placement, names []string, numbers []int) placer {
	nodes := make([]placement.Node, len(names))
	for i, name := range names {
		nodes[i] = placement.NewNode(name)
	}
	switch p {
	case Rendezvous:
		return &rendezvous{nodes: nodes, numbers: numbers}
	case Bounded:
		return newBounded(nodes, numbers)
	case Capped:
		return &capped{nodes: nodes, numbers: numbers, counts: newCounts(numbers)}
	case TwoChoices:
		return &twoChoices{nodes: nodes, numbers: numbers, counts: newCounts(numbers)}
	case Ring1:
		return newRing(names, numbers, 1)
	case Ring100:
		return newRing(names, numbers, 100)
	case Ring1000:
		return newRing(names, numbers, 1000)
	case Kademlia:
		return newXOR(names, numbers)
	default:
		panic(fmt.Sprintf("paper: no placer for %q", p))
	}
}

// rendezvous finds the winners among all numbers of servers in one pass: the first
// of twenty is the first of ten or the first of the next ten.
type rendezvous struct {
	nodes   []placement.Node
	numbers []int
}

func (r *rendezvous) place(k *key, _, winners []int) {
	best, from := -1, 0
	for i, to := range r.numbers {
		best = better(k, r.nodes, best, block(k, r.nodes, from, to))
		winners[i], from = best, to
	}
}

// block returns the first of the servers from one index to before another, or -1
// when there are none.
func block(k *key, nodes []placement.Node, from, to int) int {
	first := k.place.First(nodes[from:to])
	if first < 0 {
		return -1
	}
	return from + first
}

// better returns that of two servers which comes first; -1 is none.
func better(k *key, nodes []placement.Node, a, b int) int {
	if a < 0 || b >= 0 && k.place.Before(nodes[b], nodes[a]) {
		return b
	}
	return a
}

// bounded is the product's bounded placement, unchanged, one for each number of
// servers.
type bounded []*placement.Bounded

func newBounded(nodes []placement.Node, numbers []int) bounded {
	var out bounded
	for _, n := range numbers {
		out = append(out, placement.NewBounded(nodes[:n]))
	}
	return out
}

func (b bounded) place(k *key, first, winners []int) {
	for i := range b {
		winners[i] = b[i].Settle(k.place, first[i])
	}
}

// newCounts returns counts of zero, [number][server].
func newCounts(numbers []int) [][]int {
	var out [][]int
	for _, n := range numbers {
		out = append(out, make([]int, n))
	}
	return out
}

// capFactor is how much of the average a server of capped may hold.
const capFactor = 1.01

type capped struct {
	nodes   []placement.Node
	numbers []int
	counts  [][]int
	total   int
}

func (c *capped) place(k *key, first, winners []int) {
	c.total++
	for i, n := range c.numbers {
		counts, chosen := c.counts[i], first[i]
		limit := int(math.Ceil(capFactor * float64(c.total) / float64(n)))
		if counts[chosen] >= limit {
			// There is room somewhere: all full would be more than the total.
			chosen = -1
			for j := range n {
				if counts[j] < limit {
					chosen = better(k, c.nodes, chosen, j)
				}
			}
		}
		counts[chosen]++
		winners[i] = chosen
	}
}

type twoChoices struct {
	nodes   []placement.Node
	numbers []int
	counts  [][]int
}

func (c *twoChoices) place(k *key, first, winners []int) {
	// The first two of more servers are among the first two of fewer and the first
	// two of those that were added.
	second, from := -1, 0
	for i, to := range c.numbers {
		f := first[i]
		if i > 0 && f >= from {
			second = better(k, c.nodes, second, first[i-1])
		}
		if f >= from {
			second = better(k, c.nodes, second, block(k, c.nodes, from, f))
			second = better(k, c.nodes, second, block(k, c.nodes, f+1, to))
		} else {
			second = better(k, c.nodes, second, block(k, c.nodes, from, to))
		}
		counts, chosen := c.counts[i], f
		if second >= 0 && counts[second] < counts[f] {
			chosen = second
		}
		counts[chosen]++
		winners[i], from = chosen, to
	}
}
