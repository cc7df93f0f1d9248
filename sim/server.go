package sim

import "time"

// Mode is what state a server is in.
type Mode int

// The modes of a server.
const (
	// Up is a server that does what it should.
	Up Mode = iota
	// Lying is a server that answers in time, and wrongly.
	Lying
	// Crashed is a server whose process has ended: whoever asks is refused at once.
	Crashed
	// Hung is a server that takes every request and answers none.
	Hung
)

// String returns the word for the mode.
func (m Mode) String() string { return [...]string{"up", "lying", "crashed", "hung"}[m] }

// Verdict is what a server says to a request that is offered to it.
type Verdict int

// What a server says to a request.
const (
	// Taken is a request that is served or waits; when it is done, its function is
	// called, unless the server hangs first.
	Taken Verdict = iota
	// Busy is a request too many.
	Busy
	// Refused is a request to a server that has crashed.
	Refused
)

// Outcome is what became of a request that a server took.
type Outcome int

// What becomes of a request.
const (
	// Answered is a request whose answer is right.
	Answered Outcome = iota
	// Wronged is a request that a lying server answered.
	Wronged
	// Broken is a request that was in the server when it crashed.
	Broken
)

// Server has a number of cores and one queue, first come, first served. Make one
// with [NewServer].
type Server struct {
	sim   *Simulation
	cores int
	limit int

	mode Mode
	// life counts crashes and hangs: work of an earlier life is never finished.
	life    uint64
	running []work
	waiting fifo[work]

	stats   ServerStats
	changed time.Duration
}

type work struct {
	service time.Duration
	done    func(Outcome)
	number  uint64
}

// ServerStats is what a server has done.
type ServerStats struct {
	// Taken, Busy and Refused count requests by the verdict about them.
	Taken, Busy, Refused uint64
	// Done counts requests that were answered, rightly or not.
	Done uint64
	// Work is the time cores were busy, added over cores.
	Work time.Duration
	// Longest is the most requests that were in the server at once.
	Longest int
}

// NewServer returns a server that is up. It holds at most limit requests, served
// and waiting; zero means any number.
func NewServer(s *Simulation, cores, limit int) *Server {
	if cores < 1 || limit < 0 {
		panic("sim: server without cores or with a negative limit")
	}
	return &Server{sim: s, cores: cores, limit: limit}
}

// Mode returns the state the server is in.
func (s *Server) Mode() Mode { return s.mode }

// Load returns how many requests are in the server.
func (s *Server) Load() int { return len(s.running) + s.waiting.len() }

// Stats returns what the server has done so far.
func (s *Server) Stats() ServerStats {
	s.account()
	return s.stats
}

// Offer gives a request to the server, which needs a core for the service time.
// Of a request that is taken, done is called when it is answered or lost.
func (s *Server) Offer(service time.Duration, done func(Outcome)) Verdict {
	switch {
	case s.mode == Crashed:
		s.stats.Refused++
		return Refused
	case s.mode == Hung:
		s.stats.Taken++
		return Taken
	case s.limit > 0 && s.Load() >= s.limit:
		s.stats.Busy++
		return Busy
	}
	s.stats.Taken++
	w := work{service: service, done: done, number: s.stats.Taken}
	if len(s.running) < s.cores {
		s.start(w)
	} else {
		s.waiting.push(w)
	}
	s.stats.Longest = max(s.stats.Longest, s.Load())
	return Taken
}

func (s *Server) start(w work) {
	s.account()
	s.running = append(s.running, w)
	life := s.life
	s.sim.After(w.service, func() {
		if s.life == life {
			s.finish(w.number)
		}
	})
}

func (s *Server) finish(number uint64) {
	s.account()
	var ended work
	for i, w := range s.running {
		if w.number == number {
			ended = w
			s.running[i] = s.running[len(s.running)-1]
			s.running = s.running[:len(s.running)-1]
			break
		}
	}
	s.stats.Done++
	if next, ok := s.waiting.pop(); ok {
		s.start(next)
	}
	if s.mode == Lying {
		ended.done(Wronged)
	} else {
		ended.done(Answered)
	}
}

// account adds the time that cores were busy since the last change.
func (s *Server) account() {
	s.stats.Work += time.Duration(len(s.running)) * (s.sim.Now() - s.changed)
	s.changed = s.sim.Now()
}

// Crash ends the server's process. Requests in it break, in the order in which
// they came.
func (s *Server) Crash() {
	lost := s.clear()
	s.mode = Crashed
	for _, w := range lost {
		w.done(Broken)
	}
}

// Hang makes the server silent. Nobody hears of the requests in it again.
func (s *Server) Hang() {
	s.clear()
	s.mode = Hung
}

// Lie makes a server that is up answer wrongly from now on.
func (s *Server) Lie() {
	if s.mode == Up {
		s.mode = Lying
	}
}

// Restart brings a server up, empty and honest.
func (s *Server) Restart() {
	if s.mode == Crashed || s.mode == Hung {
		s.clear()
	}
	s.mode = Up
}

// clear empties the server and returns what was in it.
func (s *Server) clear() []work {
	s.account()
	s.life++
	lost := s.running
	s.running = nil
	for w, ok := s.waiting.pop(); ok; w, ok = s.waiting.pop() {
		lost = append(lost, w)
	}
	return lost
}
