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

	"hullmark/database"
	"hullmark/ledger"
	"hullmark/merkle/store"
)

func (h Home) databaseDir(name string) string { return filepath.Join(h.dataDir(), name+".db") }

// fresh reports whether a home has never been started.
func (h Home) fresh() bool {
	for _, name := range []string{ledgerDB, "blockstore", "state"} {
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
	db, err := f.home.openEngineReadOnly(name)
	if err != nil {
		f.found(what, err, advice)
		return false
	}
	defer func() { _ = db.Close() }()
	it, err := db.Iterator(nil, nil)
	if err != nil {
		f.found(what, fmt.Errorf("couldn't read %s: %w", f.home.databaseDir(name), err), advice)
		return false
	}
	defer func() { _ = it.Close() }()
	entries := 0
	for ; it.Valid() && f.ctx.Err() == nil; it.Next() {
		entries++
		// The index of the file leads to the entry as well.
		if v, err := db.Get(it.Key()); err != nil || !bytes.Equal(v, it.Value()) {
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

// openEngineReadOnly opens a database for looking at, as the engine's are read.
func (h Home) openEngineReadOnly(name string) (cmtdb.DB, error) {
	return database.OpenEngine(h.databaseDir(name), database.Options{ReadOnly: true})
}

// openLedgerReadOnly opens the ledger's database for looking at.
func (h Home) openLedgerReadOnly() (dbm.DB, error) {
	return database.OpenLedger(h.databaseDir(ledgerDB), database.Options{ReadOnly: true})
}

// checkLedger checks every hash and every record of the ledger.
func (f *fsck) checkLedger() error {
	f.progress("checking the ledger")
	db, err := f.home.openLedgerReadOnly()
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
