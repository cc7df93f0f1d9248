package store_test

import (
	"errors"
	"testing"

	dbm "github.com/cosmos/cosmos-db"

	"hullmark/merkle/store"
)

// TestSuperseded follows one content through versions that store it and give it
// up, with three versions kept. The harness compares every kept version with what
// it needs, and the database with what all of them need together.
func TestSuperseded(t *testing.T) {
	content := []byte("a role file")
	stores := store.Changes{Contents: [][]byte{content}}
	supersedes := store.Changes{Superseded: [][32]byte{sha(content)}}
	both := store.Changes{Contents: [][]byte{content}, Superseded: [][32]byte{sha(content)}}
	twice := store.Changes{Superseded: [][32]byte{sha(content), sha(content)}}
	var nothing store.Changes
	for _, tc := range []struct {
		name  string
		steps []store.Changes
		there bool // in the latest version's view, after the last step
	}{
		{"kept for ever", []store.Changes{stores, nothing, nothing, nothing, nothing}, true},
		{"still readable", []store.Changes{stores, supersedes, nothing}, true},
		{"pruned", []store.Changes{stores, supersedes, nothing, nothing}, false},
		{"stored again while it is there", []store.Changes{stores, supersedes, stores, nothing, nothing, nothing}, true},
		{"stored again by the commit that prunes it", []store.Changes{stores, supersedes, nothing, stores, nothing, nothing, nothing}, true},
		{"stored again after it was pruned", []store.Changes{stores, supersedes, nothing, nothing, stores, nothing, nothing}, true},
		{"superseded again", []store.Changes{stores, supersedes, stores, supersedes, nothing, nothing}, false},
		{"superseded in two versions", []store.Changes{stores, supersedes, supersedes, nothing, nothing}, false},
		{"superseded twice in one version", []store.Changes{stores, twice, nothing, nothing}, false},
		{"superseded and stored in one version", []store.Changes{stores, both, nothing, nothing, nothing}, true},
		{"superseded before it is there", []store.Changes{nothing, supersedes, stores, nothing, nothing, nothing}, true},
		{"superseded by the first version", []store.Changes{supersedes, stores, nothing, nothing, nothing}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHarness(t, dbm.NewMemDB(), store.Options{KeepRecent: 3})
			for _, c := range tc.steps {
				h.commit(c)
				h.checkAll()
			}
			v := h.s.Latest()
			defer v.Close()
			_, err := v.Content(sha(content))
			if tc.there && err != nil || !tc.there && !errors.Is(err, store.ErrNotFound) {
				t.Errorf("content: %v", err)
			}
		})
	}
}

// TestSupersededWhileHeld checks that an open view keeps what its version needs,
// however many versions later.
func TestSupersededWhileHeld(t *testing.T) {
	content := []byte("a role file")
	h := newHarness(t, dbm.NewMemDB(), store.Options{KeepRecent: 2})
	h.commit(store.Changes{Contents: [][]byte{content}})
	v := h.view(1)
	h.commit(store.Changes{Superseded: [][32]byte{sha(content)}})
	for range 20 {
		h.commit(store.Changes{})
		h.checkView(v)
	}
	v.Close()
	for h.s.Oldest() != h.latest-1 {
		h.commit(store.Changes{})
	}
	h.checkAll()
	latest := h.s.Latest()
	defer latest.Close()
	if _, err := latest.Content(sha(content)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("content: %v", err)
	}
}

// TestArchiveKeepsSuperseded checks that a store without pruning keeps everything.
func TestArchiveKeepsSuperseded(t *testing.T) {
	content := []byte("a role file")
	h := newHarness(t, dbm.NewMemDB(), store.Options{})
	h.commit(store.Changes{Contents: [][]byte{content}})
	h.commit(store.Changes{Superseded: [][32]byte{sha(content)}})
	for range 10 {
		h.commit(store.Changes{})
	}
	h.checkAll()
	h.checkView(h.view(1))
}
