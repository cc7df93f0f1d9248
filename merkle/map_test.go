package merkle_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/cosmos/ics23/go"
	"github.com/google/go-cmp/cmp"

	"hullmark/merkle"
	"hullmark/merkle/internal/reference"
)

// checkProofs proves each key of the map, and some that are not there, and
// compares everything with the reference and with ics23.
func checkProofs(t *testing.T, m *memMap, want map[string]string, absent []string) {
	t.Helper()
	root := m.root.Hash
	sorted := reference.Sorted(want)
	exist := func(e reference.Entry) *ics23.ExistenceProof {
		_, proof := m.prove(e.Key)
		p, err := merkle.DecodeMapProof(proof)
		if err != nil {
			t.Fatal(err)
		}
		return reference.ICS23Existence(e, plain(p.Siblings))
	}
	check := func(key string) {
		t.Helper()
		value, proof := m.prove(key)
		if value != want[key] {
			t.Fatalf("value of %q is %q, want %q", key, value, want[key])
		}
		p, err := merkle.DecodeMapProof(proof)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(p.Encode(), proof) {
			t.Fatalf("proof of %q changes when it is encoded again", key)
		}
		siblings, at := reference.MapSiblings(want, merkle.KeyPath([]byte(key)))
		if diff := cmp.Diff(siblings, plain(p.Siblings)); diff != "" {
			t.Fatalf("siblings of %q (-reference +own):\n%s", key, diff)
		}
		if wantForeign := at != nil && at.Key != key; wantForeign != (p.Foreign != nil) {
			t.Fatalf("proof of %q: foreign leaf is %v, want %v", key, p.Foreign != nil, wantForeign)
		}
		existErr := merkle.VerifyExistence(root, []byte(key), []byte(want[key]), proof)
		absentErr := merkle.VerifyAbsence(root, []byte(key), proof)
		if want[key] != "" {
			if existErr != nil || absentErr == nil {
				t.Fatalf("existence of %q: existence %v, absence %v", key, existErr, absentErr)
			}
			if err := merkle.VerifyExistence(root, []byte(key), []byte(want[key]+"!"), proof); !errors.Is(err, merkle.ErrMismatch) {
				t.Fatalf("existence of %q with another value: %v", key, err)
			}
			e := exist(reference.Entry{Key: key, Value: value})
			c := &ics23.CommitmentProof{Proof: &ics23.CommitmentProof_Exist{Exist: e}}
			if !ics23.VerifyMembership(ics23.SmtSpec, root[:], c, []byte(key), []byte(value)) {
				t.Fatalf("ics23 refuses the existence of %q", key)
			}
			return
		}
		if absentErr != nil || existErr == nil {
			t.Fatalf("absence of %q: existence %v, absence %v", key, existErr, absentErr)
		}
		if err := merkle.VerifyExistence(root, []byte(key), []byte("value"), proof); err == nil {
			t.Fatalf("absence of %q verifies as existence", key)
		}
		if len(want) == 0 {
			return // ics23 can't say that a key is absent from the empty map
		}
		n := reference.ICS23Absence(sorted, key, exist)
		c := &ics23.CommitmentProof{Proof: &ics23.CommitmentProof_Nonexist{Nonexist: n}}
		if !ics23.VerifyNonMembership(ics23.SmtSpec, root[:], c, []byte(key)) {
			t.Fatalf("ics23 refuses the absence of %q", key)
		}
	}
	for _, e := range sorted {
		check(e.Key)
	}
	for _, key := range absent {
		check(key)
	}
}

func plain(hs []merkle.Hash) []reference.Hash {
	var out []reference.Hash
	for _, h := range hs {
		out = append(out, h)
	}
	return out
}

func TestMapAgainstReference(t *testing.T) {
	var absent []string
	for i := range 20 {
		absent = append(absent, fmt.Sprintf("absent %d", i))
	}
	for seed := range int64(12) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			r := rand.New(rand.NewSource(seed))
			m, want := newMemMap(t), map[string]string{}
			for round := range 12 {
				var changes []merkle.Change
				for range r.Intn(40) {
					// Few keys, so that all of set, set again, delete and delete again
					// happen, within one round and across them.
					key := fmt.Sprintf("key %d", r.Intn(60))
					if r.Intn(3) == 0 {
						changes = append(changes, del(key))
						delete(want, key)
					} else {
						value := fmt.Sprintf("value %d", r.Intn(3))
						changes = append(changes, set(key, value))
						want[key] = value
					}
				}
				if round == 10 {
					for key := range want {
						changes = append(changes, del(key))
					}
					want = map[string]string{}
				}
				m.apply(changes...)
				if diff := cmp.Diff(want, m.contents()); diff != "" {
					t.Fatalf("contents (-want +got):\n%s", diff)
				}
				if root := merkle.Hash(reference.MapRoot(want)); m.root.Hash != root {
					t.Fatalf("root is %v, want %v", m.root.Hash, root)
				}
				checkProofs(t, m, want, absent)
			}
		})
	}
}

// TestMapShapeIsHistoryFree checks that nodes depend on what the map holds and
// not on how it came about, versions aside.
func TestMapShapeIsHistoryFree(t *testing.T) {
	var all []merkle.Change
	for i := range 300 {
		all = append(all, set(fmt.Sprintf("key %d", i), fmt.Sprintf("value %d", i)))
	}
	once := newMemMap(t)
	once.apply(all...)
	for seed := range int64(5) {
		r := rand.New(rand.NewSource(seed))
		m := newMemMap(t)
		// More keys than in the end, then in random portions.
		for i := range 100 {
			m.apply(set(fmt.Sprintf("gone %d", i), "value"))
		}
		left := slices.Clone(all)
		r.Shuffle(len(left), func(i, j int) { left[i], left[j] = left[j], left[i] })
		for len(left) > 0 {
			n := min(len(left), 1+r.Intn(30))
			m.apply(left[:n]...)
			left = left[n:]
		}
		for i := range 100 {
			m.apply(del(fmt.Sprintf("gone %d", i)))
		}
		if m.root.Hash != once.root.Hash {
			t.Errorf("seed %d: root is %v, want %v", seed, m.root.Hash, once.root.Hash)
		}
		if len(m.nodes) != len(once.nodes) {
			t.Errorf("seed %d: %d nodes, want %d", seed, len(m.nodes), len(once.nodes))
		}
		if diff := cmp.Diff(once.contents(), m.contents()); diff != "" {
			t.Errorf("seed %d: contents (-want +got):\n%s", seed, diff)
		}
	}
}

// TestMapDeepPaths uses keys whose paths share many bits, found by search, so that
// leaves lie several nodes down.
func TestMapDeepPaths(t *testing.T) {
	target := merkle.KeyPath([]byte("deep"))
	m, want := newMemMap(t), map[string]string{"deep": "1"}
	m.apply(set("deep", "1"))
	for i, found := 0, 0; found < 6; i++ {
		key := fmt.Sprintf("near %d", i)
		if p := merkle.KeyPath([]byte(key)); p[0] == target[0] && p[1]>>6 == target[1]>>6 {
			found++
			want[key] = "1"
			m.apply(set(key, "1"))
			checkProofs(t, m, want, []string{"absent"})
		}
	}
	for key := range want {
		m.apply(del(key))
		delete(want, key)
		m.contents()
		checkProofs(t, m, want, []string{key})
	}
	if m.root != (merkle.MapRef{}) || len(m.nodes) != 0 {
		t.Errorf("map is not empty: %v", m.root)
	}
}

func TestUpdateMapWithoutEffect(t *testing.T) {
	cases := []struct {
		name    string
		changes []merkle.Change
	}{
		{"no change", nil},
		{"same value", []merkle.Change{set("a", "1"), set("c", "3")}},
		{"absent key deleted", []merkle.Change{del("x"), del("y"), del("z")}},
		{"set and set back", []merkle.Change{set("a", "9"), set("a", "1")}},
		{"set and deleted", []merkle.Change{set("x", "9"), del("x")}},
		{"deleted and set back", []merkle.Change{del("a"), set("a", "1")}},
	}
	for _, size := range []int{1, 3, 40} {
		for _, c := range cases {
			t.Run(fmt.Sprintf("%d keys/%s", size, c.name), func(t *testing.T) {
				m := newMemMap(t)
				initial := []merkle.Change{set("a", "1")}
				if size > 1 {
					initial = append(initial, set("b", "2"), set("c", "3"))
				}
				for i := len(initial); i < size; i++ {
					initial = append(initial, set(fmt.Sprint(i), "value"))
				}
				changes := c.changes
				if size == 1 && c.name == "same value" {
					changes = changes[:1]
				}
				m.apply(initial...)
				before := m.root
				u := m.apply(changes...)
				want := &merkle.MapUpdate{Root: before}
				if diff := cmp.Diff(want, u); diff != "" {
					t.Errorf("update (-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestUpdateMapRefuses(t *testing.T) {
	m := newMemMap(t)
	m.apply(set("a", "1"), set("b", "2"))
	m.apply(set("b", "3"))
	cases := []struct {
		name    string
		version uint64
		change  merkle.Change
	}{
		{"empty key", 3, merkle.Change{Value: []byte("v")}},
		{"long key", 3, set(strings.Repeat("k", merkle.MaxKeySize+1), "v")},
		{"empty value", 3, merkle.Change{Key: []byte("k"), Value: []byte{}}},
		{"long value", 3, set("k", strings.Repeat("v", merkle.MaxValueSize+1))},
		{"version zero", 0, set("k", "v")},
		{"version of the root", 2, set("k", "v")},
		{"version before the root", 1, set("k", "v")},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := merkle.UpdateMap(m, m.root, c.version, []merkle.Change{c.change})
			if !errors.Is(err, merkle.ErrInvalidChange) {
				t.Errorf("error is %v", err)
			}
		})
	}
	limits := []merkle.Change{
		set(strings.Repeat("k", merkle.MaxKeySize), strings.Repeat("v", merkle.MaxValueSize)),
	}
	if _, err := merkle.UpdateMap(m, m.root, 3, limits); err != nil {
		t.Errorf("change at the limits: %v", err)
	}
}

func TestReadErrorIsNotAbsence(t *testing.T) {
	m := newMemMap(t)
	for i := range 50 {
		m.apply(set(fmt.Sprint(i), "value"))
	}
	m.failing = true
	path := merkle.KeyPath([]byte("absent"))
	_, err1 := merkle.FindLeaf(m, m.root, path)
	_, _, err2 := merkle.FindSiblings(m, m.root, path)
	_, err3 := merkle.UpdateMap(m, m.root, 99, []merkle.Change{set("absent", "v")})
	err4 := merkle.WalkLeaves(m, m.root, func(merkle.MapRef) error { return nil })
	for i, err := range []error{err1, err2, err3, err4} {
		if !errors.Is(err, errRead) {
			t.Errorf("error %d is %v", i+1, err)
		}
	}
}

func TestMapRefEncoding(t *testing.T) {
	h, p := merkle.LeafHash(nil), merkle.KeyPath(nil)
	good := []merkle.MapRef{
		{},
		{Kind: merkle.RefLeaf, Version: 7, Hash: h, Path: p},
		{Kind: merkle.RefLeaf, Version: 1, Hash: h},
		{Kind: merkle.RefInner, Version: 1 << 63, Hash: h},
	}
	for _, r := range good {
		got, err := merkle.DecodeMapRef(r.Encode())
		if err != nil || got != r {
			t.Errorf("%v comes back as %v, %v", r, got, err)
		}
	}
	bad := map[string][]byte{
		"nothing":            nil,
		"too short":          good[1].Encode()[:merkle.MapRefSize-1],
		"too long":           append(good[1].Encode(), 0),
		"unknown kind":       merkle.MapRef{Kind: 3, Version: 1, Hash: h}.Encode(),
		"empty with version": merkle.MapRef{Version: 1}.Encode(),
		"empty with hash":    merkle.MapRef{Hash: h}.Encode(),
		"empty with path":    merkle.MapRef{Path: p}.Encode(),
		"leaf of version 0":  merkle.MapRef{Kind: merkle.RefLeaf, Hash: h, Path: p}.Encode(),
		"leaf without hash":  merkle.MapRef{Kind: merkle.RefLeaf, Version: 1, Path: p}.Encode(),
		"node of version 0":  merkle.MapRef{Kind: merkle.RefInner, Hash: h}.Encode(),
		"node without hash":  merkle.MapRef{Kind: merkle.RefInner, Version: 1}.Encode(),
		"node with path":     merkle.MapRef{Kind: merkle.RefInner, Version: 1, Hash: h, Path: p}.Encode(),
	}
	for name, b := range bad {
		if _, err := merkle.DecodeMapRef(b); !errors.Is(err, merkle.ErrMalformed) {
			t.Errorf("%s: error is %v", name, err)
		}
	}
}

// bigNode returns an encoded root node with leaves and nodes below, and its key.
func bigNode(t testing.TB) (merkle.NodeKey, []byte) {
	m := newMemMap(t)
	var changes []merkle.Change
	for i := range 20 {
		changes = append(changes, set(fmt.Sprint(i), "value"))
	}
	m.version = 299
	m.apply(changes...)
	key := merkle.NodeKey{Version: m.root.Version}
	return key, m.nodes[key]
}

func TestDecodeMapNodeRefuses(t *testing.T) {
	h1, h2 := merkle.LeafHash([]byte("1")), merkle.LeafHash([]byte("2"))
	// Two leaves at slots 0 and 1 of a node at depth 1 below nibble 5.
	key := merkle.NodeKey{Version: 9, Depth: 1, Prefix: merkle.Hash{0x50}}
	p0, p1 := merkle.Hash{0x50, 0xaa}, merkle.Hash{0x51, 0xbb}
	cat := func(parts ...[]byte) []byte { return slices.Concat(parts...) }
	masks := func(present, leaves uint16) []byte {
		return []byte{byte(present >> 8), byte(present), byte(leaves >> 8), byte(leaves)}
	}
	leaf0 := cat(h1[:], []byte{9}, p0[:])
	leaf1 := cat(h2[:], []byte{3}, p1[:])
	good := cat(masks(3, 3), leaf0, leaf1)
	if n, err := merkle.DecodeMapNode(key, good); err != nil || !bytes.Equal(n.Encode(), good) {
		t.Fatalf("good node: %v", err)
	}
	last := merkle.NodeKey{Version: 9, Depth: 63}
	cases := []struct {
		name string
		key  merkle.NodeKey
		b    []byte
	}{
		{"nothing", key, nil},
		{"masks only", key, masks(3, 3)},
		{"half a mask", key, good[:3]},
		{"one byte short", key, good[:len(good)-1]},
		{"one child short", key, good[:len(good)-len(leaf1)]},
		{"one byte long", key, cat(good, []byte{0})},
		{"one child long", key, cat(good, leaf1)},
		{"larger than any node", key, make([]byte, 4+16*75)},
		{"no child", key, masks(0, 0)},
		{"leaf in an empty slot", key, cat(masks(3, 7), leaf0, leaf1)},
		{"lone leaf", key, cat(masks(1, 1), leaf0)},
		{"zero hash", key, cat(masks(3, 3), make([]byte, 32), []byte{9}, p0[:], leaf1)},
		{"version zero", key, cat(masks(3, 3), h1[:], []byte{0}, p0[:], leaf1)},
		{"child newer than node", key, cat(masks(3, 3), h1[:], []byte{10}, p0[:], leaf1)},
		{"version not minimal", key, cat(masks(3, 3), h1[:], []byte{0x89, 0}, p0[:], leaf1)},
		{"version too large", merkle.NodeKey{Version: 1<<64 - 1, Depth: 1, Prefix: merkle.Hash{0x50}},
			cat(masks(3, 3), h1[:], []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2}, p0[:], leaf1)},
		{"leaf of another slot", key, cat(masks(3, 3), h1[:], []byte{9}, p1[:], leaf1)},
		{"leaf of another prefix", merkle.NodeKey{Version: 9, Depth: 1, Prefix: merkle.Hash{0x60}}, good},
		{"depth beyond the path", merkle.NodeKey{Version: 9, Depth: 64}, good},
		{"node below the last nibble", last, cat(masks(1, 0), h1[:], []byte{9})},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if _, err := merkle.DecodeMapNode(c.key, c.b); !errors.Is(err, merkle.ErrMalformed) {
				t.Errorf("error is %v", err)
			}
		})
	}
}

func FuzzDecodeMapNode(f *testing.F) {
	key, b := bigNode(f)
	f.Add(key.Version, key.Depth, []byte{}, b)
	h := merkle.LeafHash(nil)
	f.Add(uint64(9), uint8(63), []byte{}, slices.Concat([]byte{0, 1, 0, 0}, h[:], []byte{1}))
	f.Add(uint64(9), uint8(62), []byte{}, slices.Concat([]byte{0, 1, 0, 0}, h[:], []byte{1}))
	f.Fuzz(func(t *testing.T, version uint64, depth uint8, prefix, b []byte) {
		key := merkle.NodeKey{Version: version, Depth: depth}
		copy(key.Prefix[:], prefix)
		n, err := merkle.DecodeMapNode(key, b)
		if err != nil {
			if !errors.Is(err, merkle.ErrMalformed) {
				t.Fatalf("error is %v", err)
			}
			return
		}
		if !bytes.Equal(n.Encode(), b) {
			t.Fatal("node changes when it is encoded again")
		}
		if n.Hash().IsZero() {
			t.Fatal("node has the hash of an empty subtree")
		}
	})
}

// FuzzUpdateMap reads three bytes per change: key, value (0 deletes) and whether a
// version ends there.
func FuzzUpdateMap(f *testing.F) {
	f.Add([]byte{1, 1, 0, 2, 1, 1, 1, 0, 0, 2, 2, 1, 2, 0, 1})
	f.Add(bytes.Repeat([]byte{7, 1, 1, 8, 2, 0, 9, 3, 0}, 9))
	f.Fuzz(func(t *testing.T, ops []byte) {
		m, want := newMemMap(t), map[string]string{}
		var changes []merkle.Change
		end := func() {
			m.apply(changes...)
			changes = nil
			if root := merkle.Hash(reference.MapRoot(want)); m.root.Hash != root {
				t.Fatalf("root is %v, want %v", m.root.Hash, root)
			}
		}
		for ; len(ops) >= 3 && m.version < 40; ops = ops[3:] {
			key, value := fmt.Sprint(ops[0]), fmt.Sprint(ops[1])
			if ops[1] == 0 {
				changes = append(changes, del(key))
				delete(want, key)
			} else {
				changes = append(changes, set(key, value))
				want[key] = value
			}
			if ops[2]&1 == 1 {
				end()
			}
		}
		end()
		if diff := cmp.Diff(want, m.contents()); diff != "" {
			t.Fatalf("contents (-want +got):\n%s", diff)
		}
	})
}
