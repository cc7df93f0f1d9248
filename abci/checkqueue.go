package abci

import "sync"

// maxChecks is how many checks may be begun and not yet answered. A commit waits
// for them, so it is small; whoever sends more waits, which slows down that peer
// alone.
const maxChecks = 64

// checkQueue runs checks of transactions: those about different subjects beside
// each other, at most one per worker, and those about one subject in the order
// in which they came.
type checkQueue struct {
	places  chan struct{} // of checks that are begun
	workers chan struct{} // of checks that compute

	mu    sync.Mutex
	begun int
	idle  sync.Cond                // signalled when begun is zero
	last  map[string]chan struct{} // closed when the newest check about a subject is over
}

func newCheckQueue(workers int) *checkQueue {
	q := &checkQueue{
		places: make(chan struct{}, maxChecks), workers: make(chan struct{}, workers),
		last: make(map[string]chan struct{}),
	}
	q.idle.L = &q.mu
	return q
}

// run begins a check and returns; it waits while maxChecks are under way.
func (q *checkQueue) run(subjects []string, check func()) {
	q.places <- struct{}{}
	over := make(chan struct{})
	q.mu.Lock()
	q.begun++
	var before []chan struct{}
	for _, s := range subjects {
		if c, ok := q.last[s]; ok && c != over {
			before = append(before, c)
		}
		q.last[s] = over
	}
	q.mu.Unlock()
	go func() {
		defer q.end(subjects, over)
		// Who waits for others holds no worker, and those it waits for came
		// first: the first of all waits for nobody.
		for _, c := range before {
			<-c
		}
		q.workers <- struct{}{}
		defer func() { <-q.workers }()
		check()
	}()
}

func (q *checkQueue) end(subjects []string, over chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	close(over)
	for _, s := range subjects {
		if q.last[s] == over {
			delete(q.last, s)
		}
	}
	<-q.places
	if q.begun--; q.begun == 0 {
		q.idle.Broadcast()
	}
}

// drain returns when no check is under way.
func (q *checkQueue) drain() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.begun > 0 {
		q.idle.Wait()
	}
}
