package consensus

import (
	"math/bits"
	"slices"
	"time"
)

// MaxValidators is how many validators the model has room for.
const MaxValidators = 128

// set is a set of validators.
type set [MaxValidators / 64]uint64

func (s *set) add(i int)        { s[i/64] |= 1 << (i % 64) }
func (s set) has(i int) bool    { return s[i/64]>>(i%64)&1 == 1 }
func (s set) union(o set) set   { return set{s[0] | o[0], s[1] | o[1]} }
func (s set) without(o set) set { return set{s[0] &^ o[0], s[1] &^ o[1]} }
func (s set) len() int          { return bits.OnesCount64(s[0]) + bits.OnesCount64(s[1]) }

// kind is a step of voting.
type kind int

const (
	prevote kind = iota
	precommit
	kinds
)

// vote is what a validator signed: for a block, or for none.
type vote struct {
	block *Block
	time  time.Duration
}

// ballot is all votes of a height, a round and a kind that exist anywhere.
type ballot struct {
	cast  set
	votes []vote
}

// ballotID names a ballot.
type ballotID struct {
	height, round int
	kind          kind
}

// tally is what one node has of a ballot.
type tally struct {
	have set
	// log says when votes came, for what peers know of it.
	log []gain
	// forBlock are the votes for one block; honest validators vote for one block or
	// none in a round.
	block    *Block
	forBlock int
	forNone  int
}

type gain struct {
	at    time.Duration
	votes set
}

func (t *tally) add(b *ballot, votes set, now time.Duration) {
	t.have = t.have.union(votes)
	t.log = append(t.log, gain{now, votes})
	for i := range b.votes {
		if !votes.has(i) {
			continue
		}
		if v := b.votes[i]; v.block == nil {
			t.forNone++
		} else {
			t.block = v.block
			t.forBlock++
		}
	}
}

// knownAt returns the votes that came up to a moment.
func (t *tally) knownAt(moment time.Duration) set {
	var s set
	for _, g := range t.log {
		if g.at > moment {
			break
		}
		s = s.union(g.votes)
	}
	return s
}

// medianTime is the time of a block from the precommits for the one before: their
// weighted median, as the engine takes it. All validators weigh the same.
func medianTime(b *ballot, have set) time.Duration {
	const weight = 10 // of a validator, record.ValidatorPower
	var times []time.Duration
	for i, v := range b.votes {
		if have.has(i) && v.block != nil {
			times = append(times, v.time)
		}
	}
	slices.Sort(times)
	median := len(times) * weight / 2
	for _, t := range times {
		if median <= weight {
			return t
		}
		median -= weight
	}
	return 0
}
