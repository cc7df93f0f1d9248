package consensus

import "time"

// Settings are the engine's, as far as the model knows them. A test outside of the
// simulator compares them with the product's.
type Settings struct {
	// The timeouts of a round, and what each round adds.
	TimeoutPropose, TimeoutProposeDelta     time.Duration
	TimeoutPrevote, TimeoutPrevoteDelta     time.Duration
	TimeoutPrecommit, TimeoutPrecommitDelta time.Duration
	// TimeoutCommit is the pause from a commit to the next height.
	TimeoutCommit time.Duration
	// EmptyBlocks is the pause before a block nobody has transactions for.
	EmptyBlocks time.Duration
	// GossipSleep is how often a node looks whether a peer lacks something, and Flush
	// how long a message waits for others to travel with.
	GossipSleep, Flush time.Duration
	// SendRate bounds a connection, in bytes per second.
	SendRate int
	// PartSize and BlockSize bound a part and a block, in bytes; BlockWork bounds the
	// work of its transactions, in units.
	PartSize, BlockSize, BlockWork int
	// Waiting is how many ordinary transactions a mempool takes.
	Waiting int
}

// Product returns the product's settings (docs/design.md, "Engine settings").
func Product() Settings {
	return Settings{
		TimeoutPropose: 3 * time.Second, TimeoutProposeDelta: 500 * time.Millisecond,
		TimeoutPrevote: time.Second, TimeoutPrevoteDelta: 500 * time.Millisecond,
		TimeoutPrecommit: time.Second, TimeoutPrecommitDelta: 500 * time.Millisecond,
		TimeoutCommit: time.Second, EmptyBlocks: 5 * time.Second,
		GossipSleep: 50 * time.Millisecond, Flush: 10 * time.Millisecond, SendRate: 50 << 20,
		PartSize: 64 << 10, BlockSize: 4 << 20, BlockWork: 20_000, Waiting: 4000,
	}
}

func (s *Settings) propose(round int) time.Duration {
	return s.TimeoutPropose + time.Duration(round)*s.TimeoutProposeDelta
}

func (s *Settings) prevote(round int) time.Duration {
	return s.TimeoutPrevote + time.Duration(round)*s.TimeoutPrevoteDelta
}

func (s *Settings) precommit(round int) time.Duration {
	return s.TimeoutPrecommit + time.Duration(round)*s.TimeoutPrecommitDelta
}
