// Package consensus models how validators agree on blocks, at the grain that
// decides how long a publish takes: the rounds of CometBFT with their timeouts, what
// each node knows of its peers and when it sends them what they lack, block parts
// and votes with sizes on uplinks with a bandwidth, and the work of checking,
// judging and committing on a number of cores, from measured costs.
//
// Left out are faulty validators other than silent ones, changes of the validator
// set, evidence, and nodes that are no validators.
package consensus

import (
	"fmt"
	"math/rand/v2"
	"time"

	"hullmark/sim"
)

// Validator is one node.
type Validator struct {
	Region sim.Region
	// Uplink is in bytes per second; zero is no limit but that of the connections.
	Uplink float64
}

// Config is a network.
type Config struct {
	Settings   Settings
	Costs      sim.Costs
	Validators []Validator
	// Cores is how many each machine has. With Shared all validators run on one, and
	// messages between them take no time on the line.
	Cores  int
	Shared bool
	// Jitter is the standard deviation of the logarithm of latencies.
	Jitter float64
	// Tags of each repository that is published to.
	Tags int
}

// Block is a block that was proposed.
type Block struct {
	Height, Round, Proposer int
	// Time is the one in the header, after the start of the simulation.
	Time time.Duration
	// Proposed is when its proposer had made it.
	Proposed time.Duration
	Txs      []*Tx
	Size     int
	// Commit is who has voted for it when the first node committed it.
	Commit int
	// Rounds is how many rounds its height took.
	Rounds int
	parts  int
}

// Tx is a transaction.
type Tx struct {
	Origin    int
	Submitted time.Duration
	// Block is the block it was first proposed in that was committed.
	Block *Block
	done  func(at time.Duration)
	seen  set
}

// Network is a network of validators. Make one with [New].
type Network struct {
	// OnCommit, if set, is called when a node has committed a block.
	OnCommit func(node int, b *Block, at time.Duration)

	sim     *sim.Simulation
	c       Config
	s       Settings
	costs   sim.Costs
	repo    sim.RepositoryCosts
	nodes   []*node
	ballots map[ballotID]*ballot
	// decided are the blocks, by height; a block that is decided here is committed by
	// some node.
	decided map[int]decision
	// copies is how often a transaction crosses to each node, by origin.
	copies [][]int
	random *rand.Rand
}

type decision struct {
	block *Block
	round int
}

// New returns a network that is about to make its first block.
func New(s *sim.Simulation, c Config) (*Network, error) {
	n := len(c.Validators)
	if n < 1 || n > MaxValidators {
		return nil, fmt.Errorf("couldn't make network: %d validators, at most %d", n, MaxValidators)
	}
	if c.Cores < 1 {
		return nil, fmt.Errorf("couldn't make network: %d cores", c.Cores)
	}
	if most := c.Settings.BlockSize / c.Settings.PartSize; most > 64 {
		return nil, fmt.Errorf("couldn't make network: a block of %d parts, at most 64", most)
	}
	nw := &Network{
		sim: s, c: c, s: c.Settings, costs: c.Costs, repo: c.Costs.Repository(max(1, c.Tags)),
		ballots: make(map[ballotID]*ballot), decided: make(map[int]decision),
		copies: make([][]int, n), random: s.Stream("consensus/parts"),
	}
	var shared *cpu
	if c.Shared {
		shared = newCPU(s, c.Cores)
	}
	for i := range c.Validators {
		machine := shared
		if machine == nil {
			machine = newCPU(s, c.Cores)
		}
		nw.nodes = append(nw.nodes, newNode(nw, i, machine))
	}
	for i, from := range nw.nodes {
		for j := range nw.nodes {
			if i != j {
				from.links[j] = nw.newLink(i, j)
			}
		}
	}
	for _, n := range nw.nodes {
		n.start()
	}
	return nw, nil
}

// quorum is the least number of validators that are more than two thirds.
func (nw *Network) quorum() int { return 2*len(nw.nodes)/3 + 1 }

// proposer returns who proposes in a round: validators of equal power take turns.
func (nw *Network) proposer(height, round int) int { return (height - 1 + round) % len(nw.nodes) }

func (nw *Network) ballot(id ballotID) *ballot {
	b, ok := nw.ballots[id]
	if !ok {
		b = &ballot{votes: make([]vote, len(nw.nodes))}
		nw.ballots[id] = b
	}
	return b
}

// forget drops what no node can need any more.
func (nw *Network) forget(height int) {
	least := height
	for _, n := range nw.nodes {
		least = min(least, n.height)
	}
	for h := least - 8; h > 0; h-- {
		d, ok := nw.decided[h]
		if !ok {
			break
		}
		delete(nw.decided, h)
		for r := range d.round + 3 {
			delete(nw.ballots, ballotID{h, r, prevote})
			delete(nw.ballots, ballotID{h, r, precommit})
		}
	}
}

// Cut takes a validator from the network: nothing reaches it or leaves it until it
// is mended.
func (nw *Network) Cut(validator int) { nw.nodes[validator].cut = true }

// Mend connects a validator again. Peers begin anew with what they know of each
// other.
func (nw *Network) Mend(validator int) {
	n := nw.nodes[validator]
	n.cut = false
	for _, peer := range nw.nodes {
		if peer == n {
			continue
		}
		for _, l := range []*link{peer.links[validator], n.links[peer.id]} {
			l.forget()
			l.wake()
		}
	}
}

// Height returns the height a node works at.
func (nw *Network) Height(validator int) int { return nw.nodes[validator].height }

// Round returns the round a node is in.
func (nw *Network) Round(validator int) int { return nw.nodes[validator].round }

// Busy returns the time the cores of a validator's machine have worked.
func (nw *Network) Busy(validator int) time.Duration {
	c := nw.nodes[validator].cpu
	c.advance()
	return time.Duration(c.busy)
}

// newLink returns what a node knows of a peer and sends it.
func (nw *Network) newLink(from, to int) *link {
	latency := sim.Distribution(sim.Constant(0))
	if !nw.c.Shared {
		latency = sim.OneWay(nw.c.Validators[from].Region, nw.c.Validators[to].Region, nw.c.Jitter)
	}
	l := &link{
		delay: nw.s.Flush + latency.Mean(),
		nw:    nw, from: nw.nodes[from], to: nw.nodes[to], latency: latency,
		random: nw.sim.Stream(fmt.Sprintf("consensus/%d-%d", from, to)),
	}
	l.forget()
	l.votes.at = -time.Duration(l.random.Int64N(int64(nw.s.GossipSleep) + 1))
	l.data.at = -time.Duration(l.random.Int64N(int64(nw.s.GossipSleep) + 1))
	return l
}

// delay is how long news of a node takes to a peer.
func (nw *Network) delay(from, to int) time.Duration {
	return nw.nodes[from].links[to].delay
}

// message is what carrying a message of a size costs, both ends together.
func (nw *Network) message(count, size int) time.Duration {
	if count == 0 {
		return 0
	}
	each := nw.costs.Message.Duration() + time.Duration(int64(nw.costs.MessageKiB)*int64(size)/1024)
	return nw.costs.MessageAlone.Duration() - nw.costs.Message.Duration() + time.Duration(count)*each
}
