package database

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	dbm "github.com/cosmos/cosmos-db"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// newRand returns random numbers, and the seed to the log.
func newRand(t testing.TB) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// open opens the ledger's database in a directory and closes it after the test.
func open(t testing.TB, path string, o Options) dbm.DB {
	t.Helper()
	db, err := OpenLedger(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// key and value are the entries of these tests.
func key(i int) []byte { return fmt.Appendf(nil, "key%06d", i) }

func value(i int) []byte { return fmt.Appendf(nil, "value %d of some length, %064d", i, i*i) }

// fill writes the entries from first on, each in a synced batch of its own.
func fill(t testing.TB, db dbm.DB, first, n int) {
	t.Helper()
	for i := first; i < first+n; i++ {
		b := db.NewBatch()
		must(t, b.Set(key(i), value(i)))
		must(t, b.WriteSync())
		must(t, b.Close())
	}
}

// entries reads everything there is.
func entries(db dbm.DB) (map[string]string, error) {
	it, err := db.Iterator(nil, nil)
	if err != nil {
		return nil, err
	}
	out := make(map[string]string)
	for ; it.Valid(); it.Next() {
		out[string(it.Key())] = string(it.Value())
	}
	return out, errors.Join(it.Error(), it.Close())
}

// prefix returns how many of the entries from 0 on there are, and an error if there is
// anything else.
func prefix(db dbm.DB) (int, error) {
	all, err := entries(db)
	if err != nil {
		return 0, err
	}
	for i := range len(all) {
		got, err := db.Get(key(i))
		if err != nil {
			return 0, err
		}
		if all[string(key(i))] != string(value(i)) || string(got) != string(value(i)) {
			return 0, fmt.Errorf("entry %d of %d is %q and %q", i, len(all), all[string(key(i))], got)
		}
	}
	return len(all), nil
}

// clone copies a database's directory.
func clone(t testing.TB, dir string) string {
	t.Helper()
	out, err := os.MkdirTemp(t.TempDir(), "")
	must(t, err)
	must(t, os.CopyFS(out, os.DirFS(dir)))
	return out
}

// tree says what is in a directory, with sizes and times.
func tree(t testing.TB, dir string) map[string]string {
	t.Helper()
	out := make(map[string]string)
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		out[path] = fmt.Sprint(info.Size(), info.ModTime(), info.Mode())
		return nil
	}))
	return out
}

// memory returns a file system in memory that can lose power.
func memory() *vfs.MemFS { return vfs.NewCrashableMem() }
