package abci

import "sync"

// gate keeps the verdicts on new transactions apart from the engine's commits. The
// engine locks its mempool, flushes, commits, and rechecks what waits; a first verdict
// that comes between the flush and the end of the recheck ends the process. So each is
// reached and given inside the gate, Flush closes it, and it opens again when somebody
// has been let into the mempool, which is when the engine has let go of it. Only what
// is inside is waited for, and that computes nothing: what computes stays outside, and
// comes in afterwards. The zero gate is not ready for use.
type gate struct {
	mu       sync.Mutex
	changed  sync.Cond
	shut     bool
	ended    bool
	inside   int
	checks   int // under way, inside and outside
	closings uint64
}

func newGate() *gate {
	g := new(gate)
	g.changed.L = &g.mu
	return g
}

// look waits until the gate is open and returns the number of closings so far. What is
// found out from then on holds until there is another. It returns false when the gate
// will never open again.
func (g *gate) look() (closings uint64, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.closings, g.wait()
}

// enter is look for who then is inside, and leaves.
func (g *gate) enter() (closings uint64, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.wait() {
		return g.closings, false
	}
	g.inside++
	return g.closings, true
}

func (g *gate) wait() bool {
	for g.shut && !g.ended {
		g.changed.Wait()
	}
	return !g.shut
}

// begin counts a check that will enter, until finish.
func (g *gate) begin() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.checks++
}

func (g *gate) finish() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.checks--; g.checks == 0 {
		g.changed.Broadcast()
	}
}

// end keeps nobody waiting any more, since the engine has stopped, and returns when no
// check is under way.
func (g *gate) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ended = true
	g.changed.Broadcast()
	for g.checks > 0 {
		g.changed.Wait()
	}
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside--; g.inside == 0 {
		g.changed.Broadcast()
	}
}

// close lets nobody in any more and waits until those inside have left. It returns
// which closing this is.
func (g *gate) close() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = true
	g.closings++
	for g.inside > 0 {
		g.changed.Wait()
	}
	return g.closings
}

// open lets everybody in. It is for who holds the mempool's lock for reading.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.unlock()
}

// openAfter is open for who knows that the commit of one closing is over. It does
// nothing when there was another since.
func (g *gate) openAfter(closing uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closings == closing {
		g.unlock()
	}
}

func (g *gate) unlock() {
	if g.shut {
		g.shut = false
		g.changed.Broadcast()
	}
}
