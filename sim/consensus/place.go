package consensus

import (
	"fmt"

	"hullmark/sim"
)

// Megabit is the bandwidth of a megabit a second, in bytes per second.
const Megabit = 1e6 / 8

// Places says where the validators of a scenario are and how they are connected.
type Places string

// The places of scenarios.
const (
	// Near is two regions of Europe.
	Near Places = "near"
	// Global is ten regions around the Earth, with a gigabit of uplink.
	Global Places = "global"
	// SlowRegion is near, but for every tenth validator, the fourth at first, which is
	// in Australia with 20 megabits of uplink.
	SlowRegion Places = "slow-region"
	// LowBandwidth is global with 20 megabits of uplink.
	LowBandwidth Places = "low-bandwidth"
)

// Slow is the uplink of a validator that is connected badly.
const Slow = 20 * Megabit

// Validators returns n validators.
func (p Places) Validators(n int) ([]Validator, error) {
	out := make([]Validator, n)
	for i := range out {
		v := Validator{Region: sim.EuropeWest, Uplink: 1000 * Megabit}
		if i%2 == 1 {
			v.Region = sim.EuropeCentral
		}
		switch p {
		case Near:
		case Global, LowBandwidth:
			v.Region = sim.Region(i % int(sim.Regions))
			if p == LowBandwidth {
				v.Uplink = Slow
			}
		case SlowRegion:
			if i%10 == 3 {
				v = Validator{Region: sim.Australia, Uplink: Slow}
			}
		default:
			return nil, fmt.Errorf("couldn't place validators: unknown places %q", string(p))
		}
		out[i] = v
	}
	return out, nil
}
