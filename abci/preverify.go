package abci

import (
	"crypto/sha256"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"hullmark/keys"
	"hullmark/ledger"
	"hullmark/record"
)

// judgedSize is how many transactions are remembered as judged: a full mempool
// and a few blocks.
const judgedSize = 1 << 14

// judgedSet remembers transactions whose signatures this node has verified, all of
// them. It only saves work: forgetting is harmless.
type judgedSet struct {
	hashes *lru.Cache[[32]byte, struct{}]
}

func newJudgedSet() (*judgedSet, error) {
	hashes, err := lru.New[[32]byte, struct{}](judgedSize)
	return &judgedSet{hashes}, err
}

func (s *judgedSet) add(hash [32]byte) { s.hashes.Add(hash, struct{}{}) }

// preverify judges a decided block on all cores, before it is judged in order, for what
// the node then remembers: signatures and verdicts on content. Its own verdicts are
// forgotten: they may be wrong, since each worker sees a part of the block only. What
// this node has checked for its mempool is skipped, which in a network that works is
// nearly everything. A proposal, which one faulty validator can make, is not worth it.
func (a *Application) preverify(height int64, blockTime time.Time, txs [][]byte) {
	workers := runtime.GOMAXPROCS(0)
	if workers < 2 {
		return
	}
	// What is about one repository builds on each other and stays together.
	groups := make(map[string][][]byte)
	for _, tx := range txs {
		if a.judged.hashes.Contains(sha256.Sum256(tx)) {
			continue
		}
		if env, err := record.ReadEnvelope(tx); err == nil {
			if of := subjects(env); len(of) > 0 {
				groups[of[0]] = append(groups[of[0]], tx)
			}
		}
	}
	if len(groups) < 2 {
		return
	}
	work := make(chan [][]byte, len(groups))
	for _, g := range groups { // order does not matter
		work <- g
	}
	close(work)
	var wg sync.WaitGroup
	for range min(workers, len(groups)) {
		wg.Go(func() {
			// What makes this fail makes the judgement in order fail too, where it
			// is reported.
			defer func() { _ = recover() }()
			s, err := a.ledger.Begin(ledger.Block{Height: uint64(height), Time: blockTime})
			if err != nil {
				return
			}
			defer s.Close()
			for group := range work {
				for _, tx := range group {
					_, _ = s.Apply(tx, a.cache)
				}
			}
		})
	}
	wg.Wait()
}

// ahead verifies the submitters' signatures of a proposal on the other cores while it is
// judged in order.
type ahead struct {
	next, wrong atomic.Int64 // wrong counts from one; zero for none
	stopped     atomic.Bool
	running     sync.WaitGroup
}

// verifyAhead begins to. Signatures are all that is verified ahead: whatever else a
// transaction costs is for the first that is refused only.
func (a *Application) verifyAhead(envs []*record.Envelope) *ahead {
	v := new(ahead)
	v.next.Store(1) // the first is judged meanwhile
	for range min(runtime.GOMAXPROCS(0), len(envs)) - 1 {
		v.running.Go(func() {
			for !v.stopped.Load() && v.wrong.Load() == 0 {
				i := int(v.next.Add(1)) - 1
				if i >= len(envs) {
					return
				}
				env := envs[i]
				if a.judged.hashes.Contains(env.Hash) {
					continue
				}
				if keys.VerifyFixed(a.cache, env.Header.Submitter, env.SignedMessage(), env.Signature[:]) != nil {
					v.wrong.Store(int64(i) + 1)
				}
			}
		})
	}
	return v
}

// found returns a transaction whose submitter's signature is wrong, so that no order of
// judgement makes the proposal good; false if none was found so far.
func (v *ahead) found() (int, bool) {
	i := int(v.wrong.Load())
	return i - 1, i > 0
}

// stop ends it and waits until it has ended.
func (v *ahead) stop() {
	v.stopped.Store(true)
	v.running.Wait()
}
