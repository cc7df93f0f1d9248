package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"testing"

	dbm "github.com/cosmos/cosmos-db"
	"github.com/google/go-cmp/cmp"

	"hullmark/merkle"
	"hullmark/merkle/store"
)

// story is a fixed sequence of blocks that sets, deletes, appends and prunes.
func story() []store.Changes {
	r := rand.New(rand.NewSource(7))
	var blocks []store.Changes
	for i := range 14 {
		blocks = append(blocks, randomChanges(r, uint64(i)))
	}
	return blocks
}

var storyOptions = store.Options{KeepRecent: 3}

// undisturbed returns what the database holds after each block of the story.
func undisturbed(t *testing.T) []map[string]string {
	t.Helper()
	h := newHarness(t, dbm.NewMemDB(), storyOptions)
	out := []map[string]string{dump(t, h.db)}
	for _, c := range story() {
		h.commit(c)
		out = append(out, dump(t, h.db))
	}
	return out
}

func TestOneSyncedWritePerCommit(t *testing.T) {
	db := &faultyDB{DB: dbm.NewMemDB()}
	h := newHarness(t, db, storyOptions)
	for i, c := range story() {
		h.commit(c)
		if got := db.writes.Load(); got != int64(i+1) {
			t.Fatalf("%d writes after %d commits", got, i+1)
		}
	}
	h.checkAll()
	if got := db.other.Load(); got != 0 {
		t.Errorf("%d writes beside the batches", got)
	}
}

// TestCrashAtEveryWrite lets each write of the story fail, once losing the batch
// and once keeping it, and lets the process start again.
func TestCrashAtEveryWrite(t *testing.T) {
	want := undisturbed(t)
	for _, fault := range []struct {
		name string
		kind writeFault
	}{{"lost", writeLost}, {"persisted", writePersist}} {
		for at := range story() {
			t.Run(fmt.Sprintf("%s/%d", fault.name, at+1), func(t *testing.T) {
				db := &faultyDB{DB: dbm.NewMemDB()}
				h := newHarness(t, db, storyOptions)
				for i, c := range story() {
					version := uint64(i + 1)
					if i != at {
						h.commit(c)
						continue
					}
					st := h.stage(version, c)
					db.write = func() writeFault { return fault.kind }
					err := h.s.Commit(st)
					if !errors.Is(err, store.ErrFailed) || !errors.Is(err, errInjected) {
						t.Fatalf("commit: %v", err)
					}
					db.write = nil
					checkFailedStore(t, h, st)

					if fault.kind == writePersist {
						h.committed(version, c)
					}
					h.open()
					h.checkAll()
					if fault.kind == writeLost {
						again := h.stage(version, c)
						if diff := cmp.Diff(st.State(), again.State()); diff != "" {
							t.Fatalf("staged again (-before +after the crash):\n%s", diff)
						}
						h.commit(c)
					}
					if diff := cmp.Diff(want[version], dump(t, db)); diff != "" {
						t.Fatalf("database (-undisturbed +after the crash):\n%s", diff)
					}
				}
				h.checkAll()
				if diff := cmp.Diff(want[len(want)-1], dump(t, db)); diff != "" {
					t.Errorf("database in the end (-undisturbed +after the crash):\n%s", diff)
				}
			})
		}
	}
}

// checkFailedStore checks that a store whose write failed shows the version before
// and refuses to go on.
func checkFailedStore(t *testing.T, h *harness, st *store.Staged) {
	t.Helper()
	if got := h.s.Version(); got != h.latest {
		t.Fatalf("version is %d, want %d", got, h.latest)
	}
	v := h.s.Latest()
	defer v.Close()
	if diff := cmp.Diff(h.models[h.latest].state(), v.State()); diff != "" {
		t.Fatalf("state (-want +got):\n%s", diff)
	}
	h.checkMap(v, h.models[h.latest])
	if _, err := h.s.View(st.Version()); !errors.Is(err, store.ErrFutureVersion) {
		t.Fatalf("view of the failed version: %v", err)
	}
	if _, err := h.s.Stage(h.latest+1, store.Changes{}); !errors.Is(err, store.ErrFailed) {
		t.Fatalf("stage: %v", err)
	}
	if err := h.s.Commit(st); !errors.Is(err, store.ErrFailed) {
		t.Fatalf("commit again: %v", err)
	}
	if err := h.s.Check(context.Background()); !errors.Is(err, store.ErrFailed) {
		t.Fatalf("check: %v", err)
	}
}

// TestErrorsBeforeTheWrite lets each step of a commit fail that comes before the
// write: nothing may have happened, and the same commit may be tried again.
func TestErrorsBeforeTheWrite(t *testing.T) {
	want := undisturbed(t)
	db := &faultyDB{DB: dbm.NewMemDB()}
	h := newHarness(t, db, storyOptions)
	for i, c := range story() {
		version := uint64(i + 1)
		for fail := 1; ; fail++ {
			st := h.stage(version, c)
			n := 0
			step := func() error {
				if n++; n == fail {
					return errInjected
				}
				return nil
			}
			db.add = step
			db.get = func([]byte) error { return step() }
			err := h.s.Commit(st)
			db.add, db.get = nil, nil
			if err == nil {
				if n >= fail {
					t.Fatalf("version %d, step %d: the error is lost", version, fail)
				}
				break
			}
			if !errors.Is(err, errInjected) || errors.Is(err, store.ErrFailed) {
				t.Fatalf("version %d, step %d: %v", version, fail, err)
			}
			if diff := cmp.Diff(want[i], dump(t, db)); diff != "" {
				t.Fatalf("version %d, step %d: database (-before +after):\n%s", version, fail, diff)
			}
			if fail%10 == 1 {
				h.checkAll()
			}
		}
		h.committed(version, c)
		if diff := cmp.Diff(want[version], dump(t, db)); diff != "" {
			t.Fatalf("version %d (-undisturbed +got):\n%s", version, diff)
		}
	}
	h.checkAll()
}

// TestReadErrors lets each read of a fresh store fail, in staging, in views and in
// opening. An error may never look like an answer.
func TestReadErrors(t *testing.T) {
	db := &faultyDB{DB: dbm.NewMemDB()}
	opts := store.Options{KeepRecent: 3, CacheBytes: -1}
	h := newHarness(t, db, opts)
	for _, c := range story() {
		h.commit(c)
	}
	next := store.Changes{Map: []merkle.Change{set("key 1", "new"), del("key 2"), set("key 3", "new")}}
	m := h.models[h.latest]
	calls := map[string]func() error{
		"open":  func() error { _, err := store.Open(db, opts); return err },
		"stage": func() error { _, err := h.s.Stage(h.latest+1, next); return err },
		"check": func() error { return h.s.Check(context.Background()) },
		"view":  func() error { v, err := h.s.View(h.latest - 1); closeView(v); return err },
	}
	v := h.s.Latest()
	defer v.Close()
	for i := range 10 {
		key := fmt.Sprintf("key %d", i)
		want, exists := m.entries[key]
		calls["get "+key] = func() error {
			got, ok, err := v.Get([]byte(key))
			if err == nil && (ok != exists || string(got) != want) {
				t.Errorf("get %s: %q, %v", key, got, ok)
			}
			return err
		}
		calls["prove "+key] = func() error {
			got, _, err := v.Prove([]byte(key))
			if err == nil && string(got) != want {
				t.Errorf("prove %s: %q", key, got)
			}
			return err
		}
	}
	calls["walk"] = func() error { return v.Walk(func(_, _ []byte) error { return nil }) }
	calls["record"] = func() error { _, err := v.Record(0); return err }
	calls["inclusion"] = func() error { _, err := v.InclusionProof(0); return err }
	calls["consistency"] = func() error { _, err := v.ConsistencyProof(1); return err }
	for c := range m.contents {
		calls["content"] = func() error { _, err := v.Content(sha([]byte(c))); return err }
	}
	for name, call := range calls {
		reads := 0
		for fail := 1; ; fail++ {
			n := 0
			db.get = func([]byte) error {
				if n++; n == fail {
					return errInjected
				}
				return nil
			}
			err := call()
			db.get = nil
			if n < fail {
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				break
			}
			reads++
			if !errors.Is(err, errInjected) || errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: read %d fails, and the error is %v", name, fail, err)
			}
		}
		if reads == 0 {
			t.Errorf("%s: no read", name)
		}
	}
	h.checkAll()
}

func closeView(v *store.View) {
	if v != nil {
		v.Close()
	}
}
