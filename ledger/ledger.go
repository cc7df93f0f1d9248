package ledger

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"time"

	"hullmark/merkle"
	"hullmark/merkle/store"
	"hullmark/record"
)

// Ledger is the committed state and the place where the next one is committed.
type Ledger struct {
	id      string
	genesis *record.Genesis
	store   *store.Store
	// verdicts on contents, files that were read or made, and values of the map.
	verdicts *memory[[32]byte, *verdict]
	kept     *memory[fileKey, any]
	values   *memory[merkle.Hash, []byte]
}

// The memory of a ledger unless told otherwise, in bytes. Verdicts are those on a full
// mempool and some blocks. Files are the largest of 64 repositories, or some ten
// thousand of usual size. Values are those of the thousand largest repositories.
const (
	defaultResults = 32 << 20
	defaultFiles   = 64 << 20
	defaultValues  = 32 << 20
)

// Memory bounds what a ledger keeps in memory to save time, in bytes. Nothing that
// it decides depends on it. Zero is the default, less than zero none.
type Memory struct {
	// Results of judging contents.
	Results int
	// Files that were read or made.
	Files int
	// Values of the map that were read.
	Values int
}

// New returns the ledger that starts from a genesis and keeps its state in st,
// which is empty or holds that ledger; store.ErrOtherOrigin if it holds another.
func New(g *record.Genesis, st *store.Store) (*Ledger, error) { return Open(g, st, Memory{}) }

// Open is New with a memory of another size.
func Open(g *record.Genesis, st *store.Store, m Memory) (*Ledger, error) {
	if err := g.Validate(); err != nil {
		return nil, fmt.Errorf("couldn't open ledger: %w", err)
	}
	l := &Ledger{id: g.LedgerID(), genesis: g, store: st,
		verdicts: newMemory[[32]byte, *verdict](cmp.Or(m.Results, defaultResults)),
		kept:     newMemory[fileKey, any](cmp.Or(m.Files, defaultFiles)),
		values:   newMemory[merkle.Hash, []byte](cmp.Or(m.Values, defaultValues)),
	}
	if err := st.Bind(store.Origin(sha256.Sum256(g.Encode()))); err != nil {
		return nil, fmt.Errorf("couldn't open ledger %s: %w", l.id, err)
	}
	if v := st.Version(); v != 0 && v < g.InitialHeight {
		return nil, fmt.Errorf("couldn't open ledger: store holds height %d, before the initial height %d", v, g.InitialHeight)
	}
	return l, nil
}

// ID returns the ledger id.
func (l *Ledger) ID() string { return l.id }

// Height returns the last committed height, zero before the first.
func (l *Ledger) Height() uint64 { return l.store.Version() }

// View opens a committed height for reading (store.ErrPruned,
// store.ErrFutureVersion).
func (l *Ledger) View(height uint64) (*store.View, error) { return l.store.View(height) }

// Latest opens the last committed height for reading.
func (l *Ledger) Latest() *store.View { return l.store.Latest() }

// Oldest returns the oldest height that can be read.
func (l *Ledger) Oldest() uint64 { return l.store.Oldest() }

// GenesisHash returns the app hash before the first block. It writes nothing:
// the state of the genesis is committed together with the first block, so that
// a crash before that leaves an empty store and the same genesis again.
func (l *Ledger) GenesisHash() (merkle.Hash, error) {
	s, err := l.genesisState(Block{Height: l.genesis.InitialHeight, Time: l.genesis.Time})
	if err != nil {
		return merkle.Hash{}, err
	}
	defer s.Close()
	staged, err := s.Stage()
	if err != nil {
		return merkle.Hash{}, err
	}
	return staged.State().AppHash(), nil
}

// Block is the block a transaction is judged for.
type Block struct {
	Height uint64
	Time   time.Time
}

// Before returns the ledger as it was before a height that is still kept, for doing
// that block once more: it is read and staged, never committed. store.ErrPruned says
// that the state before is not kept.
func (l *Ledger) Before(height uint64) (*Ledger, error) {
	version := height - 1
	if height <= l.genesis.InitialHeight {
		version = 0
	}
	past, err := l.store.Past(version)
	if err != nil {
		return nil, fmt.Errorf("couldn't go back in ledger: %w", err)
	}
	return New(l.genesis, past)
}

// Begin returns the state at the start of a block. Any number of States may be
// open; none of them changes the ledger until it is staged and committed. Close
// it when done.
func (l *Ledger) Begin(b Block) (*State, error) {
	if !record.CheckTime(b.Time) {
		return nil, fmt.Errorf("couldn't begin block %d: time %v is out of range", b.Height, b.Time)
	}
	if l.store.Version() == 0 {
		return l.genesisState(b)
	}
	return newState(l, b, l.store.Latest())
}

// Commit writes a staged block: the only write there is, one synced batch. After
// a crash the ledger is at this height or at the one before, whole. Every error
// is fatal.
func (l *Ledger) Commit(st *store.Staged) error {
	if err := l.store.Commit(st); err != nil {
		return fmt.Errorf("couldn't commit height %d: %w", st.Version(), err)
	}
	return nil
}
