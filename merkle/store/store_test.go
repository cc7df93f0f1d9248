package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand"
	"strings"
	"testing"

	dbm "github.com/cosmos/cosmos-db"
	"github.com/cosmos/ics23/go"
	"github.com/google/go-cmp/cmp"

	"hullmark/database"
	"hullmark/merkle"
	"hullmark/merkle/internal/reference"
	"hullmark/merkle/store"
)

func TestEmptyStore(t *testing.T) {
	h := newHarness(t, dbm.NewMemDB(), store.Options{})
	h.checkAll()
	for _, v := range []*store.View{h.view(0), h.s.Latest()} {
		if v.Version() != 0 {
			t.Errorf("version is %d", v.Version())
		}
		if diff := cmp.Diff(merkle.AppState{Log: merkle.EmptyLogHead()}, v.State()); diff != "" {
			t.Errorf("state (-want +got):\n%s", diff)
		}
		if _, ok, err := v.Get([]byte("a")); ok || err != nil {
			t.Errorf("get: %v, %v", ok, err)
		}
		value, proof, err := v.Prove([]byte("a"))
		if value != nil || err != nil || merkle.VerifyAbsence(merkle.Hash{}, []byte("a"), proof) != nil {
			t.Errorf("prove: %q, %x, %v", value, proof, err)
		}
		v.Close()
	}
	if n := len(dump(t, h.db)); n != 0 {
		t.Errorf("opening wrote %d entries", n)
	}
}

func TestRandomBlocks(t *testing.T) {
	for _, keep := range []uint64{0, 2, 3, 10} {
		for seed := range int64(3) {
			t.Run(fmt.Sprintf("keep=%d/seed=%d", keep, seed), func(t *testing.T) {
				r := rand.New(rand.NewSource(seed))
				// The cache is small enough to evict all the time.
				h := newHarness(t, dbm.NewMemDB(), store.Options{KeepRecent: keep, CacheBytes: 4000})
				h.commitAs(uint64(1+r.Intn(1000)), randomChanges(r, 0))
				for i := range 40 {
					h.commit(randomChanges(r, h.latest+1))
					if i%8 == 0 {
						h.checkAll()
					}
					if r.Intn(5) == 0 {
						h.open()
					}
				}
				h.checkAll()
			})
		}
	}
}

// TestOnDisk runs on the database that nodes use.
func TestOnDisk(t *testing.T) {
	dir := t.TempDir()
	open := func() dbm.DB {
		t.Helper()
		db, err := database.OpenLedger(dir, database.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return db
	}
	r := rand.New(rand.NewSource(1))
	h := newHarness(t, open(), store.Options{KeepRecent: 4})
	for range 12 {
		h.commit(randomChanges(r, h.latest+1))
	}
	h.checkAll()
	for range 2 {
		if err := h.db.Close(); err != nil {
			t.Fatal(err)
		}
		h.db = open()
		h.open()
		h.checkAll()
		h.commit(randomChanges(r, h.latest+1))
		h.checkAll()
	}
	if err := h.db.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestFirstVersion(t *testing.T) {
	for _, first := range []uint64{1, 2, 1_000_000, 1 << 40} {
		h := newHarness(t, dbm.NewMemDB(), store.Options{KeepRecent: 3})
		h.commitAs(first, store.Changes{Map: []merkle.Change{set("a", "1")}, Meta: []byte("m")})
		for _, version := range []uint64{0, 1, first - 1, first, first + 2} {
			if _, err := h.s.Stage(version, store.Changes{}); version != first+1 && !errors.Is(err, store.ErrInvalidChanges) {
				t.Errorf("first %d: staging %d: %v", first, version, err)
			}
		}
		for range 5 {
			h.commit(store.Changes{Meta: []byte("m")})
		}
		h.checkDisk()
		if got := h.s.Oldest(); got != first+3 {
			t.Errorf("first %d: oldest is %d", first, got)
		}
	}
}

// TestQuietBlocks checks that blocks without changes leave the app hash alone and
// write next to nothing.
func TestQuietBlocks(t *testing.T) {
	h := newHarness(t, dbm.NewMemDB(), store.Options{KeepRecent: 4})
	h.commit(store.Changes{Map: []merkle.Change{set("a", "1"), set("b", "2")}, Records: [][]byte{record(1)}, Meta: []byte("m")})
	want := h.s.Latest().State().AppHash()
	for range 10 {
		h.commit(store.Changes{Map: []merkle.Change{set("a", "1"), del("x")}, Meta: []byte("m")})
		v := h.s.Latest()
		if got := v.State().AppHash(); got != want {
			t.Fatalf("app hash of version %d is %v, want %v", v.Version(), got, want)
		}
		v.Close()
	}
	count := map[byte]int{}
	for k := range dump(t, h.db) {
		count[k[0]]++
	}
	// The view of the first version is still open.
	want2 := map[byte]int{'n': 1, 'v': 2, 'r': 11, 's': 10, 't': 1, 'e': 1, 'm': 1}
	if diff := cmp.Diff(want2, count); diff != "" {
		t.Errorf("entries by kind (-want +got):\n%s", diff)
	}
}

func TestStageRefuses(t *testing.T) {
	h := newHarness(t, dbm.NewMemDB(), store.Options{})
	h.commit(store.Changes{Meta: []byte("m")})
	long := func(n int) []byte { return bytes.Repeat([]byte{'x'}, n) }
	cases := []struct {
		name string
		c    store.Changes
		want error
	}{
		{"empty record", store.Changes{Records: [][]byte{nil}}, store.ErrInvalidChanges},
		{"record like a map leaf", store.Changes{Records: [][]byte{long(64)}}, store.ErrInvalidChanges},
		{"second record too long", store.Changes{Records: [][]byte{record(1), long(65_536)}}, store.ErrInvalidChanges},
		{"empty content", store.Changes{Contents: [][]byte{{}}}, store.ErrInvalidChanges},
		{"content too long", store.Changes{Contents: [][]byte{long(store.MaxContentSize + 1)}}, store.ErrInvalidChanges},
		{"meta too long", store.Changes{Meta: long(merkle.MaxMetaSize + 1)}, store.ErrInvalidChanges},
		{"extra too long", store.Changes{Extra: long(store.MaxExtraSize + 1)}, store.ErrInvalidChanges},
		{"empty key", store.Changes{Map: []merkle.Change{set("", "v")}}, merkle.ErrInvalidChange},
		{"empty value", store.Changes{Map: []merkle.Change{{Key: []byte("k"), Value: []byte{}}}}, merkle.ErrInvalidChange},
	}
	before := dump(t, h.db)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if _, err := h.s.Stage(2, c.c); !errors.Is(err, c.want) {
				t.Errorf("error is %v, want %v", err, c.want)
			}
		})
	}
	if diff := cmp.Diff(before, dump(t, h.db)); diff != "" {
		t.Errorf("staging wrote (-before +after):\n%s", diff)
	}
	h.commit(store.Changes{
		Map:      []merkle.Change{set(strings.Repeat("k", merkle.MaxKeySize), strings.Repeat("v", merkle.MaxValueSize))},
		Records:  [][]byte{long(65), long(65_535)},
		Contents: [][]byte{long(1), long(store.MaxContentSize)},
		Meta:     long(merkle.MaxMetaSize),
		Extra:    long(store.MaxExtraSize),
	})
	h.checkAll()
	h.open()
	h.checkAll()
}

// TestStageIsPure checks that staging has no effect, is repeatable, and that what
// was staged is void once something is committed.
func TestStageIsPure(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	h := newHarness(t, dbm.NewMemDB(), store.Options{KeepRecent: 3})
	for range 300 {
		// Enough records for partial tiles on two levels.
		h.commit(store.Changes{Records: [][]byte{record(int(h.latest))}, Map: randomChanges(r, 1).Map})
	}
	c := randomChanges(r, h.latest+1)
	c.Records = append(c.Records, record(1), record(2))
	before := dump(t, h.db)
	first := h.stage(h.latest+1, c)
	other := h.stage(h.latest+1, store.Changes{Map: []merkle.Change{set("other", "block")}, Records: [][]byte{record(7)}})
	second := h.stage(h.latest+1, c)
	if diff := cmp.Diff(before, dump(t, h.db)); diff != "" {
		t.Fatalf("staging wrote (-before +after):\n%s", diff)
	}
	h.checkAll()
	if diff := cmp.Diff(first.State(), second.State()); diff != "" {
		t.Errorf("staged again (-first +second):\n%s", diff)
	}
	// The same block staged elsewhere gives the same bytes.
	twin := newHarness(t, clone(t, h.db), store.Options{KeepRecent: 3})
	if err := twin.s.Commit(twin.stage(h.latest+1, c)); err != nil {
		t.Fatal(err)
	}
	if err := h.s.Commit(first); err != nil {
		t.Fatal(err)
	}
	h.committed(h.latest+1, c)
	if diff := cmp.Diff(dump(t, twin.db), dump(t, h.db)); diff != "" {
		t.Errorf("databases (-fresh +after discarded stages):\n%s", diff)
	}
	for name, st := range map[string]*store.Staged{"same": second, "other": other, "committed": first} {
		if err := h.s.Commit(st); !errors.Is(err, store.ErrStaleStage) {
			t.Errorf("committing the %s block: %v", name, err)
		}
	}
	if err := twin.s.Commit(h.stage(h.latest+1, c)); !errors.Is(err, store.ErrStaleStage) {
		t.Errorf("committing to another store: %v", err)
	}
	h.checkAll()
}

// TestCallerKeepsSlices checks that neither changes nor answers share memory with
// the store.
func TestCallerKeepsSlices(t *testing.T) {
	h := newHarness(t, dbm.NewMemDB(), store.Options{})
	build := func() store.Changes {
		return store.Changes{
			Map:      []merkle.Change{set("key", "value")},
			Records:  [][]byte{record(1)},
			Contents: [][]byte{[]byte("content")},
			Meta:     []byte("meta"),
			Extra:    []byte("extra"),
		}
	}
	c := build()
	st := h.stage(1, c)
	for _, b := range [][]byte{c.Map[0].Key, c.Map[0].Value, c.Records[0], c.Contents[0], c.Meta, c.Extra} {
		b[0] ^= 1
	}
	if err := h.s.Commit(st); err != nil {
		t.Fatal(err)
	}
	h.committed(1, build())
	h.checkAll()

	v := h.view(1)
	defer v.Close()
	value, _, err1 := v.Get([]byte("key"))
	proven, _, err2 := v.Prove([]byte("key"))
	rec, err3 := v.Record(0)
	content, err4 := v.Content(sha([]byte("content")))
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		t.Fatal(err)
	}
	for _, b := range [][]byte{value, proven, rec, content, v.Extra(), v.State().Meta} {
		b[0] ^= 1
	}
	h.checkAll()
}

// TestLogSizes reopens the log around the edges of tiles. One store grows through
// all sizes; at each it is opened again and goes on.
func TestLogSizes(t *testing.T) {
	sizes := []int{1, 2, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537}
	h := newHarness(t, dbm.NewMemDB(), store.Options{KeepRecent: 3})
	var all [][]byte
	heads := map[uint64]merkle.LogHead{}
	var compact merkle.CompactRange
	for _, size := range sizes {
		var c store.Changes
		for len(all) < size {
			b := record(len(all))
			all, c.Records = append(all, b), append(c.Records, b)
			if err := compact.Append(merkle.LeafHash(b)); err != nil {
				t.Fatal(err)
			}
		}
		st := h.stage(h.latest+1, c)
		if err := h.s.Commit(st); err != nil {
			t.Fatal(err)
		}
		h.latest++
		h.open()
		v := h.s.Latest()
		head := v.State().Log
		if head != compact.Head() {
			t.Fatalf("log head is %v, want %v", head, compact.Head())
		}
		heads[head.Size] = head
		for _, index := range []int{0, 1, 100, 254, 255, 256, 257, 511, 512, 65_279, 65_280, 65_534, 65_535, 65_536} {
			if index >= size {
				continue
			}
			proof, err := v.InclusionProof(uint64(index))
			if err != nil {
				t.Fatal(err)
			}
			if err := merkle.VerifyInclusion(merkle.LeafHash(all[index]), uint64(index), head, proof); err != nil {
				t.Fatalf("index %d, size %d: %v", index, size, err)
			}
		}
		for oldSize, old := range heads {
			proof, err := v.ConsistencyProof(oldSize)
			if err != nil {
				t.Fatal(err)
			}
			if err := merkle.VerifyConsistency(old, head, proof); err != nil {
				t.Fatalf("sizes %d and %d: %v", oldSize, size, err)
			}
		}
		v.Close()
	}
	h.checkDisk()
	count := 0
	for k := range dump(t, h.db) {
		if k[0] == 't' {
			count++
		}
	}
	// 256 full tiles and a partial one of leaves, a full and a partial above, one on top.
	if want := 257 + 1 + 1; count != want {
		t.Errorf("%d tiles, want %d", count, want)
	}
}

// TestAllLogSizes appends one record per version and proves every one of them at
// every version that is kept.
func TestAllLogSizes(t *testing.T) {
	h := newHarness(t, dbm.NewMemDB(), store.Options{})
	var leaves []merkle.Hash
	for i := range 300 {
		b := record(i)
		leaves = append(leaves, merkle.LeafHash(b))
		if err := h.s.Commit(h.stage(uint64(i+1), store.Changes{Records: [][]byte{b}})); err != nil {
			t.Fatal(err)
		}
	}
	for version := uint64(1); version <= 300; version++ {
		v := h.view(version)
		head := v.State().Log
		if head.Size != version {
			t.Fatalf("log of version %d has size %d", version, head.Size)
		}
		step := uint64(1)
		if version > 40 {
			step = 7
		}
		for index := uint64(0); index < version; index += step {
			proof, err := v.InclusionProof(index)
			if err != nil {
				t.Fatal(err)
			}
			if err := merkle.VerifyInclusion(leaves[index], index, head, proof); err != nil {
				t.Fatalf("index %d, version %d: %v", index, version, err)
			}
		}
		v.Close()
	}
	h.checkDisk()
}

// TestICS23AtOldVersions proves absence by neighbours that have changed since.
func TestICS23AtOldVersions(t *testing.T) {
	r := rand.New(rand.NewSource(2))
	h := newHarness(t, dbm.NewMemDB(), store.Options{})
	h.commit(store.Changes{Map: []merkle.Change{set("permanent", "1")}})
	for range 20 {
		h.commit(randomChanges(r, h.latest+1))
	}
	checks := 0
	for version := uint64(1); version <= h.latest; version++ {
		v := h.view(version)
		root := v.State().Map
		var sorted []reference.Entry
		if err := v.Walk(func(key, value []byte) error {
			sorted = append(sorted, reference.Entry{Key: string(key), Value: string(value)})
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		exist := func(e reference.Entry) *ics23.ExistenceProof {
			_, b, err := v.Prove([]byte(e.Key))
			if err != nil {
				t.Fatal(err)
			}
			p, err := merkle.DecodeMapProof(b)
			if err != nil {
				t.Fatal(err)
			}
			var siblings []reference.Hash
			for _, s := range p.Siblings {
				siblings = append(siblings, s)
			}
			return reference.ICS23Existence(e, siblings)
		}
		for i := range 60 {
			key := fmt.Sprintf("key %d", i)
			value, ok, err := v.Get([]byte(key))
			if err != nil {
				t.Fatal(err)
			}
			checks++
			if ok {
				c := &ics23.CommitmentProof{Proof: &ics23.CommitmentProof_Exist{Exist: exist(reference.Entry{Key: key, Value: string(value)})}}
				if !ics23.VerifyMembership(ics23.SmtSpec, root[:], c, []byte(key), value) {
					t.Fatalf("version %d: ics23 refuses the existence of %q", version, key)
				}
				continue
			}
			c := &ics23.CommitmentProof{Proof: &ics23.CommitmentProof_Nonexist{Nonexist: reference.ICS23Absence(sorted, key, exist)}}
			if !ics23.VerifyNonMembership(ics23.SmtSpec, root[:], c, []byte(key)) {
				t.Fatalf("version %d: ics23 refuses the absence of %q", version, key)
			}
		}
		v.Close()
	}
	if checks < 1000 {
		t.Errorf("only %d checks", checks)
	}
}

func TestClosedView(t *testing.T) {
	h := newHarness(t, dbm.NewMemDB(), store.Options{})
	h.commit(store.Changes{Map: []merkle.Change{set("a", "1")}, Records: [][]byte{record(1)}})
	v := h.view(1)
	v.Close()
	v.Close()
	_, _, err1 := v.Get([]byte("a"))
	_, _, err2 := v.Prove([]byte("a"))
	_, err3 := v.Record(0)
	_, err4 := v.InclusionProof(0)
	_, err5 := v.ConsistencyProof(0)
	_, err6 := v.Content([32]byte{})
	err7 := v.Walk(func(_, _ []byte) error { return nil })
	_, _, err8 := v.Leaf([]byte("a"))
	for i, err := range []error{err1, err2, err3, err4, err5, err6, err7, err8} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("call %d: %v", i+1, err)
		}
	}
}

func TestOpenRefusesOptions(t *testing.T) {
	if _, err := store.Open(dbm.NewMemDB(), store.Options{KeepRecent: 1}); err == nil {
		t.Error("a store that keeps one version opens")
	}
}

func TestCheckStopsWithContext(t *testing.T) {
	h := newHarness(t, dbm.NewMemDB(), store.Options{})
	h.commit(store.Changes{Map: []merkle.Change{set("a", "1")}})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := h.s.Check(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}

// FuzzStore reads four bytes per step: key, value (0 deletes), records to append
// and what to do then.
func FuzzStore(f *testing.F) {
	f.Add([]byte{1, 1, 1, 1, 2, 1, 0, 1, 1, 0, 3, 1, 2, 2, 0, 3, 2, 0, 1, 1})
	f.Add(bytes.Repeat([]byte{5, 1, 255, 1, 6, 1, 3, 3, 5, 0, 2, 1}, 3))
	f.Fuzz(func(t *testing.T, ops []byte) {
		h := newHarness(t, dbm.NewMemDB(), store.Options{KeepRecent: 3, CacheBytes: 2000})
		var c store.Changes
		n := 0
		for ; len(ops) >= 4 && h.latest < 20; ops = ops[4:] {
			key := fmt.Sprint(ops[0] % 32)
			if ops[1] == 0 {
				c.Map = append(c.Map, del(key))
			} else {
				c.Map = append(c.Map, set(key, fmt.Sprint(ops[1]%8)))
			}
			records := int(ops[2] % 4)
			if ops[2] == 255 && n < 600 {
				records = 256 // a whole tile
			}
			for range records {
				n++
				c.Records = append(c.Records, record(n))
			}
			switch ops[3] % 4 {
			case 0: // the block goes on
			case 1:
				h.commit(c)
				c = store.Changes{}
			case 2: // the block is staged, and staged again
				h.stage(h.latest+1, c)
			case 3: // the block is lost in a crash
				h.stage(h.latest+1, c)
				h.open()
				c = store.Changes{}
			}
		}
		h.commit(c)
		h.checkAll()
		h.open()
		h.checkAll()
	})
}
