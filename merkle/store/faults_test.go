package store_test

import (
	"errors"
	"sync/atomic"

	dbm "github.com/cosmos/cosmos-db"
)

var errInjected = errors.New("injected failure")

// faultyDB is a database that fails where a test wants it to. The zero functions
// never fail.
type faultyDB struct {
	dbm.DB
	get    func(key []byte) error // before a read
	add    func() error           // when something is added to a batch
	write  func() writeFault      // when a batch is written
	writes atomic.Int64           // batches written, or tried to
	other  atomic.Int64           // writes that bypass a synced batch
}

// writeFault says what a failing write leaves behind.
type writeFault int

const (
	writeWorks   writeFault = iota
	writeLost               // an error, and nothing is written
	writePersist            // an error, although everything is written
)

func (d *faultyDB) Get(key []byte) ([]byte, error) {
	if d.get != nil {
		if err := d.get(key); err != nil {
			return nil, err
		}
	}
	return d.DB.Get(key)
}

func (d *faultyDB) Set(k, v []byte) error          { d.other.Add(1); return d.DB.Set(k, v) }
func (d *faultyDB) SetSync(k, v []byte) error      { d.other.Add(1); return d.DB.SetSync(k, v) }
func (d *faultyDB) Delete(k []byte) error          { d.other.Add(1); return d.DB.Delete(k) }
func (d *faultyDB) DeleteSync(k []byte) error      { d.other.Add(1); return d.DB.DeleteSync(k) }
func (d *faultyDB) NewBatch() dbm.Batch            { return &faultyBatch{d.DB.NewBatch(), d} }
func (d *faultyDB) NewBatchWithSize(int) dbm.Batch { return d.NewBatch() }

type faultyBatch struct {
	dbm.Batch
	db *faultyDB
}

func (b *faultyBatch) Set(k, v []byte) error {
	if b.db.add != nil {
		if err := b.db.add(); err != nil {
			return err
		}
	}
	return b.Batch.Set(k, v)
}

func (b *faultyBatch) Delete(k []byte) error {
	if b.db.add != nil {
		if err := b.db.add(); err != nil {
			return err
		}
	}
	return b.Batch.Delete(k)
}

func (b *faultyBatch) Write() error {
	b.db.other.Add(1)
	return b.Batch.Write()
}

func (b *faultyBatch) WriteSync() error {
	b.db.writes.Add(1)
	fault := writeWorks
	if b.db.write != nil {
		fault = b.db.write()
	}
	switch fault {
	case writeLost:
		return errInjected
	case writePersist:
		if err := b.Batch.WriteSync(); err != nil {
			return err
		}
		return errInjected
	case writeWorks:
	}
	return b.Batch.WriteSync()
}
