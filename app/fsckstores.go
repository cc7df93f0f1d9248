package app

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	cmtdb "github.com/cometbft/cometbft-db"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/syndtr/goleveldb/leveldb"
	"github.com/syndtr/goleveldb/leveldb/filter"
	"github.com/syndtr/goleveldb/leveldb/opt"

	"hullmark/ledger"
	"hullmark/merkle/store"
)

// readOnly is how databases are opened by those who only look: nothing is written,
// repaired or created. The filter is the one that cosmos-db writes.
func readOnly(strict opt.Strict) *opt.Options {
	return &opt.Options{ReadOnly: true, ErrorIfMissing: true, Strict: strict, Filter: filter.NewBloomFilter(10)}
}

func (h Home) databaseDir(name string) string { return filepath.Join(h.dataDir(), name+".db") }

// fresh reports whether a home has never been started.
func (h Home) fresh() bool {
	for _, name := range []string{"ledger", "blockstore", "state"} {
		if _, err := os.Lstat(h.databaseDir(name)); !errors.Is(err, fs.ErrNotExist) {
			return false
		}
	}
	return true
}

// checkDatabase reads every entry of a database, whose checksums cover every byte,
// and reports whether it can be read on.
func (f *fsck) checkDatabase(name, advice string) bool {
	what := name + " database"
	if f.home.fresh() {
		f.fine(what, "none yet; the node has not been started")
		return false
	}
	f.progress("reading the " + what)
	db, err := leveldb.OpenFile(f.home.databaseDir(name), readOnly(opt.StrictAll))
	if err != nil {
		// Strictly, a write that was cut off is damage like any other. The node
		// repairs that; so look again as it does.
		f.found(what, fmt.Errorf("couldn't open %s: %w", f.home.databaseDir(name), err), adviceStart)
		if db, err = leveldb.OpenFile(f.home.databaseDir(name), readOnly(opt.DefaultStrict)); err != nil {
			return false
		}
	}
	defer func() { _ = db.Close() }()
	entries := 0
	it := db.NewIterator(nil, nil)
	defer it.Release()
	for it.Next() && f.ctx.Err() == nil {
		entries++
		// The index of the file leads to the entry as well.
		if v, err := db.Get(it.Key(), nil); err != nil || !bytes.Equal(v, it.Value()) {
			f.found(what, fmt.Errorf("couldn't find entry %x again in %s: %w", it.Key(), f.home.databaseDir(name), errors.Join(err, store.ErrCorrupt)), advice)
			return false
		}
	}
	if err := it.Error(); err != nil {
		f.found(what, fmt.Errorf("couldn't read %s: %w", f.home.databaseDir(name), err), advice)
		return false
	}
	f.fine(what, "%d entries", entries)
	return true
}

// openEngineReadOnly opens one of the engine's databases for looking at.
func (h Home) openEngineReadOnly(name string) (cmtdb.DB, error) {
	return cmtdb.NewGoLevelDBWithOpts(name, h.dataDir(), readOnly(opt.DefaultStrict))
}

// checkLedger checks every hash and every record of the ledger.
func (f *fsck) checkLedger() error {
	f.progress("checking the ledger")
	db, err := dbm.NewGoLevelDBWithOpts("ledger", f.home.dataDir(), readOnly(opt.DefaultStrict))
	if err != nil {
		f.found("ledger", err, adviceResync)
		return nil
	}
	defer func() { _ = db.Close() }()
	st, err := store.Open(db, store.Options{})
	if err != nil {
		f.found("ledger", err, adviceResync)
		return nil
	}
	l, err := openLedger(f.genesis, st)
	if errors.Is(err, ErrOtherData) {
		f.found("ledger", err, adviceOther)
		return nil
	}
	if err != nil {
		f.found("ledger", err, adviceResync)
		return nil
	}
	if err := ledger.Check(l); err != nil {
		f.found("ledger", err, adviceResync)
		return nil
	}
	if err := f.heights.readLedger(l); err != nil {
		f.found("ledger", err, adviceResync)
		return nil
	}
	v := st.Latest()
	defer v.Close()
	f.fine("ledger", "height %d, %d records, provable from %d", l.Height(), v.State().Log.Size, l.Oldest())
	return f.ctx.Err()
}
