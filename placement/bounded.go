package placement

import "slices"

// The slack of Bounded: how many questions more than the least asked node any
// other may have been given.
const (
	// slackDivisor makes the slack one hundredth of what the least asked node has.
	slackDivisor = 100
	// minSlack is the slack of the beginning, when a hundredth is nothing. Since
	// chance alone sets nodes that far apart, a smaller one would send away keys
	// for no gain that lasts.
	minSlack = 8
)

// Bounded places questions like Order, and keeps what each node is given within a
// hundredth of what any other is: a question goes to the node most responsible for
// its key, unless that would then have been given more than the least asked node
// by more than the slack; then it goes to the least asked one, and of several to
// the one most responsible for the key.
//
// With m questions at the least asked node the slack is max(8, m/100), rounded
// down. The most asked node never has more than m and the slack, so that from
// m = 800 on the load factor, most to least, is at most 1.01, whatever the keys.
// What several who count by themselves put on the same nodes adds up to no more
// than 1.01 either.
//
// The price is that a key may have different nodes at different times. Bounded is
// not safe for concurrent use.
type Bounded struct {
	nodes  []Node
	counts []uint64
	// least is the smallest count, and holders the number of nodes that have it.
	least   uint64
	holders int
}

// NewBounded returns a placement on the nodes, none of which was asked yet.
func NewBounded(nodes []Node) *Bounded {
	return &Bounded{nodes: slices.Clone(nodes), counts: make([]uint64, len(nodes)), holders: len(nodes)}
}

// First returns the index of the node that gets a question about the key, and
// counts it, or -1 when there is no node.
func (b *Bounded) First(k Key) int { return b.Settle(k, k.First(b.nodes)) }

// Settle is First for one who knows already which node is most responsible for the
// key: the index that Key.First returns for the same nodes.
func (b *Bounded) Settle(k Key, first int) int {
	if first < 0 {
		return first
	}
	if b.counts[first]+1 > b.least+max(minSlack, b.least/slackDivisor) {
		first = b.leastAsked(k)
	}
	b.count(first)
	return first
}

// Order returns all nodes, the one that gets a question about the key first and
// the others in the order of Key.Order. It counts the question.
func (b *Bounded) Order(k Key) []Node {
	ordered := k.Order(b.nodes)
	first := b.First(k)
	if first < 0 {
		return ordered
	}
	at := slices.Index(ordered, b.nodes[first])
	copy(ordered[1:at+1], ordered[:at])
	ordered[0] = b.nodes[first]
	return ordered
}

// leastAsked returns the index of the node with the smallest count that is most
// responsible for the key.
func (b *Bounded) leastAsked(k Key) int {
	found := -1
	for i, c := range b.counts {
		if c == b.least && (found < 0 || k.Before(b.nodes[i], b.nodes[found])) {
			found = i
		}
	}
	return found
}

// count adds a question to a node.
func (b *Bounded) count(i int) {
	was := b.counts[i]
	b.counts[i]++
	if was != b.least {
		return
	}
	if b.holders--; b.holders > 0 {
		return
	}
	b.least = slices.Min(b.counts)
	for _, c := range b.counts {
		if c == b.least {
			b.holders++
		}
	}
}
