package consensus

import "time"

// enterHeight begins a height after the commit of the one before.
func (n *node) enterHeight(height, lastRound int, last time.Duration) {
	n.height, n.round, n.step = height, 0, stepNewHeight
	n.lastRound, n.lastTime = lastRound, last
	n.locked, n.valid, n.lockedRound, n.validRound = nil, nil, -1, -1
	n.committing, n.waited = false, false
	n.proposals = make(map[int]*proposal)
	for b := range n.parts {
		if b.Height < height {
			delete(n.parts, b)
		}
	}
	for id := range n.tallies {
		if id.height < height-1 {
			delete(n.tallies, id)
		}
	}
	for _, l := range n.links {
		if l != nil {
			l.tidy(height)
		}
	}
	n.moved()
	n.tell()
	pause := n.commitTime + n.nw.s.TimeoutCommit - n.now()
	if height == 1 {
		pause = 0
	}
	n.after(pause, func() {
		if n.height == height && n.step == stepNewHeight {
			n.enterRound(height, 0)
		}
	})
}

// tidy forgets what belongs to heights that this node has left behind for long.
func (l *link) tidy(height int) {
	least := min(height, l.to.height) - 2
	for id := range l.known {
		if id.height < least {
			delete(l.known, id)
		}
	}
	for b := range l.parts {
		if b.Height < least {
			delete(l.parts, b)
		}
	}
	for p := range l.proposals {
		if p.height < least {
			delete(l.proposals, p)
		}
	}
}

func (n *node) enterRound(height, round int) {
	if n.height != height || round < n.round || round == n.round && n.step != stepNewHeight {
		return
	}
	n.round, n.step, n.waited = round, stepNewRound, false
	if round > 0 {
		n.moved()
	}
	if round == 0 && !n.needProof && len(n.mempool) == 0 && n.nw.s.EmptyBlocks > 0 {
		n.after(n.nw.s.EmptyBlocks, func() {
			if n.height == height && n.round == 0 && n.step == stepNewRound {
				n.enterPropose(height, 0)
			}
		})
		return
	}
	n.enterPropose(height, round)
}

// available is called when the mempool has something.
func (n *node) available() {
	if n.round == 0 && n.step == stepNewRound && len(n.mempool) > 0 {
		n.enterPropose(n.height, 0)
	}
}

func (n *node) enterPropose(height, round int) {
	if n.height != height || round < n.round || round == n.round && stepPropose <= n.step {
		return
	}
	n.step = stepPropose
	n.after(n.nw.s.propose(round), func() { n.enterPrevote(height, round) })
	if n.nw.proposer(height, round) == n.id {
		n.propose(height, round)
	}
	if n.complete() {
		n.enterPrevote(height, round)
	}
}

// propose makes a block, or proposes again one that two thirds have voted for.
func (n *node) propose(height, round int) {
	block, pol, work := n.valid, n.validRound, time.Duration(0)
	if block == nil {
		txs, size := n.reap()
		size += n.nw.costs.Block + len(n.nw.nodes)*n.nw.costs.CommitVote
		block = &Block{
			Height: height, Round: round, Proposer: n.id, Txs: txs, Size: size,
			parts: (size + n.nw.s.PartSize - 1) / n.nw.s.PartSize,
		}
		if height > 1 {
			id := ballotID{height - 1, n.lastRound, precommit}
			block.Time = medianTime(n.nw.ballot(id), n.tally(id).have)
		}
		work = n.engine(proposeWork) + time.Duration(len(txs))*n.nw.costs.Rejudge.Duration()
	}
	n.then(work, n.waits(proposeWaits), func() {
		if n.height != height || n.round != round || n.step > stepPropose {
			return // too late
		}
		if block.Proposed == 0 {
			block.Proposed = n.now()
		}
		n.proposals[round] = &proposal{block, height, round, pol}
		n.parts[block] = all(block.parts)
		n.tell()
		n.completed(block)
	})
}

// proposed returns the block of this round's proposal if this node has all of it.
func (n *node) proposed() *Block {
	p := n.proposals[n.round]
	if p == nil || n.parts[p.block] != all(p.block.parts) {
		return nil
	}
	return p.block
}

// complete reports whether this node can vote on the proposal of its round.
func (n *node) complete() bool {
	b := n.proposed()
	if b == nil {
		return false
	}
	p := n.proposals[n.round]
	return p.pol < 0 || n.tally(ballotID{n.height, p.pol, prevote}).forBlock >= n.nw.quorum()
}

func (n *node) receiveProposal(_ int, p *proposal) {
	n.queue(n.nw.message(1, proposalSize)/2+n.nw.costs.VerifyVote.Duration(), 0, func() {
		if p.height != n.height || p.round != n.round || n.proposals[p.round] != nil {
			return
		}
		n.proposals[p.round] = p
		n.tell()
		if n.proposed() != nil {
			n.completed(p.block)
		}
	})
}

func (n *node) receivePart(from int, b *Block, part uint64) {
	n.links[from].parts[b] |= part
	n.queue(n.nw.message(1, min(n.nw.s.PartSize, b.Size))/2, 0, func() {
		if b.Height != n.height || n.parts[b]&part != 0 {
			return
		}
		n.parts[b] |= part
		n.tell()
		if n.parts[b] == all(b.parts) {
			n.completed(b)
		}
	})
}

// completed goes on when a block is there.
func (n *node) completed(b *Block) {
	polka := n.tally(ballotID{n.height, n.round, prevote}).forBlock >= n.nw.quorum()
	switch {
	case n.step == stepCommit:
		n.tryCommit()
	case n.step <= stepPropose && n.complete():
		n.enterPrevote(n.height, n.round)
		if polka {
			n.queue(0, 0, func() { n.decide(ballotID{b.Height, n.round, prevote}) })
		}
	case polka:
		n.decide(ballotID{n.height, n.round, prevote})
	}
}

func (n *node) enterPrevote(height, round int) {
	if n.height != height || round < n.round || round == n.round && stepPrevote <= n.step {
		return
	}
	n.step = stepPrevote
	if n.locked != nil {
		n.cast(prevote, n.locked, 0)
		return
	}
	block := n.proposed()
	if block == nil {
		n.cast(prevote, nil, 0)
		return
	}
	work := n.engine(prevoteWork) + time.Duration(len(n.nw.nodes))*n.nw.costs.VerifyCommitVote.Duration()
	for _, tx := range block.Txs {
		work += n.nw.costs.Rejudge.Duration()
		if !tx.seen.has(n.id) { // its signatures are new here
			work += n.nw.repo.Judge.Duration()
		}
	}
	n.cast(prevote, block, work)
}

// cast signs a vote after some work, and adds it to this node's own.
func (n *node) cast(k kind, block *Block, work time.Duration) {
	id := ballotID{n.height, n.round, k}
	n.then(work+n.nw.costs.SignVote.Duration(), n.waits(voteWaits), func() {
		b := n.nw.ballot(id)
		at := n.now()
		if block != nil {
			at = max(at, block.Time+time.Millisecond)
		}
		b.cast.add(n.id)
		b.votes[n.id] = vote{block, at}
		var own set
		own.add(n.id)
		n.addVotes(id, own)
	})
}

func (n *node) receiveVotes(from int, id ballotID, votes set) {
	l := n.links[from]
	l.known[id] = l.known[id].union(votes)
	fresh := votes
	if t := n.tallies[id]; t != nil {
		fresh = votes.without(t.have)
	}
	work := n.nw.message(votes.len(), n.nw.costs.Vote)/2 + time.Duration(fresh.len())*n.nw.costs.VerifyVote.Duration()
	if fresh == (set{}) {
		n.cpu.background(work)
		return
	}
	n.queue(work, 0, func() { n.addVotes(id, votes) })
}

// addVotes counts votes and acts on what they add up to.
func (n *node) addVotes(id ballotID, votes set) {
	last := id == ballotID{n.height - 1, n.lastRound, precommit} && n.step == stepNewHeight
	if id.height != n.height && !last {
		return
	}
	t := n.tally(id)
	fresh := votes.without(t.have)
	if fresh == (set{}) {
		return
	}
	t.add(n.nw.ballot(id), fresh, n.now())
	n.announce(fresh.len())
	n.tell()
	if !last {
		n.decide(id)
	}
}

// announce is the work and the room on the line of telling all peers of new votes,
// and of hearing as much from them.
func (n *node) announce(votes int) {
	count := votes * (len(n.nw.nodes) - 1)
	n.cpu.background(n.nw.message(count, hasVoteSize))
	n.occupy(&n.uplink, count*hasVoteSize)
}

// decide does what the rules say about the votes of a ballot of this height.
func (n *node) decide(id ballotID) {
	if id.height != n.height {
		return
	}
	t, quorum := n.tally(id), n.nw.quorum()
	anything := t.have.len() >= quorum
	if id.kind == prevote {
		n.decidePrevotes(id.round, t, anything)
		return
	}
	switch {
	case t.forBlock >= quorum:
		n.enterRound(id.height, id.round)
		n.enterPrecommit(id.height, id.round)
		n.enterCommit(id.height, id.round)
	case t.forNone >= quorum:
		n.enterRound(id.height, id.round)
		n.enterPrecommit(id.height, id.round)
		n.enterPrecommitWait(id.height, id.round)
	case n.round <= id.round && anything:
		n.enterRound(id.height, id.round)
		n.enterPrecommitWait(id.height, id.round)
	}
}

func (n *node) decidePrevotes(round int, t *tally, anything bool) {
	quorum := n.nw.quorum()
	polka := t.forBlock >= quorum
	if polka {
		if n.locked != nil && n.lockedRound < round && round <= n.round && n.locked != t.block {
			n.locked, n.lockedRound = nil, -1
		}
		if n.validRound < round && round == n.round && n.parts[t.block] == all(t.block.parts) {
			n.valid, n.validRound = t.block, round
		}
	}
	switch {
	case n.round < round && anything:
		n.enterRound(n.height, round)
	case n.round == round && stepPrevote <= n.step:
		if polka && n.complete() || t.forNone >= quorum {
			n.enterPrecommit(n.height, round)
		} else if anything {
			n.enterPrevoteWait(n.height, round)
		}
	case n.proposals[n.round] != nil && n.proposals[n.round].pol == round && n.complete():
		n.enterPrevote(n.height, n.round)
	}
}

func (n *node) enterPrevoteWait(height, round int) {
	if n.height != height || round < n.round || round == n.round && stepPrevoteWait <= n.step {
		return
	}
	n.step = stepPrevoteWait
	n.after(n.nw.s.prevote(round), func() { n.enterPrecommit(height, round) })
}

func (n *node) enterPrecommit(height, round int) {
	if n.height != height || round < n.round || round == n.round && stepPrecommit <= n.step {
		return
	}
	n.step = stepPrecommit
	t, quorum := n.tally(ballotID{height, round, prevote}), n.nw.quorum()
	switch {
	case t.forBlock >= quorum && (n.locked == t.block || n.proposed() == t.block):
		n.locked, n.lockedRound = t.block, round
		n.cast(precommit, t.block, 0)
	case t.forBlock >= quorum, t.forNone >= quorum:
		n.locked, n.lockedRound = nil, -1
		n.cast(precommit, nil, 0)
	default:
		n.cast(precommit, nil, 0)
	}
}

func (n *node) enterPrecommitWait(height, round int) {
	if n.height != height || round < n.round || round == n.round && n.waited {
		return
	}
	n.waited = true
	n.after(n.nw.s.precommit(round), func() {
		if n.height == height {
			n.enterPrecommit(height, round)
			n.enterRound(height, round+1)
		}
	})
}

func (n *node) enterCommit(height, round int) {
	if n.height != height || stepCommit <= n.step {
		return
	}
	n.step, n.commitRound, n.commitTime = stepCommit, round, n.now()
	n.tryCommit()
}

// tryCommit commits the decided block if it is there.
func (n *node) tryCommit() {
	t := n.tally(ballotID{n.height, n.commitRound, precommit})
	b := t.block
	if n.committing || b == nil || n.parts[b] != all(b.parts) {
		return
	}
	n.committing = true
	nw, round := n.nw, n.commitRound
	if _, ok := nw.decided[b.Height]; !ok {
		nw.decided[b.Height] = decision{b, round}
		b.Commit, b.Rounds = t.forBlock, round+1
		for _, tx := range b.Txs {
			tx.Block = b
		}
	}
	each := nw.costs.Rejudge.Duration() + nw.costs.CommitTransaction.Duration() + nw.costs.EngineTransaction.Duration()/2
	work := n.engine(commitWork) + nw.costs.Commit.Duration() + time.Duration(len(b.Txs))*each
	n.then(work, n.waits(commitWaits)+nw.costs.CommitWait.Duration(), func() {
		left := n.clear(b)
		n.then(time.Duration(left)*nw.costs.Recheck.Duration(), 0, func() {
			at := n.now()
			for _, tx := range b.Txs {
				if tx.Origin == n.id && tx.done != nil {
					tx.done(at)
				}
			}
			if nw.OnCommit != nil {
				nw.OnCommit(n.id, b, at)
			}
			n.needProof = len(b.Txs) > 0
			n.enterHeight(b.Height+1, round, b.Time)
			nw.forget(b.Height)
		})
	})
}
