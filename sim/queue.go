package sim

import "time"

// queue holds events by time, and those of one time in the order in which they
// came. The zero value is empty.
//
// It is a heap with four children to a node, whose entries hold what they are
// compared by, so that sifting touches little memory. The functions stand apart,
// in slots that are used again. A stopped event stays in the heap as a husk until
// its time comes, or until husks are the larger part and all are thrown out: to
// stop one costs little, whatever its place, and what is never to run takes no
// more room than what is.
type queue struct {
	heap  []entry
	slots []slot
	free  []int32
	// sequence numbers events in the order in which they came, from one.
	sequence uint64
	husks    int
}

type entry struct {
	at       time.Duration
	sequence uint64
	slot     int32
}

// slot holds what an event does, nil once it was stopped. Its sequence tells the
// event from others that had the slot before or will have it.
type slot struct {
	do       func()
	sequence uint64
}

// Timer is a scheduled event, which can be stopped. The zero value is one that
// has run.
type Timer struct {
	queue    *queue
	sequence uint64
	slot     int32
}

// Stop keeps an event from running, and reports whether it did: false for one
// that has run, is running or was stopped.
func (t Timer) Stop() bool {
	if t.queue == nil {
		return false
	}
	s := &t.queue.slots[t.slot]
	if s.sequence != t.sequence || s.do == nil {
		return false
	}
	s.do = nil
	t.queue.husks++
	t.queue.tidy()
	return true
}

// arity is the number of children of a node: four compares within one or two
// cache lines, and half the levels of a binary heap.
const arity = 4

// minHusks keeps small queues from being tidied again and again.
const minHusks = 1024

func before(a, b entry) bool {
	if a.at != b.at {
		return a.at < b.at
	}
	return a.sequence < b.sequence
}

func (q *queue) push(at time.Duration, do func()) Timer {
	q.sequence++
	var place int32
	if n := len(q.free); n > 0 {
		place = q.free[n-1]
		q.free = q.free[:n-1]
	} else {
		place = int32(len(q.slots))
		q.slots = append(q.slots, slot{})
	}
	q.slots[place] = slot{do: do, sequence: q.sequence}
	q.heap = append(q.heap, entry{at: at, sequence: q.sequence, slot: place})
	q.up(len(q.heap) - 1)
	return Timer{queue: q, sequence: q.sequence, slot: place}
}

// pop removes the first event that is not a husk and not after the end.
func (q *queue) pop(end time.Duration) (time.Duration, func(), bool) {
	for len(q.heap) > 0 && q.heap[0].at <= end {
		first := q.heap[0]
		last := len(q.heap) - 1
		q.heap[0] = q.heap[last]
		q.heap = q.heap[:last]
		if last > 0 {
			q.down(0)
		}
		if do := q.release(first.slot); do != nil {
			return first.at, do, true
		}
		q.husks--
	}
	return 0, nil, false
}

// release frees a slot and returns what it held.
func (q *queue) release(place int32) func() {
	do := q.slots[place].do
	q.slots[place] = slot{}
	q.free = append(q.free, place)
	return do
}

// tidy throws the husks out when they are the larger part.
func (q *queue) tidy() {
	if q.husks < minHusks || 2*q.husks < len(q.heap) {
		return
	}
	kept := q.heap[:0]
	for _, e := range q.heap {
		if q.slots[e.slot].do == nil {
			q.release(e.slot)
		} else {
			kept = append(kept, e)
		}
	}
	q.heap = kept
	q.husks = 0
	for i := (len(kept) - 2) / arity; i >= 0; i-- {
		q.down(i)
	}
}

func (q *queue) up(i int) {
	moving := q.heap[i]
	for i > 0 {
		parent := (i - 1) / arity
		if !before(moving, q.heap[parent]) {
			break
		}
		q.heap[i] = q.heap[parent]
		i = parent
	}
	q.heap[i] = moving
}

func (q *queue) down(i int) {
	if i >= len(q.heap) {
		return
	}
	moving := q.heap[i]
	for {
		child := arity*i + 1
		if child >= len(q.heap) {
			break
		}
		least := child
		for other := child + 1; other < min(child+arity, len(q.heap)); other++ {
			if before(q.heap[other], q.heap[least]) {
				least = other
			}
		}
		if !before(q.heap[least], moving) {
			break
		}
		q.heap[i] = q.heap[least]
		i = least
	}
	q.heap[i] = moving
}
