package abci

import (
	"fmt"
	"sync"

	"hullmark/keys"
	"hullmark/ledger"
	"hullmark/record"
)

// Limits of the mempool, unless Options say otherwise. They are those the node's
// engine configuration has.
const (
	defaultMempoolTxs   = 5000
	defaultMempoolBytes = 64 << 20

	// ordinaryPercent of the mempool is open to ordinary transactions. The rest
	// is kept for emergencies: a rotation must find room when a flood has found
	// it first.
	ordinaryPercent = 80

	// emergencyBytes of a block go to emergencies before anything else. It is
	// twice the size of the largest transaction.
	emergencyBytes = 2 * record.MaxTransactionSize
)

// waiting is what waits for the next block: the state it is judged against, how
// much it is, and in which turn it goes in. Commit begins a new one, which the
// mempool fills again by rechecking what it still has. It mirrors the mempool:
// what it admits the mempool has room for, so nothing it admitted is dropped
// there while it goes on holding scopes here.
type waiting struct {
	pending  *ledger.Pending
	metrics  *Metrics
	maxTxs   int
	maxBytes int64

	mu            sync.Mutex
	all, ordinary load
	// emergencies and others take turns among themselves.
	emergencies, others turns
}

// load is an amount of transactions.
type load struct {
	txs   int
	bytes int64
}

func (l *load) add(txs int, bytes int64) { l.txs += txs; l.bytes += bytes }

// errFull is returned when there is no room for a transaction of its class.
type errFull struct{ class string }

func (e errFull) Error() string {
	return fmt.Sprintf("too many %s transactions wait", e.class)
}

// admit judges a transaction on top of what waits and keeps it (errFull,
// *record.Rejection). known says that it waited before and has its place.
//
// A header that claims an emergency gives a transaction a place while it is
// judged and nothing more: it is served first because a root's keys have signed it.
func (w *waiting) admit(env *record.Envelope, tx []byte, known bool, v keys.Verifier) (*ledger.Outcome, error) {
	urgent := env.Header.Emergency()
	if !w.reserve(urgent, len(tx), known) {
		class := "ordinary"
		if urgent {
			class = "urgent"
		}
		return nil, errFull{class}
	}
	out, err := w.pending.ApplyEnvelope(env, v)
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err != nil:
		w.count(urgent, -1, -int64(len(tx)))
	case urgent:
		w.emergencies.add(&env.Header, tx)
	default:
		w.others.add(&env.Header, tx)
	}
	return out, err
}

func (w *waiting) reserve(urgent bool, size int, known bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	fits := func(l load, percent int) bool {
		return 100*(l.txs+1) <= percent*w.maxTxs && 100*(l.bytes+int64(size)) <= int64(percent)*w.maxBytes
	}
	if !known && (!fits(w.all, 100) || !urgent && !fits(w.ordinary, ordinaryPercent)) {
		return false
	}
	w.count(urgent, 1, int64(size))
	return true
}

func (w *waiting) count(urgent bool, txs int, bytes int64) {
	w.all.add(txs, bytes)
	if !urgent {
		w.ordinary.add(txs, bytes)
	}
	w.metrics.waits(w.all, w.ordinary)
}

// inTurn returns the emergencies and the other transactions, each in turns. So none
// can keep those about another repository waiting.
func (w *waiting) inTurn() (emergencies, others [][]byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.emergencies.order(), w.others.order()
}
