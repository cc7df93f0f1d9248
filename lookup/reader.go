package lookup

import (
	"errors"
	"fmt"
	"time"

	cmttypes "github.com/cometbft/cometbft/types"
	protobuf "google.golang.org/protobuf/proto"

	"hullmark/ledger"
	"hullmark/merkle/store"
	"hullmark/proto"
	"hullmark/query"
)

// Blocks gives headers with the commits that signed them, and what is in the blocks.
type Blocks interface {
	// Tip returns the newest height that has a commit, zero before the first.
	Tip() uint64
	// LightBlock returns the light block of a height the node has
	// (ErrNotFound otherwise).
	LightBlock(height uint64) (*cmttypes.LightBlock, error)
	// Transactions returns those of a block the node has (ErrNotFound otherwise).
	Transactions(height uint64) (cmttypes.Txs, error)
}

// Reader answers questions from committed state, each with its proof. It is safe for
// concurrent use.
type Reader struct {
	ledger  *ledger.Ledger
	blocks  Blocks
	metrics *Metrics
}

// New returns a reader of a ledger and the blocks that prove it. Metrics may be nil.
func New(l *ledger.Ledger, blocks Blocks, m *Metrics) *Reader {
	if m == nil {
		m = NewMetrics(nil)
	}
	return &Reader{ledger: l, blocks: blocks, metrics: m}
}

// Answer answers a question whose answer rests on a proven state: all but
// query.Metadata, query.Content and query.LightBlock, which have methods of their own. The
// answer is a *proto.Bundle or the message named after the question.
func (r *Reader) Answer(q query.Question, k query.Known) (protobuf.Message, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	began := time.Now()
	if k.MinStateHeight > 0 {
		if newest, ok := r.StateHeight(); !ok || newest < k.MinStateHeight {
			return nil, ErrNotReady
		}
	}
	m, err := r.answer(q, k)
	if err != nil {
		return nil, fmt.Errorf("couldn't answer about %s: %w", q, err)
	}
	r.metrics.lookup(q.Kind(), began)
	return m, nil
}

func (r *Reader) answer(q query.Question, k query.Known) (protobuf.Message, error) {
	switch q := q.(type) {
	case query.Receipt:
		return r.receipt(q, k)
	case query.Inclusion:
		return r.inclusion(q, k)
	case query.Consistency:
		return r.consistency(q, k)
	}
	return read(r, 0, func(s *State) (protobuf.Message, error) {
		switch q := q.(type) {
		case query.Resolve:
			return s.Resolve(q, k)
		case query.Vouchers:
			return s.Vouchers(q, k)
		case query.History:
			return s.History(q, k)
		default:
			return nil, fmt.Errorf("%w: the answer to a question of kind %s has no proof", query.ErrQuestion, q.Kind())
		}
	})
}

// Resolve makes the bundle that answers a question at the newest provable height.
func (r *Reader) Resolve(q query.Resolve, k query.Known) (*proto.Bundle, error) {
	return answerAs[*proto.Bundle](r, q, k)
}

// History proves a page of a repository's history, newest first.
func (r *Reader) History(q query.History, k query.Known) (*proto.HistoryAnswer, error) {
	return answerAs[*proto.HistoryAnswer](r, q, k)
}

// Vouchers proves who vouches for an image in all repositories.
func (r *Reader) Vouchers(q query.Vouchers, k query.Known) (*proto.ImageAnswer, error) {
	return answerAs[*proto.ImageAnswer](r, q, k)
}

// Receipt proves which log records a transaction made. Without the height of its block it
// looks through the newest blocks.
func (r *Reader) Receipt(q query.Receipt, k query.Known) (*proto.ReceiptAnswer, error) {
	return answerAs[*proto.ReceiptAnswer](r, q, k)
}

// Inclusion proves that a record is in the log.
func (r *Reader) Inclusion(q query.Inclusion, k query.Known) (*proto.InclusionAnswer, error) {
	return answerAs[*proto.InclusionAnswer](r, q, k)
}

// Consistency proves that the log of one size is a prefix of that of another.
func (r *Reader) Consistency(q query.Consistency, k query.Known) (*proto.ConsistencyAnswer, error) {
	return answerAs[*proto.ConsistencyAnswer](r, q, k)
}

// answerAs is Answer of a question whose answer is an M.
func answerAs[M protobuf.Message](r *Reader, q query.Question, k query.Known) (M, error) {
	var none M
	m, err := r.Answer(q, k)
	if err != nil {
		return none, err
	}
	return m.(M), nil
}

// StateHeight returns the newest height whose state can be proven, and false if
// there is none.
func (r *Reader) StateHeight() (uint64, bool) {
	for {
		// Header H carries the app hash of H-1.
		tip := r.blocks.Tip()
		if tip == 0 {
			return 0, false
		}
		if oldest := r.ledger.Oldest(); oldest > 0 && oldest <= tip-1 && tip-1 <= r.ledger.Height() {
			return tip - 1, true
		}
		// The tip and the ledger are read one after the other: a reader that pauses
		// between them finds the state of the tip it read pruned.
		if r.blocks.Tip() == tip {
			return 0, false
		}
	}
}

// State opens a state and the block that proves it; height zero is the newest. The caller
// closes it.
func (r *Reader) State(height uint64) (*State, error) {
	newest, ok := r.StateHeight()
	if !ok || height > newest {
		return nil, ErrNotReady
	}
	at := height
	if height == 0 {
		at = newest
	}
	v, err := r.ledger.View(at)
	if height == 0 && errors.Is(err, store.ErrPruned) {
		// Blocks went by since the newest height was read, so there is a newer one.
		if newer, ok := r.StateHeight(); ok && newer > newest {
			return r.State(0)
		}
	}
	if err != nil {
		return nil, err
	}
	block, err := r.blocks.LightBlock(at + 1)
	if err != nil {
		v.Close()
		return nil, err
	}
	return &State{Ledger: r.ledger.ID(), View: v, Block: block, Blocks: r.blocks, ValidatorChanges: ledger.ValidatorChanges(v)}, nil
}

// read makes an answer from the state of a height, zero for the newest.
func read[M any](r *Reader, height uint64, answer func(*State) (M, error)) (M, error) {
	var none M
	s, err := r.State(height)
	if err != nil {
		return none, err
	}
	defer s.Close()
	m, err := answer(s)
	if err != nil {
		return none, fmt.Errorf("state of height %d: %w", s.View.Version(), err)
	}
	return m, nil
}

// LogSize returns the number of records in the log.
func (r *Reader) LogSize() uint64 {
	v := r.ledger.Latest()
	defer v.Close()
	return v.State().Log.Size
}

// LastBlockTime returns the time of the last committed block, by this node's own
// account.
func (r *Reader) LastBlockTime() time.Time {
	v := r.ledger.Latest()
	defer v.Close()
	return ledger.BlockTime(v)
}
