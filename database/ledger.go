package database

import dbm "github.com/cosmos/cosmos-db"

// OpenLedger opens the ledger's database in a directory, which is made if it does not
// exist and is not to be read only. The errors are ErrLevelDB, ErrDamaged, ErrFailed,
// and those of the system.
func OpenLedger(path string, o Options) (dbm.DB, error) {
	c, err := openCore(path, o.withDefaults(LedgerMemTable))
	if err != nil {
		return nil, err
	}
	return ledgerDB{c}, nil
}

// ledgerDB is a core with cosmos-db's interface.
type ledgerDB struct{ *core }

// NewBatch implements dbm.DB.
func (d ledgerDB) NewBatch() dbm.Batch { return d.newBatch() }

// NewBatchWithSize implements dbm.DB.
func (d ledgerDB) NewBatchWithSize(int) dbm.Batch { return d.newBatch() }

// Iterator implements dbm.DB.
func (d ledgerDB) Iterator(start, end []byte) (dbm.Iterator, error) {
	return d.iterator(start, end, false)
}

// ReverseIterator implements dbm.DB.
func (d ledgerDB) ReverseIterator(start, end []byte) (dbm.Iterator, error) {
	return d.iterator(start, end, true)
}

// iterator returns an iterator, or nil and an error.
func (d ledgerDB) iterator(start, end []byte, reverse bool) (dbm.Iterator, error) {
	it, err := d.iterate(start, end, reverse)
	if err != nil {
		return nil, err
	}
	return it, nil
}
