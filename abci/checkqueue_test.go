package abci

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"hullmark/record"
	"hullmark/reference"
)

// aboutRepositories is an envelope about some repositories.
func aboutRepositories(names ...string) *record.Envelope {
	env := &record.Envelope{Header: record.Header{Kind: record.KindPublish}}
	for _, n := range names {
		env.Header.Scopes = append(env.Header.Scopes,
			record.RoleScope(reference.MustParseRepository("localhost:5000/"+n), record.RoleTargets, 1))
	}
	return env
}

// rotationOf is an envelope that claims to rotate the root of a repository.
func rotationOf(name string) *record.Envelope {
	env := aboutRepositories(name)
	env.Header.Scopes[0].Role = record.RoleRoot
	return env
}

// finish waits until a queue has nothing left.
func (q *checkQueue) finish() {
	for left := 1; left > 0; runtime.Gosched() {
		q.mu.Lock()
		left = q.checks
		q.mu.Unlock()
	}
}

// add puts a check in line and lets it run.
func (q *checkQueue) add(env *record.Envelope, size int, unknown bool, run func()) bool {
	c := newCheck(env, size, run)
	if _, ok := q.join(c); !ok {
		return false
	}
	if !q.release(c, unknown) {
		q.leave(c)
		return false
	}
	return true
}

// journal notes in which order checks ran.
type journal struct {
	mu   sync.Mutex
	list []string
}

func (j *journal) note(name string) func() {
	return func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.list = append(j.list, name)
	}
}

// TestQueueOrder: what is about one subject waits for what came before it;
// nothing else does, not even when a check hangs.
func TestQueueOrder(t *testing.T) {
	q := newCheckQueue(2)
	hang, other := make(chan struct{}), make(chan struct{})
	var j journal
	add := func(env *record.Envelope, run func()) {
		t.Helper()
		if !q.add(env, 1, false, run) {
			t.Error("no room")
		}
	}
	add(aboutRepositories("a"), func() { <-hang; j.note("1")() })
	add(aboutRepositories("a", "a", "b"), j.note("2"))
	add(aboutRepositories("b"), j.note("3"))
	add(aboutRepositories("c"), func() { close(other) })
	<-other // would never come if a slow check held up others
	close(hang)
	q.finish()
	if fmt.Sprint(j.list) != "[1 2 3]" || q.bytes != 0 || len(q.lines) != 0 {
		t.Errorf("order %v, %d bytes left", j.list, q.bytes)
	}
}

// TestQueueTurns: however many wait about one subject, one about another waits for no
// more than the next of them.
func TestQueueTurns(t *testing.T) {
	q := newCheckQueue(1)
	begin := make(chan struct{})
	var j journal
	q.add(aboutRepositories("first"), 1, false, func() { <-begin })
	for i := range 20 {
		q.add(aboutRepositories("flood"), 1, false, j.note(fmt.Sprint("flood ", i)))
	}
	q.add(aboutRepositories("honest"), 1, false, j.note("honest"))
	q.add(aboutRepositories("honest"), 1, false, j.note("honest"))
	close(begin)
	q.finish()
	if want := []string{"flood 0", "honest", "flood 1", "honest", "flood 2"}; !slices.Equal(j.list[:5], want) {
		t.Errorf("order %q", j.list)
	}
}

// TestQueueEmergencies: an emergency goes past what is ordinary about its subject, in
// the order of emergencies, and what comes after it waits for it.
func TestQueueEmergencies(t *testing.T) {
	q := newCheckQueue(8)
	hang, urgent := make(chan struct{}), make(chan struct{})
	var j journal
	q.add(aboutRepositories("a"), 1, false, func() { <-hang; j.note("publish")() })
	q.add(rotationOf("a"), 1, false, j.note("rotate 1"))
	q.add(rotationOf("a"), 1, false, func() { j.note("rotate 2")(); close(urgent) })
	q.add(aboutRepositories("a"), 1, false, j.note("after"))
	q.add(rotationOf("a"), 1, true, j.note("of somebody unknown"))
	<-urgent
	close(hang)
	q.finish()
	want := []string{"rotate 1", "rotate 2", "publish", "after", "of somebody unknown"}
	if !slices.Equal(j.list, want) {
		t.Errorf("order %q", j.list)
	}
}

// TestQueueBounds: no more compute than there are workers, and however much somebody
// sends, there is room for others.
func TestQueueBounds(t *testing.T) {
	const workers = 3
	q := newCheckQueue(workers)
	var running, most atomic.Int64
	begin := make(chan struct{})
	run := func() {
		now := running.Add(1)
		for m := most.Load(); now > m && !most.CompareAndSwap(m, now); m = most.Load() {
		}
		<-begin
		running.Add(-1)
	}
	fill := func(name string, size int, unknown bool) int {
		for n := 0; ; n++ {
			if !q.add(aboutRepositories(name), size, unknown, run) {
				return n
			}
		}
	}
	first := fill("flood-0", 1, false)
	if first < maxChecks/shareOfRoom/2 || first > maxChecks/shareOfRoom {
		t.Errorf("one subject has room for %d checks", first)
	}
	if n := fill("unknown", 1, true); n != maxUnknown {
		t.Errorf("%d of strangers wait behind a subject, want %d", n, maxUnknown)
	}
	if n := fill("large", record.MaxTransactionSize, false); n < 8 || n > maxCheckBytes/shareOfRoom/record.MaxTransactionSize {
		t.Errorf("one subject has room for %d large checks", n)
	}
	for i := range 100 {
		fill(fmt.Sprintf("flood-%d", i+1), 1, false)
	}
	if !q.add(aboutRepositories("honest"), 1, false, run) {
		t.Error("a flood of 100 subjects leaves no room for another")
	}
	if !q.add(rotationOf("flood-0"), 1, false, run) {
		t.Error("a full line keeps an emergency out")
	}
	if q.checks > maxChecks || q.bytes > maxCheckBytes {
		t.Errorf("%d checks of %d bytes", q.checks, q.bytes)
	}
	for running.Load() < workers {
		runtime.Gosched()
	}
	close(begin)
	q.finish()
	if most.Load() != workers {
		t.Errorf("%d checks at once, want %d", most.Load(), workers)
	}
}

// TestWorkers: strangers have half of the cores, at least one for each of two jobs.
func TestWorkers(t *testing.T) {
	for _, tc := range []struct{ cores, intake, checks int }{
		{1, 1, 1}, {2, 1, 1}, {4, 1, 1}, {6, 1, 2}, {8, 1, 3}, {16, 2, 6}, {64, 8, 24},
	} {
		if intake, checks := workers(tc.cores); intake != tc.intake || checks != tc.checks {
			t.Errorf("%d cores: %d and %d", tc.cores, intake, checks)
		}
	}
}

// TestQueueHolds: who came later waits while somebody's header is looked at, goes on
// when he is refused, and an emergency that turns out to be a stranger's keeps its place
// among the others.
func TestQueueHolds(t *testing.T) {
	q := newCheckQueue(4)
	var j journal
	join := func(env *record.Envelope, name string, alone bool) *check {
		t.Helper()
		c := newCheck(env, 1, j.note(name))
		if got, ok := q.join(c); got != alone || !ok {
			t.Errorf("%s: alone %v, room %v", name, got, ok)
		}
		return c
	}
	junk := join(aboutRepositories("a", "b"), "junk", true)
	second := join(aboutRepositories("a"), "second", false)
	urgent := join(rotationOf("b"), "urgent", false)
	third := join(aboutRepositories("b"), "third", false)
	for _, c := range []*check{third, second} {
		q.release(c, false)
	}
	if len(q.called) != 0 || q.running != 0 {
		t.Fatal("they do not wait")
	}
	q.release(urgent, true)
	q.leave(junk)
	q.finish()
	at := func(name string) int { return slices.Index(j.list, name) }
	if len(j.list) != 3 || at("urgent") > at("third") || at("second") < 0 {
		t.Errorf("order %q", j.list)
	}
	if len(q.lines) != 0 || q.bytes != 0 {
		t.Errorf("%d lines, %d bytes left", len(q.lines), q.bytes)
	}
}
