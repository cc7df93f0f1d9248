package app

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	cmtabci "github.com/cometbft/cometbft/abci/types"
	cmttypes "github.com/cometbft/cometbft/types"
)

// submissions are the transactions somebody waits for. Requests that bring the
// same bytes share one, however many there are. One subscription to new blocks
// serves them all: a subscription of each would have every transaction of a block
// compared with every one that is waited for.
type submissions struct {
	mu   sync.Mutex
	open map[[32]byte]*submission
}

// submission is one transaction that is waited for.
type submission struct {
	users int
	// offered is closed when the mempool has taken the transaction, or err is
	// set.
	offered chan struct{}
	err     error
	// decided is closed when the transaction is in a block, or refusal or lost is set.
	decided chan struct{}
	height  uint64
	result  *cmtabci.ExecTxResult
	// refusal is why the mempool does not take it, or no longer keeps it.
	refusal error
	lost    error
}

func newSubmissions() *submissions {
	return &submissions{open: make(map[[32]byte]*submission)}
}

// join returns the submission of a transaction, and true to the first, who is to
// offer it and close offered. Everybody leaves it.
func (s *submissions) join(hash [32]byte) (_ *submission, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub, ok := s.open[hash]
	if !ok {
		sub = &submission{offered: make(chan struct{}), decided: make(chan struct{})}
		s.open[hash] = sub
	}
	sub.users++
	return sub, !ok
}

func (s *submissions) leave(hash [32]byte, sub *submission) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sub.users--; sub.users == 0 && s.open[hash] == sub {
		delete(s.open, hash)
	}
}

// drop forgets a submission that was refused: the same bytes are judged again
// when they come again. Those who share it get the same answer.
func (s *submissions) drop(hash [32]byte, sub *submission) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[hash] == sub {
		delete(s.open, hash)
	}
}

// block tells those who wait for transactions of a block.
func (s *submissions) block(height uint64, txs cmttypes.Txs, results []*cmtabci.ExecTxResult) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, tx := range txs {
		if len(s.open) == 0 {
			return
		}
		hash := sha256.Sum256(tx)
		if sub, ok := s.open[hash]; ok && i < len(results) {
			sub.height, sub.result = height, results[i]
			close(sub.decided)
			delete(s.open, hash)
		}
	}
}

// pauses waits a while and reports whether a transaction is still waited for.
func (s *submissions) pauses(hash [32]byte, sub *submission, d time.Duration) bool {
	select {
	case <-sub.decided:
		return false
	case <-time.After(d):
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open[hash] == sub
}

// refuse tells those who wait for a transaction that the mempool has refused it, from
// whomever it came, or dropped it. The same bytes are judged again when they come
// again.
func (s *submissions) refuse(hash [32]byte, reason error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sub, ok := s.open[hash]; ok {
		sub.refusal = reason
		close(sub.decided)
		delete(s.open, hash)
	}
}

// fail tells everybody that blocks may have been missed.
func (s *submissions) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for hash, sub := range s.open {
		sub.lost = err
		close(sub.decided)
		delete(s.open, hash)
	}
}

// errMissed is why those who wait are sent away when the node was too slow to
// follow its own blocks.
var errMissed = errors.New("the node has missed blocks")

// blockBuffer is how many blocks may be decided while one is looked through.
const blockBuffer = 100

// follow looks for transactions in new blocks until ctx is done. It has begun to
// when it returns.
func (s *submissions) follow(ctx context.Context, bus *cmttypes.EventBus) error {
	const subscriber = "submissions"
	subscribe := func() (cmttypes.Subscription, error) {
		sub, err := bus.Subscribe(ctx, subscriber, cmttypes.EventQueryNewBlock, blockBuffer)
		if err != nil {
			return nil, fmt.Errorf("couldn't follow blocks: %w", err)
		}
		return sub, nil
	}
	sub, err := subscribe()
	if err != nil {
		return err
	}
	go func() {
		for {
			select {
			case <-ctx.Done():
				s.fail(ctx.Err())
				return
			case <-sub.Canceled():
				s.fail(errMissed)
				// The bus remembers the subscriber of a subscription it has ended.
				_ = bus.Unsubscribe(ctx, subscriber, cmttypes.EventQueryNewBlock)
				if sub, err = subscribe(); err != nil {
					return // the engine is stopping
				}
			case m := <-sub.Out():
				if d, ok := m.Data().(cmttypes.EventDataNewBlock); ok {
					s.block(uint64(d.Block.Height), d.Block.Txs, d.ResultFinalizeBlock.TxResults)
				}
			}
		}
	}()
	return nil
}
