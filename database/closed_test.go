package database

import (
	"errors"
	"sync"
	"testing"

	dbm "github.com/cosmos/cosmos-db"
)

// TestAfterClose uses everything of a closed database. Pebble would panic.
func TestAfterClose(t *testing.T) {
	path := t.TempDir()
	db := open(t, path, Options{})
	fill(t, db, 0, 10)
	b := db.NewBatch()
	must(t, b.Set(key(1), value(1)))
	it, err := db.Iterator(nil, nil)
	must(t, err)
	if !it.Valid() {
		t.Fatal("no entry")
	}
	for range 2 {
		must(t, db.Close())
	}
	one := func(_ any, err error) error { return err }
	late := db.NewBatch()
	for name, err := range map[string]error{
		"Get": one(db.Get(key(1))), "Has": one(db.Has(key(1))),
		"Set": db.Set(key(1), value(1)), "SetSync": db.SetSync(key(1), value(1)),
		"Delete": db.Delete(key(1)), "DeleteSync": db.DeleteSync(key(1)),
		"Iterator": one(db.Iterator(nil, nil)), "ReverseIterator": one(db.ReverseIterator(nil, nil)),
		"Print":     db.Print(),
		"Batch.Set": b.Set(key(1), value(1)), "Batch.Delete": b.Delete(key(1)),
		"Batch.Write": b.Write(), "Batch.WriteSync": b.WriteSync(), "Batch.GetByteSize": one(b.GetByteSize()),
		"late Batch.Set": late.Set(key(1), value(1)), "late Batch.Write": late.Write(),
		"Iterator.Error": it.Error(),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if it.Valid() {
		t.Error("the iterator is valid")
	}
	it.Next() // who asked before cannot know
	if it.Key() != nil || it.Value() != nil {
		t.Error("the iterator has an entry")
	}
	must(t, errors.Join(it.Close(), it.Close(), b.Close(), late.Close()))
	if db.Stats() != nil {
		t.Error("there are measurements")
	}
	if n, err := prefix(open(t, path, Options{})); err != nil || n != 10 {
		t.Errorf("opened again: %d entries, %v", n, err)
	}
}

// TestEngineAfterClose: what CometBFT's routines read after an orderly stop is an
// answer; the rest is refused.
func TestEngineAfterClose(t *testing.T) {
	db, err := OpenEngine(t.TempDir(), Options{})
	must(t, err)
	must(t, db.SetSync(key(1), value(1)))
	must(t, db.Close())
	if v, err := db.Get(key(1)); v != nil || err != nil {
		t.Errorf("get: %q %v", v, err)
	}
	if there, err := db.Has(key(1)); there || err != nil {
		t.Errorf("has: %t %v", there, err)
	}
	if _, err := db.Get(nil); !errors.Is(err, ErrEmptyKey) {
		t.Errorf("get nothing: %v", err)
	}
	it, err := db.Iterator(nil, nil)
	if it != nil || !errors.Is(err, ErrClosed) {
		t.Errorf("iterator: %v %v", it, err)
	}
	for name, err := range map[string]error{
		"set": db.SetSync(key(1), value(1)), "batch": db.NewBatch().WriteSync(), "compact": db.Compact(nil, nil),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestConcurrent reads, writes, iterates and closes at once. Each call works or says
// that the database is closed.
func TestConcurrent(t *testing.T) {
	for range 5 {
		db := open(t, "db", Options{FS: memory(), MemTableBytes: 64 << 10})
		fill(t, db, 0, 300)
		var users sync.WaitGroup
		closing := make(chan struct{})
		check := func(err error) bool {
			if err != nil && !errors.Is(err, ErrClosed) {
				t.Error(err)
			}
			return err == nil
		}
		for worker := range 3 {
			users.Go(func() {
				for i := 0; ; i = (i + 1) % 300 {
					v, err := db.Get(key(i))
					if !check(err) {
						return
					}
					if string(v) != string(value(i)) {
						t.Errorf("entry %d is %q", i, v)
					}
				}
			})
			users.Go(func() {
				for i := 0; check(db.SetSync(key(1000+1000*worker+i%500), value(i))); i++ {
					if i == 100 && worker == 0 {
						close(closing)
					}
				}
			})
			users.Go(func() {
				for iterateAll(t, db, worker%2 == 0, check) {
				}
			})
		}
		<-closing
		must(t, db.Close())
		users.Wait()
	}
}

// iterateAll goes through a database and reports whether it may go on.
func iterateAll(t *testing.T, db dbm.DB, reverse bool, check func(error) bool) bool {
	f := db.Iterator
	if reverse {
		f = db.ReverseIterator
	}
	it, err := f(nil, nil)
	if !check(err) {
		return false
	}
	n := 0
	for ; it.Valid(); it.Next() {
		_, _ = it.Key(), it.Value()
		n++
	}
	err = it.Error()
	if check(err) && n < 300 {
		t.Errorf("%d entries", n)
	}
	return check(it.Close()) && err == nil
}
