package sim

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// Simulation is a virtual clock and the events that are to come. Make one with
// [New].
type Simulation struct {
	seed   uint64
	now    time.Duration
	queue  queue
	events uint64
}

// Forever is a time that no event reaches.
const Forever = time.Duration(math.MaxInt64)

// New returns a simulation at time zero with nothing to do. Its random streams
// are a function of the seed.
func New(seed uint64) *Simulation { return &Simulation{seed: seed} }

// Now returns the virtual time since the start.
func (s *Simulation) Now() time.Duration { return s.now }

// Events returns how many events have run.
func (s *Simulation) Events() uint64 { return s.events }

// At schedules do for a moment. The past is refused by a panic, for it would be
// an error in the model that no result could be trusted after.
func (s *Simulation) At(moment time.Duration, do func()) Timer {
	if moment < s.now {
		panic(fmt.Sprintf("sim: event for %s at %s", moment, s.now))
	}
	return s.queue.push(moment, do)
}

// After schedules do for when d has passed. What would lie beyond the end of time
// is scheduled for [Forever], and never runs.
func (s *Simulation) After(d time.Duration, do func()) Timer {
	if d > Forever-s.now {
		return s.At(Forever, do)
	}
	return s.At(s.now+d, do)
}

// step runs the next event, unless there is none before the end, and reports
// whether there was one.
func (s *Simulation) step(end time.Duration) bool {
	next, do, ok := s.queue.pop(end)
	if !ok {
		return false
	}
	s.now = next
	s.events++
	do()
	return true
}

// RunUntil runs all events up to and including a moment, and leaves the clock
// there.
func (s *Simulation) RunUntil(moment time.Duration) {
	for s.step(moment) {
	}
	s.now = max(s.now, moment)
}

// Run runs events until none is left. Processes that go on for ever, like
// [Alternate], must have been stopped.
func (s *Simulation) Run() {
	for s.step(Forever - 1) {
	}
}

// Stream returns the random stream with a name, at its beginning: a function of
// the seed of the simulation and the name. Whoever draws keeps it.
func (s *Simulation) Stream(name string) *rand.Rand { return Stream(s.seed, name) }

// Stream returns a random stream, a function of seed and name.
func Stream(seed uint64, name string) *rand.Rand {
	h := sha256.Sum256(append(binary.BigEndian.AppendUint64(nil, seed), name...))
	return rand.New(rand.NewPCG(binary.BigEndian.Uint64(h[:8]), binary.BigEndian.Uint64(h[8:16])))
}
