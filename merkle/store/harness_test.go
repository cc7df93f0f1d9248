package store_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand"
	"slices"
	"testing"

	dbm "github.com/cosmos/cosmos-db"
	"github.com/google/go-cmp/cmp"

	"hullmark/merkle"
	"hullmark/merkle/internal/reference"
	"hullmark/merkle/store"
)

// model is what a store should hold at one version, kept the obvious way.
type model struct {
	version  uint64
	entries  map[string]string
	records  [][]byte
	contents map[string]bool // needed in this version
	meta     []byte
	extra    []byte
	heads    []merkle.LogHead // of the log at every size up to its own, when asked for
}

// next returns the model after changes.
func (m *model) next(version uint64, c store.Changes) *model {
	n := &model{
		version:  version,
		entries:  make(map[string]string),
		records:  append(m.records[:len(m.records):len(m.records)], c.Records...),
		contents: make(map[string]bool),
		meta:     c.Meta,
		extra:    c.Extra,
	}
	for k, v := range m.entries {
		n.entries[k] = v
	}
	for content := range m.contents {
		if !slices.Contains(c.Superseded, sha([]byte(content))) {
			n.contents[content] = true
		}
	}
	for _, content := range c.Contents {
		n.contents[string(content)] = true
	}
	for _, ch := range c.Map {
		if ch.Value == nil {
			delete(n.entries, string(ch.Key))
		} else {
			n.entries[string(ch.Key)] = string(ch.Value)
		}
	}
	return n
}

func (m *model) leaves() []reference.Hash {
	var out []reference.Hash
	for _, r := range m.records {
		out = append(out, merkle.LeafHash(r))
	}
	return out
}

func (m *model) head() merkle.LogHead {
	return merkle.LogHead{Size: uint64(len(m.records)), Root: reference.LogRoot(m.leaves())}
}

// headAt returns the head the log had at a size.
func (m *model) headAt(t testing.TB, size uint64) merkle.LogHead {
	t.Helper()
	if m.heads == nil {
		var r merkle.CompactRange
		m.heads = append(m.heads, r.Head())
		for _, leaf := range m.leaves() {
			if err := r.Append(leaf); err != nil {
				t.Fatal(err)
			}
			m.heads = append(m.heads, r.Head())
		}
	}
	return m.heads[size]
}

func (m *model) state() merkle.AppState {
	return merkle.AppState{Log: m.head(), Map: reference.MapRoot(m.entries), Meta: m.meta}
}

// harness is a store with the model of every version it ever had.
type harness struct {
	testing.TB
	db     dbm.DB
	opts   store.Options
	s      *store.Store
	models map[uint64]*model
	latest uint64
	oldest uint64
}

func newHarness(t testing.TB, db dbm.DB, o store.Options) *harness {
	t.Helper()
	h := &harness{TB: t, db: db, opts: o, models: map[uint64]*model{0: {}}}
	h.open()
	return h
}

// open opens the store (again) from its database.
func (h *harness) open() {
	h.Helper()
	s, err := store.Open(h.db, h.opts)
	if err != nil {
		h.Fatal(err)
	}
	h.s = s
}

func (h *harness) stage(version uint64, c store.Changes) *store.Staged {
	h.Helper()
	st, err := h.s.Stage(version, c)
	if err != nil {
		h.Fatal(err)
	}
	return st
}

// commit makes changes as the next version, and checks its state.
func (h *harness) commit(c store.Changes) {
	h.Helper()
	h.commitAs(h.latest+1, c)
}

func (h *harness) commitAs(version uint64, c store.Changes) {
	h.Helper()
	st := h.stage(version, c)
	if err := h.s.Commit(st); err != nil {
		h.Fatal(err)
	}
	h.committed(version, c)
	if diff := cmp.Diff(h.models[version].state(), st.State()); diff != "" {
		h.Fatalf("state of version %d (-want +got):\n%s", version, diff)
	}
}

// committed notes that a version was committed.
func (h *harness) committed(version uint64, c store.Changes) {
	h.models[version] = h.models[h.latest].next(version, c)
	if h.latest == 0 {
		h.oldest = version
	}
	h.latest = version
}

// view opens a version.
func (h *harness) view(version uint64) *store.View {
	h.Helper()
	v, err := h.s.View(version)
	if err != nil {
		h.Fatal(err)
	}
	return v
}

// checkDisk lets the store check itself.
func (h *harness) checkDisk() {
	h.Helper()
	if err := h.s.Check(context.Background()); err != nil {
		h.Fatal(err)
	}
}

// checkAll compares everything the store says with the models: every version that
// must be there, and that others are not.
func (h *harness) checkAll() {
	h.Helper()
	if got := h.s.Version(); got != h.latest {
		h.Fatalf("version is %d, want %d", got, h.latest)
	}
	h.checkDisk()
	if h.latest == 0 {
		return
	}
	oldest := h.oldest
	if k := h.opts.KeepRecent; k > 0 && h.latest >= k {
		oldest = max(oldest, h.latest-k+1)
	}
	if got := h.s.Oldest(); got != oldest {
		h.Fatalf("oldest version is %d, want %d", got, oldest)
	}
	for version := uint64(0); version < oldest; version++ {
		if _, err := h.s.View(version); !errors.Is(err, store.ErrPruned) {
			h.Fatalf("view of version %d: %v", version, err)
		}
	}
	if _, err := h.s.View(h.latest + 1); !errors.Is(err, store.ErrFutureVersion) {
		h.Fatalf("view of version %d: %v", h.latest+1, err)
	}
	for version := oldest; version <= h.latest; version++ {
		v := h.view(version)
		h.checkView(v)
		v.Close()
	}
	h.checkContents(oldest)
}

// checkContents checks that every content some kept version needs is there, and
// no other: what was superseded goes with the last version that needed it.
func (h *harness) checkContents(oldest uint64) {
	h.Helper()
	want, got := make(map[string]bool), make(map[string]bool)
	for version := oldest; version <= h.latest; version++ {
		for content := range h.models[version].contents {
			want["b"+fmt.Sprintf("%x", sha([]byte(content)))] = true
		}
	}
	for key := range dump(h.TB, h.db) {
		if key[0] == 'b' {
			got[key] = true
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		h.Fatalf("contents of versions %d to %d (-want +got):\n%s", oldest, h.latest, diff)
	}
}

// checkView compares a view with the model of its version.
func (h *harness) checkView(v *store.View) {
	h.Helper()
	m := h.models[v.Version()]
	if diff := cmp.Diff(m.state(), v.State()); diff != "" {
		h.Fatalf("state of version %d (-want +got):\n%s", m.version, diff)
	}
	if !bytes.Equal(v.Extra(), m.extra) {
		h.Fatalf("extra of version %d is %q, want %q", m.version, v.Extra(), m.extra)
	}
	h.checkMap(v, m)
	h.checkLog(v, m)
	for c := range m.contents {
		got, err := v.Content(sha([]byte(c)))
		if err != nil || string(got) != c {
			h.Fatalf("content of version %d: %d bytes, %v", m.version, len(got), err)
		}
	}
	if _, err := v.Content([32]byte{1}); !errors.Is(err, store.ErrNotFound) {
		h.Fatalf("content nobody stored: %v", err)
	}
}

func (h *harness) checkMap(v *store.View, m *model) {
	h.Helper()
	root := v.State().Map
	var walked []reference.Entry
	err := v.Walk(func(key, value []byte) error {
		walked = append(walked, reference.Entry{Key: string(key), Value: string(value)})
		return nil
	})
	if err != nil {
		h.Fatal(err)
	}
	if diff := cmp.Diff(reference.Sorted(m.entries), walked); diff != "" {
		h.Fatalf("map of version %d (-want +got):\n%s", m.version, diff)
	}
	keys := []string{"nobody has this", "nor this"}
	for _, other := range h.models {
		for k := range other.entries {
			if len(keys) < 60 {
				keys = append(keys, k)
			}
		}
	}
	for _, k := range keys {
		want, exists := m.entries[k]
		got, ok, err := v.Get([]byte(k))
		if err != nil || ok != exists || string(got) != want {
			h.Fatalf("version %d has %q = %q, %v, %v; want %q", m.version, k, got, ok, err, want)
		}
		var named merkle.Hash
		if exists {
			named = merkle.MapLeafHash(merkle.KeyPath([]byte(k)), merkle.ValueHash([]byte(want)))
		}
		if leaf, ok, err := v.Leaf([]byte(k)); err != nil || ok != exists || leaf != named {
			h.Fatalf("version %d has %q in leaf %x, %v, %v; want %x", m.version, k, leaf, ok, err, named)
		}
		value, proof, err := v.Prove([]byte(k))
		if err != nil || string(value) != want {
			h.Fatalf("version %d proves %q = %q, %v; want %q", m.version, k, value, err, want)
		}
		if exists {
			err = merkle.VerifyExistence(root, []byte(k), value, proof)
		} else {
			err = merkle.VerifyAbsence(root, []byte(k), proof)
		}
		if err != nil || exists != (value != nil) {
			h.Fatalf("version %d, proof of %q: %v", m.version, k, err)
		}
	}
}

func (h *harness) checkLog(v *store.View, m *model) {
	h.Helper()
	head, size := v.State().Log, uint64(len(m.records))
	step := uint64(1)
	if size > 40 {
		step = size/40 + 1
	}
	for index := uint64(0); index < size; index += step {
		h.checkRecord(v, m, index)
		proof, err := v.ConsistencyProof(index)
		if err != nil {
			h.Fatal(err)
		}
		if err := merkle.VerifyConsistency(m.headAt(h, index), head, proof); err != nil {
			h.Fatalf("version %d, log of size %d: %v", m.version, index, err)
		}
	}
	if size > 0 {
		h.checkRecord(v, m, size-1)
	}
	if proof, err := v.ConsistencyProof(size); err != nil || len(proof) != 0 {
		h.Fatalf("version %d, log against itself: %v, %v", m.version, proof, err)
	}
	_, err1 := v.Record(size)
	_, err2 := v.InclusionProof(size)
	_, err3 := v.ConsistencyProof(size + 1)
	for i, err := range []error{err1, err2, err3} {
		if !errors.Is(err, merkle.ErrRange) {
			h.Fatalf("version %d, beyond the log, call %d: %v", m.version, i+1, err)
		}
	}
}

func (h *harness) checkRecord(v *store.View, m *model, index uint64) {
	h.Helper()
	got, err := v.Record(index)
	if err != nil || !bytes.Equal(got, m.records[index]) {
		h.Fatalf("version %d has record %d = %q, %v", m.version, index, got, err)
	}
	proof, err := v.InclusionProof(index)
	if err != nil {
		h.Fatal(err)
	}
	if err := merkle.VerifyInclusion(merkle.LeafHash(got), index, v.State().Log, proof); err != nil {
		h.Fatalf("version %d, record %d: %v", m.version, index, err)
	}
}

// dump returns everything in a database.
func dump(t testing.TB, db dbm.DB) map[string]string {
	t.Helper()
	out := make(map[string]string)
	it, err := db.Iterator(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := it.Close(); err != nil {
			t.Fatal(err)
		}
	}()
	for ; it.Valid(); it.Next() {
		out[fmt.Sprintf("%c%x", it.Key()[0], it.Key()[1:])] = fmt.Sprintf("%x", it.Value())
	}
	if err := it.Error(); err != nil {
		t.Fatal(err)
	}
	return out
}

// clone copies a database into memory.
func clone(t testing.TB, db dbm.DB) *dbm.MemDB {
	t.Helper()
	out := dbm.NewMemDB()
	it, err := db.Iterator(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for ; it.Valid(); it.Next() {
		if err := out.Set(bytes.Clone(it.Key()), bytes.Clone(it.Value())); err != nil {
			t.Fatal(err)
		}
	}
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
	return out
}

func set(key, value string) merkle.Change {
	return merkle.Change{Key: []byte(key), Value: []byte(value)}
}

func del(key string) merkle.Change { return merkle.Change{Key: []byte(key)} }

// record returns a log record of a length that is allowed.
func record(i int) []byte {
	return fmt.Appendf(nil, "a record for tests that is long enough to be no map leaf, number %08d", i)
}

// randomChanges returns the changes of a block: few keys, so that they collide.
func randomChanges(r *rand.Rand, version uint64) store.Changes {
	c := store.Changes{
		Meta:  []byte{1, byte(version / 8)},
		Extra: fmt.Appendf(nil, "extra of %d", version),
	}
	for range r.Intn(12) {
		key := fmt.Sprintf("key %d", r.Intn(50))
		if r.Intn(4) == 0 {
			c.Map = append(c.Map, del(key))
		} else {
			c.Map = append(c.Map, set(key, fmt.Sprintf("value %d", r.Intn(4))))
		}
	}
	for range r.Intn(5) {
		c.Records = append(c.Records, record(r.Intn(1_000_000)))
	}
	content := func() []byte { return fmt.Appendf(nil, "content %d", r.Intn(12)) }
	for range r.Intn(3) {
		c.Contents = append(c.Contents, content())
	}
	for range r.Intn(3) {
		c.Superseded = append(c.Superseded, sha(content()))
	}
	return c
}

func sha(b []byte) [32]byte { return sha256.Sum256(b) }
