package reads

import (
	"slices"
	"time"

	"hullmark/sim"
)

// address is where requests come from, as a node sees it: one subscriber, or a
// company behind one gateway.
type address int32

// node is a server with the limits of a real one.
type node struct {
	sim    *sim.Simulation
	region sim.Region
	server *sim.Server
	uplink *sim.Link

	// open are the connections, counted by address too; waiting are those that the node has
	// not accepted yet.
	open      []*connection
	byAddress map[address]int
	waiting   []*connection
	buckets   map[address]bucket

	asked, limited uint64
}

// connection is a place that a request holds at a node.
type connection struct {
	node    *node
	address address
	// accepted is called when the connection has a place, reset when the node's
	// process is gone.
	accepted, reset func()
	state           connectionState
	place           int
}

type connectionState int

const (
	waitingConnection connectionState = iota
	openConnection
	closedConnection
)

func newNode(s *sim.Simulation, region sim.Region, cores int, bandwidth float64) *node {
	return &node{
		sim: s, region: region, server: sim.NewServer(s, cores, MaxLookUps),
		// The way to a client is not the node's: its time is added for each client.
		uplink:    sim.NewLink(s, nil, sim.Constant(0), bandwidth),
		byAddress: make(map[address]int), buckets: make(map[address]bucket),
	}
}

// connect asks for a place and calls accepted when there is one. It returns nil
// when the node closes the connection at once.
func (n *node) connect(from address, accepted, reset func()) *connection {
	c := &connection{node: n, address: from, accepted: accepted, reset: reset}
	if n.byAddress[from] >= MaxAddressConnections {
		return nil
	}
	if len(n.open) < MaxConnections {
		c.admit()
	} else {
		n.waiting = append(n.waiting, c)
	}
	return c
}

func (c *connection) admit() {
	c.state = openConnection
	c.place = len(c.node.open)
	c.node.open = append(c.node.open, c)
	c.node.byAddress[c.address]++
	c.accepted()
}

// close gives the place to the next that waits. Closing twice is closing once.
func (c *connection) close() {
	before := c.state
	c.state = closedConnection
	if before != openConnection {
		return // one that waits is passed over when its turn comes
	}
	n := c.node
	last := len(n.open) - 1
	n.open[last].place = c.place
	n.open[c.place] = n.open[last]
	n.open = n.open[:last]
	if n.byAddress[c.address]--; n.byAddress[c.address] == 0 {
		delete(n.byAddress, c.address)
	}
	for len(n.waiting) > 0 && len(n.open) < MaxConnections {
		next := n.waiting[0]
		n.waiting[0] = nil
		n.waiting = n.waiting[1:]
		if next.state == waitingConnection {
			next.admit()
		}
	}
}

// restart starts the process of a node anew: connections to the old one are reset,
// in the order in which they stand.
func (n *node) restart() {
	n.server.Restart()
	old := slices.Concat(n.open, n.waiting)
	n.open, n.waiting = nil, nil
	clear(n.byAddress)
	for _, c := range old {
		if c.state != closedConnection {
			c.state = closedConnection
			c.reset()
		}
	}
}

// bucket is what an address may still ask.
type bucket struct {
	left float64
	at   time.Duration
}

// allow takes a token of an address.
func (n *node) allow(from address) bool {
	const most = BurstSeconds * RequestsPerSecond
	b, known := n.buckets[from]
	if !known {
		b = bucket{left: most}
	}
	b.left = min(most, b.left+RequestsPerSecond*(n.sim.Now()-b.at).Seconds())
	b.at = n.sim.Now()
	ok := b.left >= 1
	if ok {
		b.left--
	}
	n.buckets[from] = b
	return ok
}
