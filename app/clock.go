package app

import (
	"context"
	"fmt"
	"time"

	cmtdb "github.com/cometbft/cometbft-db"
	cstypes "github.com/cometbft/cometbft/consensus/types"
	cmtstore "github.com/cometbft/cometbft/store"
	cmttypes "github.com/cometbft/cometbft/types"
)

const (
	// maxClockBehind is how far the newest block may be ahead of this machine's clock.
	// It is half of blockTimeTolerance, beyond which the engine panics over a block that
	// the others have decided, so that a clock which drifts is noticed first.
	maxClockBehind = blockTimeTolerance / 2
	// clockInterval is how often the clock is looked at while the node runs.
	clockInterval = 10 * time.Second
	// clockPause is how often it is looked at before the engine is started.
	clockPause = time.Second
)

// ClockError says that the newest block is too far ahead of this machine's clock. A node
// whose clock is slow takes the others' blocks for ones of the future, and must not go
// on.
type ClockError struct {
	// Behind is by how much.
	Behind time.Duration
}

// Error implements error.
func (e *ClockError) Error() string {
	return fmt.Sprintf("this machine's clock is %s behind the newest block", e.Behind.Round(time.Second))
}

// checkClock compares this machine's clock with a block's time. The zero time is that of
// no block.
func checkClock(block, now time.Time) error {
	if behind := block.Sub(now); !block.IsZero() && behind > maxClockBehind {
		return &ClockError{behind}
	}
	return nil
}

// newestBlock returns the time of the newest block this node has, or zero.
func (n *Node) newestBlock() time.Time {
	if meta := n.env.BlockStore.LoadBlockMeta(int64(n.blocks.Tip())); meta != nil {
		return meta.Header.Time
	}
	return time.Time{}
}

// newestStored returns the time of the newest block in the engine's store, which has
// been read without a panic before, or zero.
func newestStored(db cmtdb.DB) time.Time {
	blocks := cmtstore.NewBlockStore(db)
	if meta := blocks.LoadBlockMeta(blocks.Height()); meta != nil {
		return meta.Header.Time
	}
	return time.Time{}
}

// awaitClock waits until the clock has come near the newest block, and tells the log
// once a minute. It returns the context's error if that ends first.
func (n *Node) awaitClock(ctx context.Context) error {
	for waited := time.Duration(0); ; waited += clockPause {
		err := checkClock(n.newestBlock(), n.hooks.Now())
		if err == nil {
			return nil
		}
		if waited%time.Minute == 0 {
			n.log.Error("waiting for the clock: the node takes no part before it is right", "reason", err.Error())
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(clockPause):
		}
	}
}

// watchClock ends the node when its clock falls behind.
func (n *Node) watchClock(ctx context.Context) {
	tick := time.NewTicker(n.hooks.ClockInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := checkClock(n.newestBlock(), n.hooks.Now()); err != nil {
				n.fail(err)
				return
			}
		}
	}
}

// decidedBlock returns the block of a round that more than two thirds of the validators
// have voted for, or nil. A proposal that they have not voted for may claim any time.
func decidedBlock(rs *cstypes.RoundState) *cmttypes.Block {
	if rs.ProposalBlock == nil || rs.Votes == nil {
		return nil
	}
	for _, votes := range []*cmttypes.VoteSet{rs.Votes.Prevotes(rs.Round), rs.Votes.Precommits(rs.Round), rs.Votes.Precommits(rs.CommitRound)} {
		if votes == nil {
			continue
		}
		if id, ok := votes.TwoThirdsMajority(); ok && rs.ProposalBlock.HashesTo(id.Hash) {
			return rs.ProposalBlock
		}
	}
	return nil
}

// consensusFailure returns why the engine's consensus routine has ended. It panics over
// a block that all others have decided if its time is too far ahead: that block is not
// stored, and consensus still has it.
func (n *Node) consensusFailure() error {
	newest := n.newestBlock()
	decided := make(chan time.Time, 1)
	go func() {
		defer close(decided)
		consensus, ok := n.env.ConsensusState.(interface{ GetRoundState() *cstypes.RoundState })
		if !ok {
			return
		}
		// The routine may have left a lock behind.
		if b := decidedBlock(consensus.GetRoundState()); b != nil {
			decided <- b.Time
		}
	}()
	select {
	case t := <-decided:
		if t.After(newest) {
			newest = t
		}
	case <-time.After(time.Second):
	}
	if err := checkClock(newest, n.hooks.Now()); err != nil {
		return fmt.Errorf("%w: %w", err, ErrConsensusFailed)
	}
	return ErrConsensusFailed
}
