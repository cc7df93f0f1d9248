package consensus

import (
	"time"
)

// step is where a node is in a round; the names are the engine's.
type step int

const (
	stepNewHeight step = iota
	stepNewRound
	stepPropose
	stepPrevote
	stepPrevoteWait
	stepPrecommit
	stepPrecommitWait
	stepCommit
)

// moment is an entry of a node's history: the height and round it was in from then
// on.
type moment struct {
	at            time.Duration
	height, round int
}

// proposal is a signed proposal of a block. pol is the round in which the proposer
// saw two thirds vote for the block, -1 for a new one.
type proposal struct {
	block  *Block
	height int
	round  int
	pol    int
}

// node is one validator: its machine, its state and what it knows of others.
type node struct {
	nw    *Network
	id    int
	cpu   *cpu
	links []*link // by peer, nil for itself
	cut   bool
	// uplink is when the line is free for consensus, later when for transactions.
	uplink, later time.Duration

	// tasks wait for the one routine that runs consensus, urgent ones before others.
	urgent, tasks []task
	running       bool

	height, round int
	step          step
	lastRound     int // of the commit of the height before
	lastTime      time.Duration
	commitTime    time.Duration
	commitRound   int
	committing    bool
	waited        bool // a precommit timeout was scheduled in this round
	locked, valid *Block
	lockedRound   int
	validRound    int
	proposals     map[int]*proposal // by round, those received in time
	parts         map[*Block]uint64
	tallies       map[ballotID]*tally
	// needProof is true when the last block changed the state.
	needProof bool
	history   []moment
	dropped   int // entries that were dropped from the front of the history
	mempool   []*Tx
}

// task is something the consensus routine does: it works, waits for the disk, and
// then acts.
type task struct {
	work, wait time.Duration
	act        func()
}

func newNode(nw *Network, id int, machine *cpu) *node {
	return &node{
		nw: nw, id: id, cpu: machine, links: make([]*link, len(nw.c.Validators)), needProof: true,
		parts: make(map[*Block]uint64), tallies: make(map[ballotID]*tally),
	}
}

func (n *node) start() { n.enterHeight(1, -1, 0) }

func (n *node) now() time.Duration { return n.nw.sim.Now() }

// queue gives the consensus routine something to do after what it has.
func (n *node) queue(work, wait time.Duration, act func()) {
	n.tasks = append(n.tasks, task{work, wait, act})
	n.run()
}

// then goes on with what the routine is doing now, before anything that waits.
func (n *node) then(work, wait time.Duration, act func()) {
	n.urgent = append(n.urgent, task{work, wait, act})
	n.run()
}

func (n *node) run() {
	from := &n.tasks
	if len(n.urgent) > 0 {
		from = &n.urgent
	}
	if n.running || len(*from) == 0 {
		return
	}
	n.running = true
	t := (*from)[0]
	(*from)[0] = task{}
	*from = (*from)[1:]
	act := func() {
		t.act()
		n.running = false
		n.run()
	}
	waited := func() {
		if t.wait > 0 {
			n.nw.sim.After(t.wait, act)
		} else {
			act()
		}
	}
	if t.work > 0 {
		n.cpu.run(t.work, waited)
	} else {
		waited()
	}
}

// after runs act in the consensus routine when d has passed.
func (n *node) after(d time.Duration, act func()) {
	n.nw.sim.After(max(0, d), func() { n.queue(0, 0, act) })
}

// moved tells the peers where this node is: each hears of it and looks what it
// lacks there.
func (n *node) moved() {
	n.history = append(n.history, moment{n.now(), n.height, n.round})
	if len(n.history) > 256 {
		n.dropped += 128
		n.history = append([]moment(nil), n.history[128:]...)
	}
	for _, peer := range n.nw.nodes {
		if peer != n {
			l := peer.links[n.id]
			n.nw.sim.After(n.nw.delay(n.id, peer.id), l.wake)
		}
	}
}

// tell makes all routines look at what this node has.
func (n *node) tell() {
	for _, l := range n.links {
		if l != nil {
			l.wake()
		}
	}
}

func (n *node) tally(id ballotID) *tally {
	t, ok := n.tallies[id]
	if !ok {
		t = new(tally)
		n.tallies[id] = t
	}
	return t
}

// The shares of what the engine takes for a block that fall to its steps. A block
// of one validator syncs its files twelve times: four for the proposal, two for
// each vote, four for the commit. Of the work half is said to be the commit's.
const (
	proposeWaits, voteWaits, commitWaits, allWaits = 4, 2, 4, 12
	proposeWork, prevoteWork, commitWork, allWork  = 1, 1, 2, 4
)

func (n *node) waits(share int) time.Duration {
	return n.nw.costs.BlockWait.Duration() * time.Duration(share) / allWaits
}

func (n *node) engine(share int) time.Duration {
	return n.nw.costs.EngineBlock.Duration() * time.Duration(share) / allWork
}
