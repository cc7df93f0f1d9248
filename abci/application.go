package abci

import (
	"cmp"
	"fmt"
	"log/slog"
	"sync"

	cmtabci "github.com/cometbft/cometbft/abci/types"

	"hullmark/ledger"
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
	cache   *signatureCache
	judged  *judgedSet

	// staged is the block between FinalizeBlock and Commit. Only the consensus
	// connection uses it.
	staged *store.Staged

	// waiting is what the mempool holds. Commit replaces it.
	mu       sync.RWMutex
	waiting  *waiting
	maxTxs   int
	maxBytes int64
	// lookup answers the query connection; set before the node starts.
	lookup *Lookup
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
	a := &Application{
		genesis: g, ledger: l, version: o.Version, log: o.Log, fatal: o.Fatal,
		metrics: o.Metrics, cache: cache, judged: judged,
		maxTxs: cmp.Or(o.MempoolTxs, defaultMempoolTxs), maxBytes: cmp.Or(o.MempoolBytes, defaultMempoolBytes),
	}
	if err := a.resetWaiting(); err != nil {
		return nil, fmt.Errorf("couldn't open application: %w", err)
	}
	return a, nil
}

// Serve makes look-ups available to the query connection.
func (a *Application) Serve(l *Lookup) { a.lookup = l }

// Close releases what the application holds of the ledger.
func (a *Application) Close() {
	a.nowWaiting().pending.Close()
}

// nowWaiting returns what waits for the next block.
func (a *Application) nowWaiting() *waiting {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.waiting
}

// resetWaiting judges the mempool by the last committed state from now on.
func (a *Application) resetWaiting() error {
	p, err := a.ledger.BeginPending()
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.waiting != nil {
		a.waiting.pending.Close()
	}
	a.waiting = &waiting{pending: p, metrics: a.metrics, maxTxs: a.maxTxs, maxBytes: a.maxBytes}
	a.metrics.waits(load{}, load{})
	return nil
}
