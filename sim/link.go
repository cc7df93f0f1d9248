package sim

import (
	"math/rand/v2"
	"time"
)

// Link carries messages one way and in order, as a TCP connection does. A message
// first waits until those before it have been put on the line, is put there
// itself, which takes its size over the bandwidth, and arrives after the latency,
// never before one sent earlier. Make one with [NewLink].
type Link struct {
	sim     *Simulation
	random  *rand.Rand
	latency Distribution
	line    line
	loss    float64
	cut     bool
	// last is when the newest message arrives.
	last time.Duration
}

// NewLink returns a link that draws latencies from a stream. Bandwidth is in bytes
// per second; zero is no limit.
func NewLink(s *Simulation, random *rand.Rand, latency Distribution, bandwidth float64) *Link {
	return &Link{sim: s, random: random, latency: latency, line: line{bandwidth: bandwidth}}
}

// SetLoss makes the link lose a share of the messages. What it loses never
// arrives: it stands for connections that break, not for packets, which TCP sends
// again.
func (l *Link) SetLoss(share float64) { l.loss = share }

// Cut makes the link lose everything that is sent from now on, until Mend. What
// is under way arrives.
func (l *Link) Cut() { l.cut = true }

// Mend ends a cut.
func (l *Link) Mend() { l.cut = false }

// Send puts a message of a size in bytes on the link, and calls deliver when it
// arrives. The sender does not learn whether it does.
func (l *Link) Send(size int, deliver func()) { l.sendAt(l.sim.Now(), size, deliver) }

// sendAt is Send of a message that reaches the link at a time from now on.
func (l *Link) sendAt(start time.Duration, size int, deliver func()) {
	sent := l.line.occupy(start, size)
	if l.cut || l.loss > 0 && l.random.Float64() < l.loss {
		return
	}
	l.last = max(l.last, sent+l.latency.Sample(l.random))
	l.sim.At(l.last, deliver)
}

// line is a wire that carries one message at a time.
type line struct {
	// bandwidth is in bytes per second; zero is no limit.
	bandwidth float64
	free      time.Duration
}

// occupy puts a message on the wire as soon as it is free, from start on, and
// returns when the message is on it.
func (l *line) occupy(start time.Duration, size int) time.Duration {
	if l.bandwidth <= 0 {
		return start
	}
	l.free = max(l.free, start) + scale(time.Second, float64(size)/l.bandwidth)
	return l.free
}
