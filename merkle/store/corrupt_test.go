package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	dbm "github.com/cosmos/cosmos-db"

	"hullmark/merkle"
	"hullmark/merkle/store"
)

// smallStore returns a store that has an entry of each kind.
func smallStore(t *testing.T) *harness {
	t.Helper()
	h := newHarness(t, dbm.NewMemDB(), store.Options{KeepRecent: 3, CacheBytes: -1})
	for i := range 6 {
		c := store.Changes{Meta: []byte{1, byte(i)}, Extra: []byte("extra")}
		for j := range 12 {
			if (i+j)%4 == 0 {
				c.Map = append(c.Map, set(fmt.Sprintf("key %d", j), fmt.Sprintf("value %d", i)))
			}
		}
		c.Records = [][]byte{record(i)}
		c.Contents = [][]byte{fmt.Appendf(nil, "content %d", i)}
		c.Superseded = [][32]byte{sha(fmt.Appendf(nil, "content %d", i-2))}
		h.commit(c)
	}
	h.checkAll()
	return h
}

// TestCorruptEntries spoils every entry of the database in turn. Opening or
// checking must find it, and no view may answer wrongly meanwhile.
func TestCorruptEntries(t *testing.T) {
	h := smallStore(t)
	spoils := []struct {
		name string
		do   func(b []byte) []byte // nil deletes
	}{
		{"deleted", func([]byte) []byte { return nil }},
		{"emptied", func([]byte) []byte { return []byte{} }},
		{"first bit", func(b []byte) []byte { b[0] ^= 0x80; return b }},
		{"last bit", func(b []byte) []byte { b[len(b)-1] ^= 1; return b }},
		{"middle bit", func(b []byte) []byte { b[len(b)/2] ^= 4; return b }},
		{"cut", func(b []byte) []byte { return b[:len(b)-1] }},
		{"extended", func(b []byte) []byte { return append(b, 0) }},
		{"doubled", func(b []byte) []byte { return append(b, b...) }},
	}
	kinds := map[byte]bool{}
	it, err := h.db.Iterator(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var keys, values [][]byte
	for ; it.Valid(); it.Next() {
		keys, values = append(keys, it.Key()), append(values, it.Value())
	}
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
	for i, key := range keys {
		kinds[key[0]] = true
		for _, s := range spoils {
			bad := s.do(bytes.Clone(values[i]))
			if key[0] == 'b' && bad == nil {
				continue // only the ledger knows that a content is missing
			}
			db := clone(t, h.db)
			if bad == nil {
				err = db.Delete(key)
			} else {
				err = db.Set(key, bad)
			}
			if err != nil {
				t.Fatal(err)
			}
			checkCorrupt(t, h, db, fmt.Sprintf("%c%x %s", key[0], key[1:], s.name))
		}
	}
	if len(kinds) != 8 {
		t.Errorf("only %d kinds of entries", len(kinds))
	}
}

func TestForeignEntries(t *testing.T) {
	h := smallStore(t)
	_, node := firstWith(t, h.db, 'n')
	_, value := firstWith(t, h.db, 'v')
	version := func(prefix byte, v byte) []byte { return []byte{prefix, 0, 0, 0, 0, 0, 0, 0, v} }
	for name, e := range map[string][2][]byte{
		"unknown prefix":               {[]byte("x"), []byte("y")},
		"node of an old version":       {append(version('n', 1), 0), node},
		"node with half a path":        {append(version('n', 6), 1, 0x55), node},
		"node with a long path":        {append(version('n', 6), 1, 0x50, 0), node},
		"node beyond the path":         {append(version('n', 6), 64), node},
		"value of an old version":      {append(version('v', 1), make([]byte, 32)...), value},
		"value with a short path":      {append(version('v', 6), 1), value},
		"version that is pruned":       {version('r', 1), []byte("y")},
		"version that is not there":    {version('r', 7), []byte("y")},
		"stale list of a pruned one":   {version('s', 4), []byte("y")},
		"stale list of the next":       {version('s', 7), []byte("y")},
		"record beyond the log":        {version('e', 6), record(1)},
		"tile beyond the log":          {append([]byte{'t', 0}, version(0, 1)[1:]...), make([]byte, 32)},
		"tile above the log":           {append([]byte{'t', 1}, version(0, 0)[1:]...), make([]byte, 32)},
		"tile with a short key":        {[]byte("t00"), make([]byte, 32)},
		"record with a long key":       {append(version('e', 0), 0), record(1)},
		"content under another digest": {append([]byte("b"), make([]byte, 32)...), []byte("y")},
		"second latest record":         {[]byte("mm"), []byte("y")},
	} {
		db := clone(t, h.db)
		if err := db.Set(e[0], e[1]); err != nil {
			t.Fatal(err)
		}
		checkCorrupt(t, h, db, name)
	}
}

// checkCorrupt checks that a spoilt database is found out.
func checkCorrupt(t *testing.T, h *harness, db dbm.DB, name string) {
	t.Helper()
	s, err := store.Open(db, h.opts)
	if err != nil {
		if !errors.Is(err, store.ErrCorrupt) && !errors.Is(err, store.ErrFormat) {
			t.Errorf("%s: open: %v", name, err)
		}
		return
	}
	if err := s.Check(context.Background()); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("%s: check: %v", name, err)
	}
	for version := s.Oldest(); version <= s.Version(); version++ {
		v, err := s.View(version)
		if err != nil {
			if !errors.Is(err, store.ErrCorrupt) {
				t.Errorf("%s: view: %v", name, err)
			}
			continue
		}
		checkNoLies(t, v, h.models[version], name)
		v.Close()
	}
}

// checkNoLies checks that every answer is right or an error.
func checkNoLies(t *testing.T, v *store.View, m *model, name string) {
	t.Helper()
	state := m.state()
	if v.State().AppHash() != state.AppHash() {
		t.Errorf("%s: version %d has another app hash", name, m.version)
	}
	fail := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("%s: version %d, %s: %v", name, m.version, what, err)
		}
	}
	for j := range 14 {
		key := fmt.Sprintf("key %d", j)
		want, exists := m.entries[key]
		got, ok, err := v.Get([]byte(key))
		if err != nil {
			fail("get "+key, err)
		} else if ok != exists || string(got) != want {
			t.Errorf("%s: version %d has %s = %q, %v; want %q", name, m.version, key, got, ok, want)
		}
		got, proof, err := v.Prove([]byte(key))
		if err != nil {
			fail("prove "+key, err)
			continue
		}
		if exists {
			err = merkle.VerifyExistence(state.Map, []byte(key), got, proof)
		} else {
			err = merkle.VerifyAbsence(state.Map, []byte(key), proof)
		}
		if err != nil || string(got) != want {
			t.Errorf("%s: version %d proves %s = %q, %v; want %q", name, m.version, key, got, err, want)
		}
	}
	for index := range state.Log.Size {
		proof, err := v.InclusionProof(index)
		if err != nil {
			fail("inclusion", err)
		} else if err := merkle.VerifyInclusion(merkle.LeafHash(m.records[index]), index, state.Log, proof); err != nil {
			t.Errorf("%s: version %d, record %d: %v", name, m.version, index, err)
		}
		if _, err := v.ConsistencyProof(index); err != nil {
			fail("consistency", err)
		}
	}
	for c := range m.contents {
		if got, err := v.Content(sha([]byte(c))); err != nil {
			fail("content", err)
		} else if string(got) != c {
			t.Errorf("%s: content is %q, want %q", name, got, c)
		}
	}
}

// firstWith returns the first entry of a kind.
func firstWith(t *testing.T, db dbm.DB, prefix byte) (key, value []byte) {
	t.Helper()
	it, err := db.Iterator([]byte{prefix}, []byte{prefix + 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := it.Close(); err != nil {
			t.Fatal(err)
		}
	}()
	if !it.Valid() {
		t.Fatalf("no entry with %c", prefix)
	}
	return it.Key(), it.Value()
}

// TestOpenRefusesCorrupt spoils what Open itself must look at.
func TestOpenRefusesCorrupt(t *testing.T) {
	h := newHarness(t, dbm.NewMemDB(), store.Options{})
	var c store.Changes
	for i := range 256 + 256*3 + 5 {
		c.Records = append(c.Records, record(i))
	}
	c.Map = []merkle.Change{set("a", "1"), set("b", "2")}
	h.commit(c)
	h.commit(store.Changes{})
	number := func(prefix byte, n byte) []byte { return []byte{prefix, 0, 0, 0, 0, 0, 0, 0, n} }
	tile := func(level, index byte) []byte { return append([]byte{'t', level}, number(0, index)[1:]...) }
	hash := bytes.Repeat([]byte{7}, merkle.HashSize)
	cases := []struct {
		name string
		key  []byte
		do   func(b []byte) []byte
		want error
	}{
		{"no latest record", []byte("m"), func([]byte) []byte { return nil }, store.ErrCorrupt},
		{"another format", []byte("m"), func(b []byte) []byte { b[0] = 3; return b }, store.ErrFormat},
		{"another app hash", []byte("m"), func(b []byte) []byte { b[1] ^= 1; return reseal(b) }, store.ErrCorrupt},
		{"oldest version above the latest", []byte("m"), func(b []byte) []byte { b[40] = 3; return reseal(b) }, store.ErrCorrupt},
		{"no oldest version", []byte("m"), func(b []byte) []byte { b[40] = 0; return reseal(b) }, store.ErrCorrupt},
		{"no record of the latest version", number('r', 2), func([]byte) []byte { return nil }, store.ErrCorrupt},
		{"no record of the oldest version", number('r', 1), func([]byte) []byte { return nil }, store.ErrCorrupt},
		{"another record of the latest version", number('r', 2), func(b []byte) []byte { b[50] ^= 1; return reseal(b) }, store.ErrCorrupt},
		{"record of another version", number('r', 1), func(b []byte) []byte { b[8] = 2; return reseal(b) }, store.ErrCorrupt},
		{"record of another format", number('r', 1), func(b []byte) []byte { b[0] = 3; return reseal(b) }, store.ErrCorrupt},
		{"edge tile too short", tile(0, 4), func(b []byte) []byte { return b[:4*32] }, store.ErrCorrupt},
		{"edge tile too long", tile(0, 4), func(b []byte) []byte { return append(b, hash...) }, store.ErrCorrupt},
		{"edge tile changed", tile(0, 4), func(b []byte) []byte { b[0] ^= 1; return b }, store.ErrCorrupt},
		{"upper edge tile too long", tile(1, 0), func(b []byte) []byte { return append(b, hash...) }, store.ErrCorrupt},
		{"upper edge tile changed", tile(1, 0), func(b []byte) []byte { b[99] ^= 1; return b }, store.ErrCorrupt},
		{"no edge tile", tile(0, 4), func([]byte) []byte { return nil }, store.ErrCorrupt},
		{"no root node", append(number('n', 1), 0), func([]byte) []byte { return nil }, store.ErrCorrupt},
		{"root node with another hash", append(number('n', 1), 0), func(b []byte) []byte { b[4] ^= 1; return reseal(b) }, store.ErrCorrupt},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			db := clone(t, h.db)
			b, err := db.Get(c.key)
			if err != nil || b == nil {
				t.Fatalf("no entry %x: %v", c.key, err)
			}
			if bad := c.do(bytes.Clone(b)); bad == nil {
				err = db.Delete(c.key)
			} else {
				err = db.Set(c.key, bad)
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := store.Open(db, h.opts); !errors.Is(err, c.want) {
				t.Errorf("open: %v, want %v", err, c.want)
			}
		})
	}
}

// reseal makes the checksum of a spoilt entry right again.
func reseal(b []byte) []byte {
	sum := sha(b[:len(b)-8])
	return append(b[:len(b)-8], sum[:8]...)
}
