package abci

import (
	"sync"

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
	// before are those that waited for the block before.
	before map[[32]byte]*entry

	mu            sync.Mutex
	all, ordinary load
	entries       map[[32]byte]*entry
	// emergencies and others take turns among themselves.
	emergencies, others turns
	// late are the subjects of what recheck has put off, and again is how much it has
	// judged of what it could not take over, in bytes.
	late  map[string]bool
	again int
	// over says that a block was committed since.
	over bool
}

// entry is a transaction that waits, decoded: most of decoding one is parsing the
// submitter's key. Beside the bytes of the transaction, which the envelope shares, it takes
// at most entrySize, so the entries of a full mempool of 5,000 take at most 40 MiB.
type entry struct {
	env *record.Envelope
	tx  []byte
}

// entrySize bounds what an entry takes in memory beside the transaction, in bytes: sixteen
// scopes of the longest names, and the submitter's key.
const entrySize = 8 << 10

// place is the room one transaction takes.
type place struct {
	urgent bool
	size   int
	kept   bool
}

// load is an amount of transactions.
type load struct {
	txs   int
	bytes int64
}

func (l *load) add(txs int, bytes int64) { l.txs += txs; l.bytes += bytes }

// reserve gives a new transaction a place while it is judged (errFull). It is given
// back, unless the transaction is kept.
//
// A header that claims an emergency gets a place and nothing more: a transaction is
// served first because a root's keys have signed it.
func (w *waiting) reserve(h *record.Header, size int) (*place, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := &place{urgent: h.Emergency(), size: size}
	fits := func(l load, percent int) bool {
		return 100*(l.txs+1) <= percent*w.maxTxs && 100*(l.bytes+int64(size)) <= int64(percent)*w.maxBytes
	}
	switch {
	case p.urgent && !fits(w.all, 100):
		return nil, errFull{"urgent"}
	case !p.urgent && (!fits(w.all, 100) || !fits(w.ordinary, ordinaryPercent)):
		return nil, errFull{"ordinary"}
	}
	w.count(p, 1)
	return p, nil
}

// place gives one that waited before its place.
func (w *waiting) place(h *record.Header, size int) *place {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := &place{urgent: h.Emergency(), size: size}
	w.count(p, 1)
	return p
}

// release gives a place back if its transaction was not kept.
func (w *waiting) release(p *place) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !p.kept {
		w.count(p, -1)
	}
}

// keep takes a transaction that was admitted into turn.
func (w *waiting) keep(p *place, e *entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p.kept = true
	w.entries[e.env.Hash] = e
	if p.urgent {
		w.emergencies.add(&e.env.Header, e.tx)
	} else {
		w.others.add(&e.env.Header, e.tx)
	}
}

// holds reports whether a transaction waits.
func (w *waiting) holds(hash [32]byte) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.entries[hash] != nil
}

func (w *waiting) count(p *place, n int) {
	w.all.add(n, int64(n*p.size))
	if !p.urgent {
		w.ordinary.add(n, int64(n*p.size))
	}
	if !w.over {
		w.metrics.waits(w.all, w.ordinary)
	}
}

// end says that a block was committed and returns what waited for it.
func (w *waiting) end() map[[32]byte]*entry {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	w.pending.Close()
	return w.entries
}

// postpone notes that a transaction is put off, and with it the later ones about the
// same repositories, no matter who pays. Only recheck, which is sequential, does so.
func (w *waiting) postpone(h *record.Header) {
	for _, s := range h.Scopes {
		w.late[subject(s)] = true
	}
}

// postponed reports whether something about the same was put off, and puts off the
// transaction too.
func (w *waiting) postponed(h *record.Header) bool {
	if len(w.late) == 0 {
		return false
	}
	for _, s := range h.Scopes {
		if w.late[subject(s)] {
			w.postpone(h)
			return true
		}
	}
	return false
}

// inTurn returns the emergencies and the other transactions, each in turns. So none
// can keep those about another repository waiting.
func (w *waiting) inTurn() (emergencies, others [][]byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.emergencies.order(), w.others.order()
}
