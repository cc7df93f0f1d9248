package store_test

import (
	"errors"
	"fmt"
	"math/rand"
	"strings"
	"sync"
	"testing"

	dbm "github.com/cosmos/cosmos-db"

	"hullmark/merkle"
	"hullmark/merkle/store"
)

// TestHeldView keeps an old version open while the store moves on.
func TestHeldView(t *testing.T) {
	r := rand.New(rand.NewSource(3))
	h := newHarness(t, dbm.NewMemDB(), store.Options{KeepRecent: 3, CacheBytes: 2000})
	for range 5 {
		h.commit(randomChanges(r, h.latest+1))
	}
	v := h.view(4)
	second := h.view(4)
	for range 30 {
		h.commit(randomChanges(r, h.latest+1))
		h.checkView(v)
		if got := h.s.Oldest(); got != 4 {
			t.Fatalf("oldest version is %d while 4 is held", got)
		}
	}
	second.Close()
	h.commit(randomChanges(r, h.latest+1))
	h.checkView(v)
	between := h.view(20) // newer than the held one, so it is there too
	h.checkView(between)
	between.Close()
	h.checkDisk()
	v.Close()

	// The backlog goes in portions, a bounded number of versions per block.
	before, commits := h.s.Oldest(), 0
	for ; h.s.Oldest() < h.latest-2; commits++ {
		h.commit(randomChanges(r, h.latest+1))
		oldest := h.s.Oldest()
		if oldest <= before || oldest-before > 8 {
			t.Fatalf("one commit pruned from %d to %d", before, oldest)
		}
		before = oldest
		h.checkDisk()
	}
	if commits < 4 {
		t.Errorf("the backlog was gone after %d commits", commits)
	}
	h.checkAll()
}

// TestKeepRecentChanges turns pruning on, tightens and loosens it between runs.
func TestKeepRecentChanges(t *testing.T) {
	r := rand.New(rand.NewSource(4))
	h := newHarness(t, dbm.NewMemDB(), store.Options{})
	for range 20 {
		h.commit(randomChanges(r, h.latest+1))
	}
	h.checkAll()
	h.opts.KeepRecent = 2
	h.open()
	for range 6 {
		h.commit(randomChanges(r, h.latest+1))
	}
	h.checkAll()
	h.oldest = h.s.Oldest() // what is pruned does not come back
	h.opts.KeepRecent = 10
	h.open()
	for range 5 {
		h.commit(randomChanges(r, h.latest+1))
	}
	h.checkAll()
}

// TestPruneErrors checks that a stale list that can't be read, or is wrong, stops
// the commit before anything is deleted.
func TestPruneErrors(t *testing.T) {
	cases := []struct {
		name  string
		spoil func(db *dbm.MemDB, key []byte) error
	}{
		{"missing", func(db *dbm.MemDB, key []byte) error { return db.Delete(key) }},
		{"empty", func(db *dbm.MemDB, key []byte) error { return db.Set(key, []byte{}) }},
		{"one bit flipped", func(db *dbm.MemDB, key []byte) error {
			b, err := db.Get(key)
			if err != nil {
				return err
			}
			b = append([]byte(nil), b...)
			b[len(b)/2] ^= 1
			return db.Set(key, b)
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			db := dbm.NewMemDB()
			h := newHarness(t, db, store.Options{KeepRecent: 3})
			for i := range 5 {
				h.commit(store.Changes{Map: []merkle.Change{set("a", fmt.Sprint(i)), set("b", fmt.Sprint(i))}})
			}
			// The next commit gives up version 3, by the list of version 4.
			good, err := db.Get([]byte("s\x00\x00\x00\x00\x00\x00\x00\x04"))
			if err != nil || good == nil {
				t.Fatalf("stale list: %x, %v", good, err)
			}
			if err := c.spoil(db, []byte("s\x00\x00\x00\x00\x00\x00\x00\x04")); err != nil {
				t.Fatal(err)
			}
			before := dump(t, db)
			st := h.stage(6, store.Changes{})
			if err := h.s.Commit(st); !errors.Is(err, store.ErrCorrupt) {
				t.Fatalf("commit: %v", err)
			}
			if len(dump(t, db)) != len(before) {
				t.Fatal("the failed commit changed the database")
			}
			if err := db.Set([]byte("s\x00\x00\x00\x00\x00\x00\x00\x04"), good); err != nil {
				t.Fatal(err)
			}
			h.checkAll()
			h.commit(store.Changes{})
			h.checkAll()
		})
	}
}

// TestReadersBesideCommits reads all the time while versions come and go. Run with
// -race, it also looks for unguarded memory.
func TestReadersBesideCommits(t *testing.T) {
	const versions, readers = 60, 4
	r := rand.New(rand.NewSource(5))
	var blocks []store.Changes
	quiet := newHarness(t, dbm.NewMemDB(), store.Options{KeepRecent: 5, CacheBytes: 3000})
	hashes := make([]merkle.Hash, versions+1)
	for version := 1; version <= versions; version++ {
		c := randomChanges(r, uint64(version))
		blocks = append(blocks, c)
		quiet.commit(c)
		hashes[version] = quiet.models[quiet.latest].state().AppHash()
	}

	s, err := store.Open(dbm.NewMemDB(), store.Options{KeepRecent: 5, CacheBytes: 3000})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	for i := range readers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			r := rand.New(rand.NewSource(int64(i)))
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := readOnce(s, r, hashes); err != nil {
					t.Error(err)
					return
				}
			}
		}()
	}
	for i, c := range blocks {
		st, err := s.Stage(uint64(i+1), c)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Commit(st); err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	wg.Wait()
	v := s.Latest()
	defer v.Close()
	if got := v.State().AppHash(); got != hashes[versions] {
		t.Errorf("app hash is %v, without readers %v", got, hashes[versions])
	}
}

// readOnce opens some version and checks what it reads.
func readOnce(s *store.Store, r *rand.Rand, hashes []merkle.Hash) error {
	v := s.Latest()
	if back := uint64(r.Intn(8)); r.Intn(2) == 0 && back < v.Version() {
		older, err := s.View(v.Version() - back)
		v.Close()
		if errors.Is(err, store.ErrPruned) {
			return nil
		}
		if err != nil {
			return err
		}
		v = older
	}
	defer v.Close()
	version, state := v.Version(), v.State()
	if version == 0 {
		return nil
	}
	if state.AppHash() != hashes[version] {
		return fmt.Errorf("app hash of version %d differs", version)
	}
	if want := fmt.Sprintf("extra of %d", version); !strings.HasPrefix(want, string(v.Extra())) {
		return fmt.Errorf("extra of version %d is %q", version, v.Extra())
	}
	for range 5 {
		key := fmt.Appendf(nil, "key %d", r.Intn(50))
		value, proof, err := v.Prove(key)
		if err != nil {
			return fmt.Errorf("version %d: %w", version, err)
		}
		if value == nil {
			err = merkle.VerifyAbsence(state.Map, key, proof)
		} else {
			err = merkle.VerifyExistence(state.Map, key, value, proof)
		}
		if err != nil {
			return fmt.Errorf("version %d, %s: %w", version, key, err)
		}
	}
	if size := state.Log.Size; size > 0 {
		index := uint64(r.Int63n(int64(size)))
		b, err := v.Record(index)
		if err != nil {
			return err
		}
		proof, err := v.InclusionProof(index)
		if err != nil {
			return err
		}
		if err := merkle.VerifyInclusion(merkle.LeafHash(b), index, state.Log, proof); err != nil {
			return fmt.Errorf("version %d, record %d: %w", version, index, err)
		}
		if _, err := v.ConsistencyProof(index); err != nil {
			return err
		}
	}
	return nil
}

// TestViewsDuringTheWrite opens views at the moment a batch that prunes is being
// written: what it deletes is closed, everything else is open, and the new version
// is not there yet. If the write fails nobody knows what it deleted.
func TestViewsDuringTheWrite(t *testing.T) {
	for _, fault := range []writeFault{writeWorks, writeLost} {
		db := &faultyDB{DB: dbm.NewMemDB()}
		r := rand.New(rand.NewSource(6))
		h := newHarness(t, db, store.Options{KeepRecent: 3})
		for range 5 {
			h.commit(randomChanges(r, h.latest+1))
		}
		views := func() {
			for version, want := range map[uint64]error{2: store.ErrPruned, 3: store.ErrPruned, 4: nil, 5: nil, 6: store.ErrFutureVersion} {
				v, err := h.s.View(version)
				if !errors.Is(err, want) {
					t.Errorf("view of version %d: %v, want %v", version, err, want)
				}
				if err == nil {
					h.checkView(v)
					v.Close()
				}
			}
		}
		db.write = func() writeFault {
			views()
			return fault
		}
		err := h.s.Commit(h.stage(6, store.Changes{}))
		if (err == nil) != (fault == writeWorks) {
			t.Fatalf("commit: %v", err)
		}
		if fault == writeLost {
			views()
		}
	}
}

// TestFailedViewHoldsNothing checks that a version whose record can't be read does
// not stay held.
func TestFailedViewHoldsNothing(t *testing.T) {
	db := &faultyDB{DB: dbm.NewMemDB()}
	h := newHarness(t, db, store.Options{KeepRecent: 3})
	for range 3 {
		h.commit(store.Changes{})
	}
	db.get = func([]byte) error { return errInjected }
	if _, err := h.s.View(1); !errors.Is(err, errInjected) {
		t.Fatalf("view: %v", err)
	}
	db.get = nil
	for range 3 {
		h.commit(store.Changes{})
	}
	h.checkAll()
}
