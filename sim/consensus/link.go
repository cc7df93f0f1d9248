package consensus

import (
	"math/bits"
	"math/rand/v2"
	"time"

	"hullmark/sim"
)

// Sizes of small messages on the wire, in bytes, with their packets.
const (
	proposalSize = 300
	hasVoteSize  = 60
)

// link is what a node knows of one peer, and its two routines that send the peer
// what it lacks: one for votes, one for proposals and parts of blocks. Each looks,
// sends all it can, and sleeps when there was nothing.
type link struct {
	nw       *Network
	from, to *node
	latency  sim.Distribution
	// delay is how long news takes over the link.
	delay  time.Duration
	random *rand.Rand
	// last and lastLater are when the newest message of consensus and the newest
	// transaction arrive; a connection keeps the order of each.
	last, lastLater time.Duration
	// entry is how far in the peer's history this node has read.
	entry int
	// known are the votes the peer was sent or has sent, parts and proposals alike.
	known     map[ballotID]set
	parts     map[*Block]uint64
	proposals map[*proposal]bool
	votes     routine
	data      routine
	// sending is true while a part is put on the line.
	sending bool
}

// routine is when a routine last looked, and whether it will look again.
type routine struct {
	at    time.Duration
	awake bool
}

// back is how long news of the peer takes.
func (l *link) back() time.Duration { return l.to.links[l.from.id].delay }

// forget begins anew with what is known of the peer.
func (l *link) forget() {
	l.known = make(map[ballotID]set)
	l.parts = make(map[*Block]uint64)
	l.proposals = make(map[*proposal]bool)
}

// wake makes both routines look when they next would.
func (l *link) wake() {
	l.look(&l.votes, l.sendVotes)
	l.look(&l.data, l.sendData)
}

// look runs a routine's turn at the end of its sleep. Routines sleep in turns of
// equal length; after a long time nothing is left of where they began.
func (l *link) look(r *routine, do func()) {
	if r.awake {
		return
	}
	r.awake = true
	now, sleep := l.nw.sim.Now(), l.nw.s.GossipSleep
	next := now
	if sleep > 0 {
		past := now - r.at
		if past > 20*sleep {
			next = now + time.Duration(l.random.Int64N(int64(sleep)))
		} else if rest := past % sleep; rest > 0 {
			next = now + sleep - rest
		}
	}
	l.nw.sim.At(next, func() {
		r.awake = false
		r.at = next
		if !l.from.cut && !l.to.cut {
			do()
		}
	})
}

// view returns the height and round the peer is in, as far as this node has heard.
func (l *link) view() moment {
	heard := l.nw.sim.Now() - l.back()
	h := l.to.history
	l.entry = max(l.entry, l.to.dropped)
	for l.entry+1-l.to.dropped < len(h) && h[l.entry+1-l.to.dropped].at <= heard {
		l.entry++
	}
	return h[l.entry-l.to.dropped]
}

// transmit puts a message of consensus on this node's uplink, calls deliver when it
// arrives, and returns when it has left.
func (l *link) transmit(size int, deliver func()) time.Duration {
	left := l.from.occupy(&l.from.uplink, size)
	l.last = max(l.last, left+l.nw.s.Flush+l.latency.Sample(l.random))
	l.deliver(l.last, deliver)
	return left
}

// transmitLater is transmit for transactions: consensus goes first, on the uplink
// and in a connection.
func (l *link) transmitLater(size int, deliver func()) {
	left := l.from.occupyLater(size)
	l.lastLater = max(l.lastLater, left+l.nw.s.Flush+l.latency.Sample(l.random))
	l.deliver(l.lastLater, deliver)
}

func (l *link) deliver(at time.Duration, deliver func()) {
	l.nw.sim.At(at, func() {
		if !l.from.cut && !l.to.cut {
			deliver()
		}
	})
}

// occupy puts bytes on a line of the uplink's bandwidth, and returns when they have
// left. The limit of a connection counts where it is the narrower. Nodes that share
// a machine have no uplink.
func (n *node) occupy(free *time.Duration, size int) time.Duration {
	left := n.now()
	if up := n.nw.c.Validators[n.id].Uplink; up > 0 && !n.nw.c.Shared {
		*free = max(*free, left) + sim.Transfer(size, up)
		left = *free
	}
	return max(left, n.now()+sim.Transfer(size, float64(n.nw.s.SendRate)))
}

// occupyLater is occupy for what waits until the uplink has nothing of consensus.
func (n *node) occupyLater(size int) time.Duration {
	n.later = max(n.later, n.uplink)
	return n.occupy(&n.later, size)
}

// sendVotes sends the peer the votes that it lacks where it is.
func (l *link) sendVotes() {
	n, v := l.from, l.view()
	switch {
	case v.height == n.height:
		l.sendBallot(ballotID{v.height - 1, n.lastRound, precommit})
		if v.round <= n.round {
			if p := n.proposals[v.round]; p != nil && p.pol >= 0 {
				l.sendBallot(ballotID{v.height, p.pol, prevote})
			}
			l.sendBallot(ballotID{v.height, v.round, prevote})
			l.sendBallot(ballotID{v.height, v.round, precommit})
		}
	case v.height < n.height:
		if d, ok := l.nw.decided[v.height]; ok {
			l.sendBallot(ballotID{v.height, d.round, precommit})
		}
	}
}

// sendBallot sends what this node has of a ballot and the peer lacks.
func (l *link) sendBallot(id ballotID) {
	t := l.from.tallies[id]
	var have set
	if t != nil {
		have = t.have
	} else if d, ok := l.nw.decided[id.height]; ok && id.height < l.from.height && d.round == id.round {
		// What is no longer at hand is in the block store.
		have = l.nw.ballot(id).cast
	}
	known := l.known[id]
	if peer := l.to.tallies[id]; peer != nil {
		known = known.union(peer.knownAt(l.nw.sim.Now() - l.back()))
	}
	send := have.without(known)
	count := send.len()
	if count == 0 {
		return
	}
	l.known[id] = known.union(send)
	size := l.nw.costs.Vote
	l.from.cpu.background(l.nw.message(count, size) / 2)
	l.transmit(count*size, func() { l.to.receiveVotes(l.from.id, id, send) })
}

// sendData sends the peer a proposal, and then parts one after the other.
func (l *link) sendData() {
	if l.sending || l.from.cut || l.to.cut {
		return
	}
	n, v := l.from, l.view()
	var block *Block
	switch {
	case v.height == n.height:
		p := n.proposals[n.round]
		if p != nil && v.round == n.round && !l.proposals[p] {
			l.proposals[p] = true
			n.cpu.background(l.nw.message(1, proposalSize) / 2)
			l.transmit(proposalSize, func() { l.to.receiveProposal(l.from.id, p) })
		}
		if p != nil && l.proposals[p] {
			block = p.block
		}
	case v.height < n.height:
		block = l.nw.decided[v.height].block
	}
	if block == nil {
		return
	}
	have := n.parts[block]
	if block.Height < n.height {
		have = all(block.parts)
	}
	missing := have &^ l.parts[block]
	if missing == 0 {
		return
	}
	part := pick(missing, l.nw.random)
	l.parts[block] |= part
	size := min(l.nw.s.PartSize, block.Size) + 200
	n.cpu.background(l.nw.message(1, size) / 2)
	left := l.transmit(size, func() { l.to.receivePart(l.from.id, block, part) })
	l.sending = true
	l.nw.sim.At(left, func() {
		l.sending = false
		l.sendData()
	})
}

// all returns the set of the parts of a block.
func all(parts int) uint64 {
	if parts == 64 {
		return ^uint64(0)
	}
	return 1<<parts - 1
}

// pick returns one of a set of parts.
func pick(parts uint64, r *rand.Rand) uint64 {
	for range r.IntN(bits.OnesCount64(parts)) {
		parts &= parts - 1
	}
	return parts & -parts
}
