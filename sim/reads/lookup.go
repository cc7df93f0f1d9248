package reads

import (
	"time"

	"hullmark/sim"
)

// Strategy is how a client picks nodes.
type Strategy int

// The strategies.
const (
	// Client is what the real client does: rendezvous order, hedging, failover.
	Client Strategy = iota
	// FirstOnly asks the first node in rendezvous order and no other.
	FirstOnly
	// Failover asks the next node when one fails, but does not hedge.
	Failover
	// Shuffled is Client with the nodes in random order: the most even load there
	// can be, and no use for what nodes or proxies cache.
	Shuffled
)

var strategyNames = []string{"client", "first-only", "failover", "shuffled"}

// String returns the name of the strategy.
func (s Strategy) String() string { return strategyNames[s] }

// question is one look-up to be made.
type question struct {
	order   []int
	region  sim.Region
	address address
	// service is the time a node works on it, answer the size of what it sends.
	service time.Duration
	answer  int
	hedge   time.Duration
	// knows tells whether a node has the answer; nil is every node.
	knows func(node int) bool
}

// answerOf is what came out of a look-up.
type answerOf struct {
	ok   bool
	took time.Duration
	// asked is how many nodes were asked, and winner the place in the order of the
	// one whose answer was taken.
	asked, winner int
}

// look is a look-up under way.
type look struct {
	w *world
	question
	started     time.Duration
	asked, open int
	ended       bool
	hedgeTimer  sim.Timer
	tries       []*try
	done        func(answerOf)
}

// try is one node that is asked.
type try struct {
	look       *look
	place      int
	node       *node
	connection *connection
	timeout    sim.Timer
	over       bool
}

// lookUp makes a look-up. It mirrors the function race of the client.
func (w *world) lookUp(q question, done func(answerOf)) {
	l := &look{w: w, question: q, started: w.sim.Now(), done: done}
	l.next()
	l.wait()
}

// next asks the next node, if there is one.
func (l *look) next() {
	if l.asked == len(l.order) {
		return
	}
	t := &try{look: l, place: l.asked, node: l.w.nodes[l.order[l.asked]]}
	l.asked++
	l.open++
	l.tries = append(l.tries, t)
	t.timeout = l.w.sim.After(Timeout, func() { t.fail() })
	t.start()
}

// wait sets the hedging time anew.
func (l *look) wait() {
	l.hedgeTimer.Stop()
	if l.hedge > 0 && l.asked < len(l.order) && !l.ended {
		l.hedgeTimer = l.w.sim.After(l.hedge, func() {
			l.next()
			l.wait()
		})
	}
}

func (l *look) end(ok bool, winner int) {
	l.ended = true
	l.hedgeTimer.Stop()
	for _, t := range l.tries {
		t.stop()
	}
	l.done(answerOf{ok: ok, took: l.w.sim.Now() - l.started, asked: l.asked, winner: winner})
}

// way is the time from the client to the node or back.
func (t *try) way() time.Duration {
	return sim.OneWay(t.look.region, t.node.region, t.look.w.jitter).Sample(t.look.w.ways)
}

// start opens a connection and sends the request: each round trip of handshakes,
// then the request one way. Who is asked in vain because the process is gone learns
// so after one round trip.
func (t *try) start() {
	w := t.look.w
	w.sim.After(t.way(), func() {
		if t.over {
			return
		}
		t.node.asked++
		if t.node.server.Mode() == sim.Crashed {
			t.back(t.fail)
			return
		}
		t.connection = t.node.connect(t.look.address, t.handshake, func() { t.back(t.fail) })
		if t.connection == nil {
			t.back(t.fail)
		}
	})
}

// handshake spends the round trips before the request.
func (t *try) handshake() {
	var spent time.Duration
	for range t.look.w.handshakes {
		spent += t.way() + t.way()
	}
	t.look.w.sim.After(spent, func() {
		if !t.over {
			t.serve()
		}
	})
}

// serve is the request at the node. A node goes on with a look-up whose client has
// lost interest.
func (t *try) serve() {
	if !t.node.allow(t.look.address) {
		t.node.limited++
		t.back(t.fail)
		return
	}
	knows := t.look.knows == nil || t.look.knows(t.look.order[t.place])
	switch t.node.server.Offer(t.look.service, func(o sim.Outcome) {
		switch {
		case o == sim.Broken:
			t.back(t.fail)
		case o == sim.Answered && !knows:
			t.back(t.fail)
		default:
			t.node.uplink.Send(t.look.answer, func() { t.back(func() { t.verify(o) }) })
		}
	}) {
	case sim.Busy, sim.Refused:
		t.back(t.fail)
	case sim.Taken:
	}
}

// back runs do at the client, unless it has stopped listening.
func (t *try) back(do func()) {
	t.look.w.sim.After(t.way(), func() {
		if !t.over {
			do()
		}
	})
}

// verify judges the answer, which takes the client's time.
func (t *try) verify(o sim.Outcome) {
	t.look.w.sim.After(t.look.w.verify, func() {
		switch {
		case t.over:
		case o == sim.Answered:
			t.look.end(true, t.place)
		default:
			t.fail()
		}
	})
}

// fail ends the try and asks the next node, or ends the look-up when there is none
// and none is open.
func (t *try) fail() {
	l := t.look
	t.stop()
	l.open--
	l.next()
	l.wait()
	if l.open == 0 {
		l.end(false, -1)
	}
}

// stop makes the client deaf to the try. The node learns so one way later.
func (t *try) stop() {
	if t.over {
		return
	}
	t.over = true
	t.timeout.Stop()
	if t.connection != nil {
		t.look.w.sim.After(t.way(), t.connection.close)
	}
}
