package sim

import (
	"fmt"
	"time"
)

// Network connects hosts in regions: everything a host sends goes through its own
// uplink, one message after the other, and then over the link to the receiver.
// Make one with [NewNetwork].
type Network struct {
	sim    *Simulation
	name   string
	jitter float64
	hosts  []host
	links  map[[2]int]*Link
}

type host struct {
	region Region
	uplink line
	down   bool
}

// NewNetwork returns a network without hosts. Latencies are log-normal around half
// the round trip between two regions, with the jitter as the standard deviation
// of their logarithm; zero is constant latency. The name tells its random streams
// from those of other networks.
func NewNetwork(s *Simulation, name string, jitter float64) *Network {
	return &Network{sim: s, name: name, jitter: jitter, links: make(map[[2]int]*Link)}
}

// Add adds a host with an uplink of so many bytes per second, zero being no limit,
// and returns its number, counted from zero.
func (n *Network) Add(region Region, uplink float64) int {
	n.hosts = append(n.hosts, host{region: region, uplink: line{bandwidth: uplink}})
	return len(n.hosts) - 1
}

// Link returns the link from one host to another.
func (n *Network) Link(from, to int) *Link {
	pair := [2]int{from, to}
	l, ok := n.links[pair]
	if !ok {
		latency := OneWay(n.hosts[from].region, n.hosts[to].region, n.jitter)
		l = NewLink(n.sim, n.sim.Stream(fmt.Sprintf("%s/%d-%d", n.name, from, to)), latency, 0)
		n.links[pair] = l
	}
	return l
}

// Send sends a message of a size in bytes, and calls deliver when it arrives. What
// a host that is down sends, and what reaches one, is lost. A message to oneself
// arrives at once.
func (n *Network) Send(from, to, size int, deliver func()) {
	switch {
	case n.hosts[from].down:
	case from == to:
		n.sim.After(0, deliver)
	default:
		sent := n.hosts[from].uplink.occupy(n.sim.Now(), size)
		n.Link(from, to).sendAt(sent, size, func() {
			if !n.hosts[to].down {
				deliver()
			}
		})
	}
}

// SetDown takes a host from the network, or puts it back.
func (n *Network) SetDown(host int, down bool) {
	n.hosts[host].down = down
	n.hosts[host].uplink.free = min(n.hosts[host].uplink.free, n.sim.Now())
}

// Partition cuts all links between hosts of different groups and mends those
// within one. Hosts in no group are cut off from all others.
func (n *Network) Partition(groups ...[]int) {
	group := make(map[int]int)
	for i, members := range groups {
		for _, host := range members {
			group[host] = i + 1
		}
	}
	for from := range n.hosts {
		for to := range n.hosts {
			if from == to {
				continue
			}
			if l := n.Link(from, to); group[from] == 0 || group[from] != group[to] {
				l.Cut()
			} else {
				l.Mend()
			}
		}
	}
}

// Heal ends a partition.
func (n *Network) Heal() {
	for _, l := range n.links {
		l.Mend() // in any order: mending schedules and draws nothing
	}
}

// OneWay returns the time from one region to another: half a round trip, with
// jitter (see [NewNetwork]).
func OneWay(from, to Region, jitter float64) Distribution {
	half := RoundTrip(from, to) / 2
	if jitter == 0 {
		return Constant(half)
	}
	return LogNormal{Median: half, Sigma: jitter}
}

// Transfer is how long a message of a size in bytes takes on a line of so many
// bytes per second, zero being no limit.
func Transfer(size int, bandwidth float64) time.Duration {
	l := line{bandwidth: bandwidth}
	return l.occupy(0, size)
}
