package database

import (
	"errors"

	cmtdb "github.com/cometbft/cometbft-db"
)

// OpenEngine opens one of the engine's databases, as OpenLedger does the ledger's.
//
// CometBFT closes its databases while routines of its consensus reactor, one per peer,
// may still be asleep; an error that they read when they wake makes the process panic
// in the middle of an orderly stop. So after Close, Get and Has find nothing, which
// those routines take for an answer and end. All else returns ErrClosed.
func OpenEngine(path string, o Options) (cmtdb.DB, error) {
	c, err := openCore(path, o.withDefaults(EngineMemTable))
	if err != nil {
		return nil, err
	}
	return engineDB{c}, nil
}

// engineDB is a core with cometbft-db's interface.
type engineDB struct{ *core }

// Get implements cmtdb.DB.
func (d engineDB) Get(key []byte) ([]byte, error) {
	value, err := d.core.Get(key)
	if errors.Is(err, ErrClosed) {
		return nil, nil
	}
	return value, err
}

// Has implements cmtdb.DB.
func (d engineDB) Has(key []byte) (bool, error) {
	value, err := d.Get(key)
	return value != nil, err
}

// NewBatch implements cmtdb.DB.
func (d engineDB) NewBatch() cmtdb.Batch { return d.newBatch() }

// Iterator implements cmtdb.DB.
func (d engineDB) Iterator(start, end []byte) (cmtdb.Iterator, error) {
	return d.iterator(start, end, false)
}

// ReverseIterator implements cmtdb.DB.
func (d engineDB) ReverseIterator(start, end []byte) (cmtdb.Iterator, error) {
	return d.iterator(start, end, true)
}

// iterator returns an iterator, or nil and an error.
func (d engineDB) iterator(start, end []byte, reverse bool) (cmtdb.Iterator, error) {
	it, err := d.iterate(start, end, reverse)
	if err != nil {
		return nil, err
	}
	return it, nil
}
