package consensus

import "time"

// envelopeSize is what a transaction's message adds to its size.
const envelopeSize = 30

// Submit hands a transaction to a node. Taken is called with whether its mempool
// took it, when the check is over, and done when the node has it in a committed
// block; both may be nil.
func (nw *Network) Submit(validator int, taken func(bool), done func(at time.Duration)) {
	n := nw.nodes[validator]
	tx := &Tx{Origin: validator, Submitted: nw.sim.Now(), done: done}
	n.cpu.run(nw.costs.Submit.Duration(), func() {
		n.check(tx, func(ok bool) {
			if ok {
				n.spread(tx)
			}
			if taken != nil {
				taken(ok)
			}
		})
	})
}

// check judges a transaction for the mempool and adds it.
func (n *node) check(tx *Tx, over func(ok bool)) {
	if len(n.mempool) >= n.nw.s.Waiting {
		n.nw.sim.After(0, func() { over(false) })
		return
	}
	work := n.nw.repo.Judge.Duration() + n.nw.costs.EngineTransaction.Duration()/2
	n.cpu.run(work, func() {
		switch {
		case tx.Block != nil && tx.Block.Height < n.height: // it is in a block already
			over(true)
		case len(n.mempool) >= n.nw.s.Waiting:
			over(false)
		default:
			tx.seen.add(n.id)
			n.mempool = append(n.mempool, tx)
			n.queue(0, 0, n.available)
			over(true)
		}
	})
}

// spread sends a transaction to every peer. Each passes it on to those it has not
// had it from; what comes first comes straight from the origin, so the others only
// cost work and room on the line.
func (n *node) spread(tx *Tx) {
	nw := n.nw
	size := nw.repo.Transaction + envelopeSize
	if nw.copies[n.id] == nil {
		nw.copies[n.id] = nw.countCopies(n.id)
	}
	for _, peer := range nw.nodes {
		if peer == n || n.cut || peer.cut {
			continue
		}
		n.links[peer.id].transmitLater(size, func() {
			copies := nw.copies[n.id][peer.id]
			// Copies that come cost one end here, those that go the other; over all
			// nodes as many go as come.
			peer.cpu.background(nw.message(copies, size))
			if copies > 1 {
				peer.occupyLater((copies - 1) * size)
			}
			peer.check(tx, func(bool) {})
		})
	}
}

// countCopies returns how often a transaction from one node reaches each other: once
// from the origin, and once from every peer that passed it on before it heard that
// the node has it.
func (nw *Network) countCopies(origin int) []int {
	has := make([]time.Duration, len(nw.nodes))
	for i := range nw.nodes {
		if i != origin {
			has[i] = nw.delay(origin, i)
		}
	}
	out := make([]int, len(nw.nodes))
	for i := range nw.nodes {
		for j := range nw.nodes {
			switch {
			case i == j || j == origin:
			case i == origin || has[j]+nw.delay(j, i) > has[i]:
				out[j]++
			}
		}
	}
	return out
}

// reap returns what a proposal holds of the mempool.
func (n *node) reap() (txs []*Tx, size int) {
	s, work := &n.nw.s, n.nw.costs.Work
	room := s.BlockSize - n.nw.costs.Block - len(n.nw.nodes)*n.nw.costs.CommitVote
	each := n.nw.repo.Transaction + 4
	most := min(room/each, s.BlockWork/work, len(n.mempool))
	return append([]*Tx(nil), n.mempool[:most]...), most * each
}

// clear drops what a block holds from the mempool, and returns how many wait on.
func (n *node) clear(b *Block) int {
	kept := n.mempool[:0]
	for _, tx := range n.mempool {
		if tx.Block == nil || tx.Block.Height > b.Height {
			kept = append(kept, tx)
		}
	}
	for i := len(kept); i < len(n.mempool); i++ {
		n.mempool[i] = nil
	}
	n.mempool = kept
	return len(kept)
}
