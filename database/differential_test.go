package database

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	cmtdb "github.com/cometbft/cometbft-db"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/google/go-cmp/cmp"
)

// both is what the two interfaces share, so that one test serves both.
type both struct {
	get, has           func([]byte) string
	set, setSync       func(k, v []byte) error
	delete, deleteSync func([]byte) error
	batch              func() dbm.Batch
	iterate            func(start, end []byte, reverse bool) (dbm.Iterator, error)
}

func ofLedger(db dbm.DB) both {
	return both{
		get: answer(db.Get), has: answer(db.Has), set: db.Set, setSync: db.SetSync, delete: db.Delete, deleteSync: db.DeleteSync,
		batch: db.NewBatch,
		iterate: func(start, end []byte, reverse bool) (dbm.Iterator, error) {
			if reverse {
				return db.ReverseIterator(start, end)
			}
			return db.Iterator(start, end)
		},
	}
}

func ofEngine(db cmtdb.DB) both {
	return both{
		get: answer(db.Get), has: answer(db.Has), set: db.Set, setSync: db.SetSync, delete: db.Delete, deleteSync: db.DeleteSync,
		batch: func() dbm.Batch { return sized{db.NewBatch()} },
		iterate: func(start, end []byte, reverse bool) (dbm.Iterator, error) {
			if reverse {
				return db.ReverseIterator(start, end)
			}
			return db.Iterator(start, end)
		},
	}
}

// sized is a batch of the engine with the method that it lacks.
type sized struct{ cmtdb.Batch }

func (sized) GetByteSize() (int, error) { return 0, nil }

// answer makes a method's answer comparable: nil and empty are told apart, and errors
// are not compared by their text.
func answer[T any](f func([]byte) (T, error)) func([]byte) string {
	return func(k []byte) string {
		v, err := f(k)
		return fmt.Sprintf("%#v %t", v, err != nil)
	}
}

// randomKey returns one of few keys, so that operations meet; now and then nil or an
// empty one.
func randomKey(r *rand.Rand) []byte {
	switch r.IntN(25) {
	case 0:
		return nil
	case 1:
		return []byte{}
	}
	k := make([]byte, 1+r.IntN(3))
	for i := range k {
		k[i] = []byte{0, 1, 'a', 0xff}[r.IntN(4)]
	}
	return k
}

func randomValue(r *rand.Rand) []byte {
	switch r.IntN(10) {
	case 0:
		return nil
	case 1:
		return []byte{}
	}
	return fmt.Appendf(nil, "%d", r.IntN(1000))
}

// walk returns all that an iterator shows.
func walk(d both, start, end []byte, reverse bool, stop int) []string {
	it, err := d.iterate(start, end, reverse)
	if err != nil {
		if it != nil {
			return []string{"an iterator and an error"}
		}
		return []string{"error"}
	}
	from, to := it.Domain()
	out := []string{fmt.Sprintf("%#v %#v", from, to)}
	for ; it.Valid() && len(out) <= stop; it.Next() {
		out = append(out, fmt.Sprintf("%#v %#v", it.Key(), it.Value()))
	}
	out = append(out, fmt.Sprint(it.Valid(), it.Error()))
	if err := errors.Join(it.Close(), it.Close()); err != nil {
		out = append(out, err.Error())
	}
	return out
}

// step does the same random operation on each and compares what comes back.
func step(t *testing.T, r *rand.Rand, ours, theirs both) {
	t.Helper()
	k, v, end := randomKey(r), randomValue(r), randomKey(r)
	reverse, stop := r.IntN(2) == 0, r.IntN(60)
	seed := r.Uint64()
	operations := []func(both) any{
		func(d both) any { return d.get(k) },
		func(d both) any { return d.has(k) },
		func(d both) any { return d.set(k, v) != nil },
		func(d both) any { return d.setSync(k, v) != nil },
		func(d both) any { return d.delete(k) != nil },
		func(d both) any { return d.deleteSync(k) != nil },
		func(d both) any { return walk(d, k, end, reverse, stop) },
		func(d both) any { return walk(d, nil, end, reverse, stop) },
		func(d both) any { return walk(d, k, nil, reverse, stop) },
		func(d both) any { return batchOf(d, rand.New(rand.NewPCG(seed, 1))) },
	}
	o := operations[r.IntN(len(operations))]
	if diff := cmp.Diff(o(theirs), o(ours)); diff != "" {
		t.Fatalf("key %#v, value %#v, end %#v, reverse %t (-memory +ours):\n%s", k, v, end, reverse, diff)
	}
}

// batchOf fills a batch, writes it or not, and uses it afterwards.
func batchOf(d both, r *rand.Rand) (out []bool) {
	b := d.batch()
	note := func(err error) { out = append(out, err != nil) }
	for range r.IntN(12) {
		if r.IntN(3) == 0 {
			note(b.Delete(randomKey(r)))
		} else {
			note(b.Set(randomKey(r), randomValue(r)))
		}
	}
	switch r.IntN(4) {
	case 0:
		note(b.Write())
	case 1, 2:
		note(b.WriteSync())
	}
	if r.IntN(2) == 0 {
		note(b.Close())
		note(b.Set([]byte("k"), []byte("v")))
		note(b.Delete([]byte("k")))
		note(b.Write())
		note(b.WriteSync())
	}
	note(b.Close())
	note(b.Close())
	return out
}

// TestDifferential does the same on each interface and on the in-memory database of
// the module that the interface comes from.
func TestDifferential(t *testing.T) {
	const steps = 4000
	r := newRand(t)
	// Memtables so small that entries get into tables.
	o := Options{MemTableBytes: 64 << 10}
	run := func(t *testing.T, ours, theirs both, reopen func() both) {
		for i := range steps {
			step(t, r, ours, theirs)
			if i%500 == 499 {
				ours = reopen()
				if diff := cmp.Diff(walk(theirs, nil, nil, false, 1e6), walk(ours, nil, nil, false, 1e6)); diff != "" {
					t.Fatalf("after opening it again (-memory +ours):\n%s", diff)
				}
			}
		}
	}
	t.Run("ledger", func(t *testing.T) {
		path := t.TempDir()
		db := open(t, path, o)
		run(t, ofLedger(db), ofLedger(dbm.NewMemDB()), func() both {
			must(t, db.Close())
			db = open(t, path, o)
			return ofLedger(db)
		})
	})
	t.Run("engine", func(t *testing.T) {
		path := t.TempDir()
		db, err := OpenEngine(path, o)
		must(t, err)
		run(t, ofEngine(db), ofEngine(cmtdb.NewMemDB()), func() both {
			must(t, db.Compact(nil, nil))
			must(t, db.Close())
			db, err = OpenEngine(path, o)
			must(t, err)
			return ofEngine(db)
		})
		must(t, db.Close())
	})
}

// TestErrors: callers can tell what they did wrong.
func TestErrors(t *testing.T) {
	db := open(t, t.TempDir(), Options{})
	written := db.NewBatch()
	must(t, written.WriteSync())
	iterate := func(start, end []byte) error {
		it, err := db.ReverseIterator(start, end)
		if it != nil {
			t.Error("an iterator with an error")
		}
		return err
	}
	_, empty := db.Get(nil)
	_, size := written.GetByteSize()
	for name, tc := range map[string]struct{ got, want error }{
		"get":            {empty, ErrEmptyKey},
		"set":            {db.Set([]byte{}, []byte("v")), ErrEmptyKey},
		"nil value":      {db.SetSync([]byte("k"), nil), ErrNilValue},
		"delete":         {db.Delete(nil), ErrEmptyKey},
		"start":          {iterate([]byte{}, nil), ErrEmptyKey},
		"end":            {iterate(nil, []byte{}), ErrEmptyKey},
		"set of a batch": {db.NewBatch().Set([]byte("k"), nil), ErrNilValue},
		"written twice":  {written.Write(), ErrBatchClosed},
		"size":           {size, ErrBatchClosed},
	} {
		if !errors.Is(tc.got, tc.want) {
			t.Errorf("%s: %v, want %v", name, tc.got, tc.want)
		}
	}
}

// TestCopies: what was given and what was got may be changed.
func TestCopies(t *testing.T) {
	db := open(t, t.TempDir(), Options{})
	k, v := []byte("k"), []byte("v")
	b := db.NewBatch()
	must(t, b.Set(k, v))
	k[0], v[0] = 'x', 'x'
	must(t, b.Write())
	got, err := db.Get([]byte("k"))
	must(t, err)
	got[0] = 'y'
	it, err := db.Iterator(nil, nil)
	must(t, err)
	it.Key()[0], it.Value()[0] = 'z', 'z'
	if string(it.Key()) != "k" || string(it.Value()) != "v" {
		t.Errorf("the iterator has %s: %s", it.Key(), it.Value())
	}
	must(t, it.Close())
	if got, err := db.Get([]byte("k")); err != nil || string(got) != "v" {
		t.Errorf("got %s, %v", got, err)
	}
}

// TestIteratorIsOfItsTime: writes after an iterator was made are not in it.
func TestIteratorIsOfItsTime(t *testing.T) {
	db := open(t, t.TempDir(), Options{MemTableBytes: 64 << 10})
	fill(t, db, 0, 200)
	it, err := db.Iterator(nil, nil)
	must(t, err)
	for i := 200; i < 2000; i++ {
		must(t, db.Set(key(i), value(i)))
	}
	for i := range 200 {
		must(t, db.Delete(key(i)))
	}
	n := 0
	for ; it.Valid(); it.Next() {
		if string(it.Key()) != string(key(n)) || string(it.Value()) != string(value(n)) {
			t.Fatalf("entry %d is %s", n, it.Key())
		}
		n++
	}
	must(t, errors.Join(it.Error(), it.Close()))
	if n != 200 {
		t.Errorf("%d entries", n)
	}
}

// TestInvalidIterator: an iterator at no entry panics, as the interfaces say.
func TestInvalidIterator(t *testing.T) {
	db := open(t, t.TempDir(), Options{})
	it, err := db.Iterator(nil, nil)
	must(t, err)
	defer func() { _ = it.Close() }()
	for name, f := range map[string]func(){
		"Next": it.Next, "Key": func() { it.Key() }, "Value": func() { it.Value() },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("it did not panic")
				}
			}()
			f()
		})
	}
}
