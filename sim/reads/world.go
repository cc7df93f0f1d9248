package reads

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"hullmark/placement"
	"hullmark/sim"
)

// ErrConfig is the class of configurations that make no sense.
var ErrConfig = errors.New("bad configuration")

// World is what the nodes and clients of a scenario are like.
type World struct {
	// Nodes is how many there are, and Cores how many cores each has.
	Nodes, Cores int
	// Regions are where nodes stand, in turn, and where clients are, evenly.
	Regions []sim.Region
	// Jitter is the standard deviation of the logarithm of latencies.
	Jitter float64
	// Handshakes are the round trips before a request: two for TCP and TLS 1.3 of
	// a new process, none on a connection that is kept.
	Handshakes int
	// Uplink of a node, in bytes per second.
	Uplink float64
	// Tags is the size of repositories, and Validators that of the network: both
	// decide what look-ups cost.
	Tags, Validators int
	// Addresses is behind how many addresses the clients are.
	Addresses int
	// Costs are the measured ones.
	Costs sim.Costs
}

// DefaultWorld is ten nodes of two cores in one region, with clients near them
// that keep no connection and repositories of a hundred tags.
func DefaultWorld(costs sim.Costs) World {
	return World{
		Nodes: 10, Cores: 2, Regions: []sim.Region{sim.EuropeWest}, Jitter: 0.2, Handshakes: 2,
		Uplink: 125e6, Tags: 100, Validators: 4, Addresses: 50_000, Costs: costs,
	}
}

// Global returns the world with its nodes and clients in all regions.
func (c World) Global() World {
	c.Regions = nil
	for r := range sim.Regions {
		c.Regions = append(c.Regions, r)
	}
	return c
}

// Validate reports a world that cannot be. Errors are [ErrConfig].
func (c World) Validate() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %w", ErrConfig, fmt.Errorf(format, args...))
	}
	switch {
	case c.Nodes < 1 || c.Nodes > 1000:
		return bad("nodes are from 1 to 1000")
	case c.Cores < 1 || c.Cores > 1024:
		return bad("cores are from 1 to 1024")
	case len(c.Regions) == 0:
		return bad("no regions")
	case c.Jitter < 0 || c.Jitter > 2:
		return bad("jitter is from 0 to 2")
	case c.Handshakes < 0 || c.Handshakes > 10:
		return bad("handshakes are from 0 to 10")
	case c.Uplink < 0:
		return bad("uplink is negative")
	case c.Tags < 1 || c.Validators < 1:
		return bad("tags and validators are positive")
	case c.Addresses < 1 || c.Addresses > 1<<20:
		return bad("addresses are from 1 to %d", 1<<20)
	}
	return c.Costs.Validate()
}

// Capacity is how many look-ups all nodes answer in a second when each is asked as
// much as the others.
func (c World) Capacity() float64 {
	service := c.Costs.Repository(c.Tags).LookUp.Duration()
	return float64(c.Nodes*c.Cores) / service.Seconds()
}

// verification is what a client takes from an answer to a verdict.
func (c World) verification() time.Duration {
	more := time.Duration(max(0, c.Validators-4))
	return c.Costs.Repository(c.Tags).Verify.Duration() + more*c.Costs.VerifyValidator.Duration()
}

// answerSize is the size of an answer of a repository.
func (c World) answerSize() int {
	return c.Costs.Repository(c.Tags).Answer + max(0, c.Validators-4)*c.Costs.AnswerValidator
}

// world is a World in a simulation.
type world struct {
	World
	sim        *sim.Simulation
	nodes      []*node
	ids        []placement.Node
	jitter     float64
	handshakes int
	verify     time.Duration
	// ways draws latencies, clients who asks.
	ways, clients, shuffle *rand.Rand
	orders                 map[int][]int
	index                  map[string]int
}

func newWorld(s *sim.Simulation, c World) *world {
	w := &world{
		World: c, sim: s, jitter: c.Jitter, handshakes: c.Handshakes, verify: c.verification(),
		ways: s.Stream("ways"), clients: s.Stream("clients"), shuffle: s.Stream("shuffle"),
		orders: make(map[int][]int), index: make(map[string]int),
	}
	for i := range c.Nodes {
		w.nodes = append(w.nodes, newNode(s, c.Regions[i%len(c.Regions)], c.Cores, c.Uplink))
		id := NodeID(i)
		w.ids = append(w.ids, placement.NewNode(id))
		w.index[id] = i
	}
	return w
}

// NodeID is the address of a node, which clients place by.
func NodeID(i int) string { return fmt.Sprintf("https://node-%d.example", i) }

// Name is a reference that is looked up, by its number. Which one is popular
// depends on the seed.
func Name(seed uint64, i int) []byte {
	return fmt.Appendf(nil, "registry.example/team-%x/app:v%d", binary.BigEndian.AppendUint64(nil, seed), i)
}

// order returns the nodes in rendezvous order of a name.
func (w *world) order(seed uint64, name int) []int {
	o, ok := w.orders[name]
	if !ok {
		o = w.rank(Name(seed, name))
		w.orders[name] = o
	}
	return o
}

func (w *world) rank(key []byte) []int {
	o := make([]int, 0, len(w.ids))
	for _, n := range placement.Order(key, w.ids) {
		o = append(o, w.index[n.ID()])
	}
	return o
}

// ask returns the question of a random client about a name.
func (w *world) ask(order []int, by Strategy) question {
	q := question{
		order: order, hedge: Hedge,
		region:  w.Regions[w.clients.IntN(len(w.Regions))],
		address: address(w.clients.IntN(w.Addresses)),
		service: w.Costs.Repository(w.Tags).LookUp.Duration(),
		answer:  w.answerSize(),
	}
	switch by {
	case FirstOnly:
		q.order, q.hedge = order[:1], 0
	case Failover:
		q.hedge = 0
	case Shuffled:
		q.order = slices.Clone(order)
		w.shuffle.Shuffle(len(q.order), func(i, j int) { q.order[i], q.order[j] = q.order[j], q.order[i] })
	case Client:
	}
	return q
}

// NodeLoad is what one node did.
type NodeLoad struct {
	// Asked is how many look-ups reached the node, Worked how many it worked on,
	// Refused how many it turned away because it was busy, Limited those that
	// exceeded what an address may ask.
	Asked, Worked, Refused, Limited uint64
	// Utilisation is the share of its cores' time that was used.
	Utilisation float64
}

// loads returns what the nodes have done.
func (w *world) loads(over time.Duration) []NodeLoad {
	out := make([]NodeLoad, len(w.nodes))
	for i, n := range w.nodes {
		st := n.server.Stats()
		out[i] = NodeLoad{
			Asked: n.asked, Worked: st.Done, Refused: st.Busy, Limited: n.limited,
			Utilisation: st.Work.Seconds() / over.Seconds() / float64(w.Cores),
		}
	}
	return out
}

// Balance is how even a load is: the largest share over the least, the paper's load
// factor, and the largest over the mean. Of loads with a zero the first is infinite
// and shown as zero.
type Balance struct{ MaxMin, MaxMean float64 }

// BalanceOf returns the balance of loads.
func BalanceOf(loads []float64) Balance {
	var sum float64
	for _, l := range loads {
		sum += l
	}
	if len(loads) == 0 || sum == 0 {
		return Balance{}
	}
	low, high := slices.Min(loads), slices.Max(loads)
	b := Balance{MaxMean: high * float64(len(loads)) / sum}
	if low > 0 {
		b.MaxMin = high / low
	}
	return b
}
