package sim

import (
	"math/rand/v2"
	"time"
)

// Process is something that goes on by itself until it is stopped.
type Process struct {
	timer   Timer
	stopped bool
}

// Stop ends the process; nothing of it happens any more.
func (p *Process) Stop() {
	p.stopped = true
	p.timer.Stop()
}

// Alternate switches something off and on: it stays on for a time drawn from
// on, is off for one drawn from off, and so on. It is on at the start, and set is
// called at each change: churn of hosts, failures and repairs of servers.
func Alternate(s *Simulation, r *rand.Rand, on, off Distribution, set func(on bool)) *Process {
	p := new(Process)
	var change func(to bool)
	change = func(to bool) {
		set(to)
		if p.stopped {
			return
		}
		stay := off
		if to {
			stay = on
		}
		p.timer = s.After(stay.Sample(r), func() { change(!to) })
	}
	p.timer = s.After(on.Sample(r), func() { change(false) })
	return p
}

// Arrivals calls do again and again, with the gaps of a Poisson process of so many
// events per second: clients that know nothing of each other. The rate may change
// with time, but never exceed peak; it is asked for at each candidate. A peak that
// is not positive is no process.
func Arrivals(s *Simulation, r *rand.Rand, peak float64, rate func(now time.Duration) float64, do func()) *Process {
	p := new(Process)
	if peak <= 0 {
		return p
	}
	gap := Exponential(scale(time.Second, 1/peak))
	var arrive func()
	arrive = func() {
		if r.Float64()*peak < rate(s.Now()) {
			do()
		}
		if !p.stopped {
			p.timer = s.After(gap.Sample(r), arrive)
		}
	}
	p.timer = s.After(gap.Sample(r), arrive)
	return p
}

// Steady is a rate that does not change, for [Arrivals].
func Steady(rate float64) func(time.Duration) float64 {
	return func(time.Duration) float64 { return rate }
}
