package store_test

import (
	"errors"
	"math/rand"
	"testing"

	dbm "github.com/cosmos/cosmos-db"
	"github.com/google/go-cmp/cmp"

	"hullmark/merkle/store"
)

// TestPast stages every version once more on the one before it.
func TestPast(t *testing.T) {
	r := rand.New(rand.NewSource(7))
	h := newHarness(t, dbm.NewMemDB(), store.Options{KeepRecent: 8})
	all := make(map[uint64]store.Changes)
	for range 20 {
		c := randomChanges(r, h.latest+1)
		// Enough records for tiles that grow, end and begin.
		for i := range 40 {
			c.Records = append(c.Records, record(int(h.latest)*100+i))
		}
		all[h.latest+1] = c
		h.commit(c)
	}
	before := dump(t, h.db)
	for version := uint64(0); version < h.latest; version++ {
		past, err := h.s.Past(version)
		if version != 0 && version < h.s.Oldest() {
			if !errors.Is(err, store.ErrPruned) {
				t.Errorf("version %d: %v, want ErrPruned", version, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		st, err := past.Stage(version+1, all[version+1])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(h.models[version+1].state(), st.State()); diff != "" {
			t.Errorf("version %d (-want +got):\n%s", version+1, diff)
		}
		if err := past.Commit(st); !errors.Is(err, store.ErrStaleStage) {
			t.Errorf("commit to the past: %v", err)
		}
	}
	if _, err := h.s.Past(h.latest + 1); !errors.Is(err, store.ErrFutureVersion) {
		t.Errorf("the future: %v", err)
	}
	if diff := cmp.Diff(before, dump(t, h.db)); diff != "" {
		t.Errorf("the database changed:\n%s", diff)
	}
	h.checkAll()
}

// TestBind: a database belongs to what its first version was made from, from that
// version on and not before.
func TestBind(t *testing.T) {
	one, other := store.Origin{1}, store.Origin{2}
	h := newHarness(t, dbm.NewMemDB(), store.Options{})
	bind := func(o store.Origin, want error) {
		t.Helper()
		if err := h.s.Bind(o); !errors.Is(err, want) {
			t.Errorf("origin %x: %v, want %v", o[:1], err, want)
		}
	}
	bind(other, nil)
	h.open()
	bind(one, nil)
	bind(one, nil)
	h.commit(store.Changes{})
	for range 2 {
		bind(one, nil)
		bind(other, store.ErrOtherOrigin)
		bind(store.Origin{}, store.ErrOtherOrigin)
		h.commit(store.Changes{})
		h.open()
	}
	bind(one, nil)
	h.checkAll()
}
