package app

import (
	"sync"

	cmtdb "github.com/cometbft/cometbft-db"
	cmtcfg "github.com/cometbft/cometbft/config"
	"github.com/syndtr/goleveldb/leveldb/opt"
)

// OpenEngineDB is the engine's database provider.
//
// CometBFT closes its databases while routines of its consensus reactor, one per
// peer, may still be asleep; what they read when they wake makes the process
// panic in the middle of an orderly stop. After Close these databases hold
// nothing, which those routines take for an answer and end.
func OpenEngineDB(c *cmtcfg.DBContext) (cmtdb.DB, error) { return openEngineDB(c, databaseFiles) }

// openEngineDB is OpenEngineDB for a database that keeps so many tables open.
func openEngineDB(c *cmtcfg.DBContext, tables int) (cmtdb.DB, error) {
	var db cmtdb.DB
	var err error
	if c.Config.DBBackend == string(cmtdb.GoLevelDBBackend) {
		db, err = cmtdb.NewGoLevelDBWithOpts(c.ID, c.Config.DBDir(), &opt.Options{OpenFilesCacheCapacity: tables})
	} else {
		db, err = cmtcfg.DefaultDBProvider(c)
	}
	if err != nil {
		return nil, err
	}
	return &engineDB{DB: db}, nil
}

type engineDB struct {
	cmtdb.DB
	mu     sync.RWMutex
	closed bool
}

// Get implements cmtdb.DB.
func (d *engineDB) Get(key []byte) ([]byte, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.closed {
		return nil, nil
	}
	return d.DB.Get(key)
}

// Has implements cmtdb.DB.
func (d *engineDB) Has(key []byte) (bool, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.closed {
		return false, nil
	}
	return d.DB.Has(key)
}

// Close implements cmtdb.DB. It waits for reads that have begun.
func (d *engineDB) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	return d.DB.Close()
}
