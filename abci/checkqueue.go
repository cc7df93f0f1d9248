package abci

import (
	"slices"
	"sync"

	"hullmark/record"
)

// Limits of the transactions that wait for their check.
const (
	// maxChecks and maxCheckBytes bound them all.
	maxChecks     = 4096
	maxCheckBytes = 64 << 20
	// shareOfRoom is the part of the room that is left which those about one subject
	// may take. However many somebody sends, room is left for others.
	shareOfRoom = 16
	// maxUnknown is how many may wait behind others about their subject although
	// nobody known has signed for them yet, as a new repository's first files behind
	// its registration.
	maxUnknown = 16
)

// check is a transaction in line for its check.
type check struct {
	// subjects it is about; urgent is the line it stands in for each.
	subjects []string
	urgent   bool
	size     int
	run      func()
	// waited says that it was in the mempool and is to come back: there is room for it,
	// whatever stands in line. So there are no more of these than the mempool had.
	waited bool

	place uint64 // ascending in the order in which they came
	// held is it until its header has been looked at, unknown if nobody known has signed
	// for it.
	held, unknown bool
	// called is it when its turn has come.
	called bool
}

// newCheck returns the check of a transaction.
func newCheck(env *record.Envelope, size int, run func()) *check {
	return &check{subjects: subjects(env), urgent: env.Header.Emergency(), size: size, run: run, held: true}
}

// lines are the checks about one subject, in the order in which they came. Emergencies
// stand in a line of their own: whoever fills the other must not keep a rotation waiting.
// What is ordinary waits for emergencies that came before it.
type lines struct{ ordinary, urgent line }

func (l *lines) of(c *check) *line {
	if c.urgent {
		return &l.urgent
	}
	return &l.ordinary
}

// next reports whether nothing about the subject comes before a check.
func (l *lines) next(c *check) bool {
	return l.of(c).checks[0] == c && (c.urgent || l.urgent.empty() || l.urgent.checks[0].place > c.place)
}

// line is a row of checks.
type line struct {
	checks []*check
	bytes  int
}

func (l *line) empty() bool { return len(l.checks) == 0 }

func (l *line) unknown() int {
	n := 0
	for _, c := range l.checks {
		if c.unknown {
			n++
		}
	}
	return n
}

// checkQueue runs checks of transactions: those about different subjects beside each
// other, as many as there are workers and in turns by subject, and those about one
// subject in the order in which they came.
type checkQueue struct {
	workers int

	mu            sync.Mutex
	lines         map[string]*lines
	last          uint64
	checks, bytes int
	running       int
	called        []*check // wait for a worker only, at most one of each line
}

func newCheckQueue(workers int) *checkQueue {
	return &checkQueue{workers: workers, lines: make(map[string]*lines)}
}

// join puts a check in line and holds it there. It reports whether nothing else is in
// line about its subjects, and whether there is room.
func (q *checkQueue) join(c *check) (alone, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	alone = true
	if !c.waited && (q.checks >= maxChecks || q.bytes+c.size > maxCheckBytes) {
		return false, false
	}
	most := max(1, (maxChecks-q.checks)/shareOfRoom)
	mostBytes := max(record.MaxTransactionSize, (maxCheckBytes-q.bytes)/shareOfRoom)
	for _, s := range c.subjects {
		if l := q.lines[s]; l != nil {
			alone = false
			if own := l.of(c); !c.waited && (len(own.checks) >= most || own.bytes+c.size > mostBytes) {
				return false, false
			}
		}
	}
	q.last++
	c.place = q.last
	for _, s := range c.subjects {
		if q.lines[s] == nil {
			q.lines[s] = new(lines)
		}
		own := q.lines[s].of(c)
		own.checks = append(own.checks, c)
		own.bytes += c.size
	}
	q.checks++
	q.bytes += c.size
	return alone, true
}

// release lets a check run when its turn comes. One that nobody known has signed for
// waits behind what is ordinary, and only so many may; it reports whether this one does.
func (q *checkQueue) release(c *check, unknown bool) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if unknown {
		for _, s := range c.subjects {
			if l := q.lines[s]; l.ordinary.unknown() >= maxUnknown {
				return false
			}
		}
		q.demote(c)
	}
	c.held, c.unknown = false, unknown
	q.call(c)
	q.dispatch()
	return true
}

// demote moves an emergency into the line of what is ordinary, to the place it would
// have there.
func (q *checkQueue) demote(c *check) {
	if !c.urgent {
		return
	}
	q.remove(c)
	c.urgent = false
	for _, s := range c.subjects {
		if q.lines[s] == nil {
			q.lines[s] = new(lines)
		}
		own := &q.lines[s].ordinary
		at := slices.IndexFunc(own.checks, func(o *check) bool { return o.place > c.place && !o.called })
		if at < 0 {
			at = len(own.checks)
		}
		own.checks = slices.Insert(own.checks, at, c)
		own.bytes += c.size
	}
}

// leave takes a check out of line.
func (q *checkQueue) leave(c *check) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.remove(c)
	q.checks--
	q.bytes -= c.size
	q.dispatch()
}

// remove takes a check out of its lines and calls those that are next. The queue is
// locked.
func (q *checkQueue) remove(c *check) {
	for _, s := range c.subjects {
		l := q.lines[s]
		own := l.of(c)
		at := slices.Index(own.checks, c)
		own.checks = slices.Delete(own.checks, at, at+1)
		own.bytes -= c.size
		if l.ordinary.empty() && l.urgent.empty() {
			delete(q.lines, s)
		}
	}
	for _, s := range c.subjects {
		if l := q.lines[s]; l != nil {
			for _, own := range []*line{&l.urgent, &l.ordinary} {
				if !own.empty() {
					q.call(own.checks[0])
				}
			}
		}
	}
}

// call gives a check its turn if nothing comes before it. The queue is locked.
func (q *checkQueue) call(c *check) {
	if c.held || c.called {
		return
	}
	for _, s := range c.subjects {
		if !q.lines[s].next(c) {
			return
		}
	}
	c.called = true
	q.called = append(q.called, c)
}

// dispatch gives workers to those whose turn it is, first come, first served: who has
// just had a turn is behind all others. The queue is locked.
func (q *checkQueue) dispatch() {
	for q.running < q.workers && len(q.called) > 0 {
		c := q.called[0]
		q.called = q.called[1:]
		q.running++
		go func() {
			defer func() {
				q.mu.Lock()
				q.running--
				q.mu.Unlock()
				q.leave(c)
			}()
			c.run()
		}()
	}
}
