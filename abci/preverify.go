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
		if env, err := decodeTx(tx); err == nil {
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

// verifySubmitters verifies the submitters' signatures of a proposal on all cores and
// stops at the first that is wrong: no order of judgement makes that one good. It
// returns the one it found.
func (a *Application) verifySubmitters(envs []*record.Envelope) (int, error) {
	workers := min(runtime.GOMAXPROCS(0), len(envs))
	var next, wrong atomic.Int64 // wrong counts from one; zero for none
	verify := func() {
		for wrong.Load() == 0 {
			i := int(next.Add(1)) - 1
			if i >= len(envs) {
				return
			}
			env := envs[i]
			if a.judged.hashes.Contains(env.Hash) {
				continue
			}
			if keys.VerifyFixed(a.cache, env.Header.Submitter, env.SignedMessage(), env.Signature[:]) != nil {
				wrong.Store(int64(i) + 1)
			}
		}
	}
	var wg sync.WaitGroup
	for range workers - 1 {
		wg.Go(verify)
	}
	verify()
	wg.Wait()
	if i := int(wrong.Load()) - 1; i >= 0 {
		return i, record.Reject(record.CodeSubmitterSignature, "by key %s", envs[i].Header.Submitter.ID())
	}
	return 0, nil
}
