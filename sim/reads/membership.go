package reads

import (
	"fmt"

	"hullmark/placement"
)

// MembershipConfig is a change of the nodes that clients place by.
type MembershipConfig struct {
	Keys int
	// Nodes is how many there are before; Joining come, and Leaving go.
	Nodes, Joining, Leaving int
}

// MembershipResult is what moves. Nothing is simulated: the numbers are those of
// placement itself.
type MembershipResult struct {
	// Moved is the share of keys whose first node changes, and Needless the share
	// that moves from a node that stays to another that stays.
	Moved, Needless float64
	// Ideal is the least share that has to move for the load to stay even.
	Ideal float64
	// Expected is what rendezvous hashing moves on average: what those that leave had
	// among all, and what those that join get.
	Expected float64
	// Before and After are the balances of keys per node.
	Before, After Balance
	// Heirs is the balance of the keys that the nodes which stay gain from those that
	// leave.
	Heirs Balance
}

// Membership places keys before and after a change.
func Membership(c MembershipConfig, seed uint64) (MembershipResult, error) {
	switch {
	case c.Keys < 1 || c.Keys > 10_000_000:
		return MembershipResult{}, fmt.Errorf("couldn't place keys: %w: keys are from 1 to 10,000,000", ErrConfig)
	case c.Nodes < 1 || c.Nodes > 1000 || c.Joining < 0 || c.Joining > 1000 || c.Leaving < 0 || c.Leaving >= c.Nodes+c.Joining || c.Leaving > c.Nodes:
		return MembershipResult{}, fmt.Errorf("couldn't place keys: %w: nodes are from 1 to 1000, and one stays", ErrConfig)
	}
	var all []placement.Node
	number := make(map[string]int)
	for i := range c.Nodes + c.Joining {
		id := NodeID(i)
		all = append(all, placement.NewNode(id))
		number[id] = i
	}
	before, after := all[:c.Nodes], all[c.Leaving:]
	loadBefore, loadAfter := make([]float64, len(all)), make([]float64, len(all))
	gained := make([]float64, len(all))
	var r MembershipResult
	for k := range c.Keys {
		key := Name(seed, k)
		was := number[placement.Pick(key, before, 1)[0].ID()]
		is := number[placement.Pick(key, after, 1)[0].ID()]
		loadBefore[was]++
		loadAfter[is]++
		if was != is {
			r.Moved++
			gained[is]++
			if was >= c.Leaving && is < c.Nodes {
				r.Needless++
			}
		}
	}
	r.Moved /= float64(c.Keys)
	r.Needless /= float64(c.Keys)
	// What the leaving held, and what the joining are due.
	now := float64(c.Nodes + c.Joining - c.Leaving)
	r.Ideal = max(float64(c.Leaving)/float64(c.Nodes), float64(c.Joining)/now)
	r.Expected = float64(c.Leaving+c.Joining) / float64(c.Nodes+c.Joining)
	r.Before, r.After = BalanceOf(loadBefore[:c.Nodes]), BalanceOf(loadAfter[c.Leaving:])
	r.Heirs = BalanceOf(gained[c.Leaving:c.Nodes])
	return r, nil
}
