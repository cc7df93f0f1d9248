package abci

import (
	"cmp"
	"fmt"
	"log/slog"
	"sync"
	"time"

	cmtabci "github.com/cometbft/cometbft/abci/types"

	"hullmark/ledger"
	"hullmark/lookup"
	"hullmark/merkle/store"
	"hullmark/record"
)

// AppVersion is the version of the state machine in block headers and the
// consensus parameter version.app.
const AppVersion = 1

// Application implements CometBFT's ABCI over a ledger. CheckTx and Query are safe
// for concurrent use, beside each other and beside one call of the consensus
// connection; ClientCreator sees to the rest.
type Application struct {
	cmtabci.BaseApplication // InsertTx and ReapTxs, which the flood mempool never calls

	genesis *record.Genesis
	ledger  *ledger.Ledger
	version string
	log     *slog.Logger
	fatal   func(error)
	metrics *Metrics
	// misbehaviors are what evidence in blocks has shown.
	misbehaviors *misbehaviors
	cache        *signatureCache
	judged       *judgedSet
	// accounts bound what refused transactions cost, gate keeps verdicts out of commits.
	accounts *accounts
	gate     *gate
	onRefuse func(hash [32]byte, r *cmtabci.ResponseCheckTx)

	// staged is the block between FinalizeBlock and Commit. Only the consensus
	// connection uses it.
	staged *store.Staged
	// applied are the hashes of the transactions in it that had an effect.
	applied [][32]byte

	// waiting is what the mempool holds. Commit replaces it.
	mu       sync.RWMutex
	waiting  *waiting
	maxTxs   int
	maxBytes int64
	maxAgain int // see againBytes
	// lookup answers the query connection; set before the node starts.
	lookup *lookup.Reader
	// pool is the engine's mempool.
	pool Mempool
}

// Options are what an Application needs beside the ledger.
type Options struct {
	// Version of the program, for Info.
	Version string
	Log     *slog.Logger
	// Fatal is called when the node cannot go on and its process must end. The
	// ABCI call that found out panics after it.
	Fatal func(error)
	// MempoolTxs and MempoolBytes are the limits of the mempool in front of the
	// application; zero for the defaults.
	MempoolTxs   int
	MempoolBytes int64
	// Metrics may be nil.
	Metrics *Metrics
	// Refused, unless nil, is called for every transaction that does not wait any more,
	// or never did, with the verdict: refused when it came, from whomever, or dropped
	// after a block. It returns at once.
	Refused func(hash [32]byte, r *cmtabci.ResponseCheckTx)
	// Now is time.Now, unless a test says otherwise.
	Now func() time.Time
}

// New returns the application for a ledger that started from g.
func New(g *record.Genesis, l *ledger.Ledger, o Options) (*Application, error) {
	if o.Metrics == nil {
		o.Metrics = NewMetrics(nil)
	}
	cache, err := newSignatureCache(o.Metrics)
	if err != nil {
		return nil, err
	}
	judged, err := newJudgedSet()
	if err != nil {
		return nil, fmt.Errorf("couldn't open application: %w", err)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	a := &Application{
		accounts: newAccounts(o.Now), gate: newGate(), onRefuse: o.Refused, genesis: g, ledger: l, version: o.Version, log: o.Log, fatal: o.Fatal,
		misbehaviors: newMisbehaviors(g), metrics: o.Metrics, cache: cache, judged: judged,
		maxTxs: cmp.Or(o.MempoolTxs, defaultMempoolTxs), maxBytes: cmp.Or(o.MempoolBytes, defaultMempoolBytes),
		maxAgain: againBytes,
	}
	for _, op := range g.Operators {
		o.Metrics.misbehavior.WithLabelValues(op.ID)
	}
	if err := a.resetWaiting(); err != nil {
		return nil, fmt.Errorf("couldn't open application: %w", err)
	}
	return a, nil
}

// Serve makes look-ups available to the query connection.
func (a *Application) Serve(l *lookup.Reader) { a.lookup = l }

// Close releases what the application holds of the ledger, when no check of a new
// transaction needs it any more. The engine has stopped.
func (a *Application) Close() {
	a.nowWaiting().pending.Close()
	a.gate.end()
}

// nowWaiting returns what waits for the next block.
func (a *Application) nowWaiting() *waiting {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.waiting
}

// resetWaiting judges the mempool by the last committed state from now on.
func (a *Application) resetWaiting() error {
	next := &waiting{
		metrics: a.metrics, maxTxs: a.maxTxs, maxBytes: a.maxBytes,
		entries: make(map[[32]byte]*entry), late: make(map[string]bool),
	}
	var err error
	a.mu.Lock()
	defer a.mu.Unlock()
	if before := a.waiting; before != nil {
		next.pending, err = before.pending.Next(a.applied)
	} else {
		next.pending, err = a.ledger.BeginPending()
	}
	if err != nil {
		return err
	}
	if a.waiting != nil {
		next.before = a.waiting.end()
	}
	a.waiting, a.applied = next, nil
	a.metrics.waits(load{}, load{})
	return nil
}

// refused reports a transaction that does not wait.
func (a *Application) refused(hash [32]byte, r *cmtabci.ResponseCheckTx) {
	// A copy of one that waits was refused, which says nothing of that.
	if a.onRefuse != nil && !a.nowWaiting().holds(hash) {
		a.onRefuse(hash, r)
	}
}
