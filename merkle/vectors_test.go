package merkle_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"hullmark/merkle"
	"hullmark/merkle/internal/reference"
)

// The vectors are for other implementations. This test reads the files and checks
// the code by them; with -update it first writes them anew. Roots in them come
// from the reference, and the expected outcomes are stated by hand.
var update = flag.Bool("update", false, "write the vector files")

const vectorDir = "../tests/vectors/merkle"

// hexBytes are bytes in hexadecimal.
type hexBytes []byte

func (b hexBytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(b)), nil }

func (b *hexBytes) UnmarshalText(text []byte) (err error) {
	*b, err = hex.DecodeString(string(text))
	return err
}

func (b hexBytes) hash(t *testing.T) merkle.Hash {
	t.Helper()
	if len(b) != merkle.HashSize {
		t.Fatalf("hash of %d bytes", len(b))
	}
	return merkle.Hash(b)
}

func hexOf(h merkle.Hash) hexBytes { return h[:] }

func hexesOf(hs []merkle.Hash) []hexBytes {
	out := []hexBytes{}
	for _, h := range hs {
		out = append(out, h[:])
	}
	return out
}

type vectorFile[T any] struct {
	Description string `json:"description"`
	Vectors     []T    `json:"vectors"`
}

type mapVector struct {
	Name    string        `json:"name"`
	Entries []entryVector `json:"entries"`
	Root    hexBytes      `json:"root"`
}

type entryVector struct {
	Key   hexBytes `json:"key"`
	Value hexBytes `json:"value"`
}

type logVector struct {
	Name    string     `json:"name"`
	Records []hexBytes `json:"records"`
	Root    hexBytes   `json:"root"`
	Head    hexBytes   `json:"head"`
}

type appHashVector struct {
	Name    string   `json:"name"`
	Log     hexBytes `json:"log"`
	Map     hexBytes `json:"map"`
	Meta    hexBytes `json:"meta"`
	AppHash hexBytes `json:"app_hash"`
}

type mapProofVector struct {
	Name    string    `json:"name"`
	Root    hexBytes  `json:"root"`
	Key     hexBytes  `json:"key"`
	Value   *hexBytes `json:"value"` // null asks for absence
	Proof   hexBytes  `json:"proof"`
	Outcome string    `json:"outcome"`
}

type inclusionVector struct {
	Name    string     `json:"name"`
	Leaf    hexBytes   `json:"leaf_hash"`
	Index   uint64     `json:"index"`
	Size    uint64     `json:"size"`
	Root    hexBytes   `json:"root"`
	Proof   []hexBytes `json:"proof"`
	Outcome string     `json:"outcome"`
}

type consistencyVector struct {
	Name    string     `json:"name"`
	OldSize uint64     `json:"old_size"`
	OldRoot hexBytes   `json:"old_root"`
	NewSize uint64     `json:"new_size"`
	NewRoot hexBytes   `json:"new_root"`
	Proof   []hexBytes `json:"proof"`
	Outcome string     `json:"outcome"`
}

// vectors compares a file with what it should hold, or writes it, and returns what
// it holds.
func vectors[T any](t *testing.T, name, description string, want []T) []T {
	t.Helper()
	path := filepath.Join(vectorDir, name)
	b, err := json.MarshalIndent(vectorFile[T]{description, want}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	b = append(b, '\n')
	if *update {
		if err := os.MkdirAll(vectorDir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(stored, b) {
		t.Errorf("%s is not what -update writes", path)
	}
	var f vectorFile[T]
	if err := json.Unmarshal(stored, &f); err != nil {
		t.Fatal(err)
	}
	if len(f.Vectors) == 0 {
		t.Fatalf("%s holds no vectors", path)
	}
	return f.Vectors
}

// letters returns the map {a: "1", b: "2", ...} with n keys.
func letters(n int) map[string]string {
	m := make(map[string]string)
	for i := range n {
		m[string(rune('a'+i))] = fmt.Sprint(i + 1)
	}
	return m
}

func TestMapVectors(t *testing.T) {
	// Computed by two other implementations.
	pinned := map[int]string{
		0: "0000000000000000000000000000000000000000000000000000000000000000",
		1: "565388d4bc00257133f799d9366ac97f6e949c18acc53d17457f8859ba0f08d3",
		2: "70a50295110313dd28320faccbee14d04dc2894e877a2e407115a2f337ed4efa",
		3: "8e2a164a410203f51300d7c6645b7a37f549768457be109acc126c63573a9e0a",
		8: "7473470dca808498e9e30fd7e78697a5e6893af8fe5773123756d0f3904e1e6c",
	}
	var want []mapVector
	for n := range 27 {
		m := letters(n)
		v := mapVector{Name: fmt.Sprintf("%d letters", n), Entries: []entryVector{}, Root: hexOf(reference.MapRoot(m))}
		for i := range n {
			key := string(rune('a' + i))
			v.Entries = append(v.Entries, entryVector{hexBytes(key), hexBytes(m[key])})
		}
		if p := pinned[n]; p != "" && p != hex.EncodeToString(v.Root) {
			t.Errorf("root of %s is %x, want %s", v.Name, v.Root, p)
		}
		want = append(want, v)
	}
	for _, v := range vectors(t, "map.json", "Roots of maps. Keys, values and hashes in hexadecimal.", want) {
		m := newMemMap(t)
		var changes []merkle.Change
		for _, e := range v.Entries {
			changes = append(changes, merkle.Change{Key: e.Key, Value: e.Value})
		}
		m.apply(changes...)
		if m.root.Hash != v.Root.hash(t) {
			t.Errorf("root of %s is %v, want %x", v.Name, m.root.Hash, v.Root)
		}
	}
}

func TestLogVectors(t *testing.T) {
	pinned := map[int]string{
		0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		1: "65cd092dc4435b17fd24b8916798ed86c8be50b8600d09e7eddb3f277cbe3f82",
		3: "6afb54d82cc354d4ebfe3266a135ec897d675dba4dc67c92472d9105670ee0f5",
	}
	var want []logVector
	var records []hexBytes
	var leaves []reference.Hash
	for n := range 18 {
		root := reference.LogRoot(leaves)
		if p := pinned[n]; p != "" && p != hex.EncodeToString(root[:]) {
			t.Errorf("root of %d records is %x, want %s", n, root, p)
		}
		want = append(want, logVector{
			Name:    fmt.Sprintf("%d records", n),
			Records: append([]hexBytes{}, records...),
			Root:    root[:],
			Head:    slices.Concat([]byte{0, 0, 0, 0, 0, 0, 0, byte(n)}, root[:]),
		})
		r := fmt.Appendf(nil, "r%d", n)
		records = append(records, r)
		leaves = append(leaves, merkle.LeafHash(r))
	}
	for _, v := range vectors(t, "log.json", "Roots and encoded heads of logs, as hashes only: a ledger accepts no records this short.", want) {
		var r merkle.CompactRange
		for _, b := range v.Records {
			if err := r.Append(merkle.LeafHash(b)); err != nil {
				t.Fatal(err)
			}
		}
		if r.Root() != v.Root.hash(t) {
			t.Errorf("root of %s is %v, want %x", v.Name, r.Root(), v.Root)
		}
		if got := r.Head().Encode(); !bytes.Equal(got, v.Head) {
			t.Errorf("head of %s is %x, want %x", v.Name, got, v.Head)
		}
	}
}

func TestAppHashVectors(t *testing.T) {
	log := numberedLog(5)
	states := []struct {
		name, pinned string
		state        merkle.AppState
	}{
		{"empty log, three letters", "943523d63dc9fbb93730d88d2fb94f4cddec43ab8db9706fdfb0290ee3ce1897",
			merkle.AppState{Log: merkle.EmptyLogHead(), Map: reference.MapRoot(letters(3)), Meta: []byte("v1")}},
		{"nothing", "", merkle.AppState{Log: merkle.EmptyLogHead()}},
		{"five records, eight letters", "",
			merkle.AppState{Log: log.head(t, 5), Map: reference.MapRoot(letters(8)), Meta: bytes.Repeat([]byte{0xab}, 34)}},
	}
	var want []appHashVector
	for _, s := range states {
		root, _ := simpleMap(s.state)
		if s.pinned != "" && s.pinned != hex.EncodeToString(root) {
			t.Errorf("app hash of %s is %x, want %s", s.name, root, s.pinned)
		}
		want = append(want, appHashVector{s.name, s.state.Log.Encode(), hexOf(s.state.Map), s.state.Meta, root})
	}
	for _, v := range vectors(t, "apphash.json", "App hashes of (encoded log head, map root, meta data).", want) {
		head, err := merkle.DecodeLogHead(v.Log)
		if err != nil {
			t.Fatal(err)
		}
		s := merkle.AppState{Log: head, Map: v.Map.hash(t), Meta: v.Meta}
		if s.AppHash() != v.AppHash.hash(t) {
			t.Errorf("app hash of %s is %v, want %x", v.Name, s.AppHash(), v.AppHash)
		}
	}
}

func TestMapProofVectors(t *testing.T) {
	// The absence of "zz" in {a: "1"}, spelled out.
	spelled, err := hex.DecodeString("0000" + "01" +
		"ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb" +
		"6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b")
	if err != nil {
		t.Fatal(err)
	}
	one := merkle.Hash(reference.MapRoot(letters(1)))
	cases := append(mapProofCases(t), mapProofCase{
		name: "absence beside the only letter", root: one, key: "zz", absent: true, proof: spelled, outcome: outcomeValid,
	})
	var want []mapProofVector
	for _, c := range cases {
		v := mapProofVector{Name: c.name, Root: hexOf(c.root), Key: hexBytes(c.key), Proof: c.proof, Outcome: c.outcome}
		if !c.absent {
			value := hexBytes(c.value)
			v.Value = &value
		}
		want = append(want, v)
	}
	description := "Proofs that a key of a map has a value, or none (value null). Outcomes: valid; malformed: no proof of this kind about this key; mismatch: proves something else."
	for _, v := range vectors(t, "map-proofs.json", description, want) {
		t.Run(v.Name, func(t *testing.T) {
			if v.Value == nil {
				err = merkle.VerifyAbsence(v.Root.hash(t), v.Key, v.Proof)
			} else {
				err = merkle.VerifyExistence(v.Root.hash(t), v.Key, *v.Value, v.Proof)
			}
			if got := outcomeOf(err); got != v.Outcome {
				t.Errorf("outcome is %s (%v), want %s", got, err, v.Outcome)
			}
		})
	}
}

// proofMutation changes a list of hashes in a way that has a name.
type proofMutation struct {
	name, outcome string
	change        func(p []hexBytes) []hexBytes
}

// proofMutations are for proofs of three hashes or more.
func proofMutations() []proofMutation {
	zero, garbage := make(hexBytes, 32), hexBytes(bytes.Repeat([]byte{0x5a}, 32))
	flip := func(i, bit int) func(p []hexBytes) []hexBytes {
		return func(p []hexBytes) []hexBytes {
			i := (i + len(p)) % len(p)
			p[i] = slices.Clone(p[i])
			p[i][bit/8] ^= 0x80 >> (bit % 8)
			return p
		}
	}
	return []proofMutation{
		{"no hashes", outcomeMalformed, func([]hexBytes) []hexBytes { return []hexBytes{} }},
		{"first hash removed", outcomeMalformed, func(p []hexBytes) []hexBytes { return p[1:] }},
		{"last hash removed", outcomeMalformed, func(p []hexBytes) []hexBytes { return p[:len(p)-1] }},
		{"zero hash in front", outcomeMalformed, func(p []hexBytes) []hexBytes { return slices.Insert(p, 0, zero) }},
		{"zero hash at the end", outcomeMalformed, func(p []hexBytes) []hexBytes { return append(p, zero) }},
		{"garbage in front", outcomeMalformed, func(p []hexBytes) []hexBytes { return slices.Insert(p, 0, garbage) }},
		{"garbage at the end", outcomeMalformed, func(p []hexBytes) []hexBytes { return append(p, garbage) }},
		{"last hash doubled", outcomeMalformed, func(p []hexBytes) []hexBytes { return append(p, p[len(p)-1]) }},
		{"65 hashes", outcomeMalformed, func([]hexBytes) []hexBytes { return slices.Repeat([]hexBytes{garbage}, 65) }},
		{"first bit of the first hash flipped", outcomeMismatch, flip(0, 0)},
		{"last bit of the first hash flipped", outcomeMismatch, flip(0, 255)},
		{"first bit of the last hash flipped", outcomeMismatch, flip(-1, 0)},
		{"first hash zeroed", outcomeMismatch, func(p []hexBytes) []hexBytes { p[0] = zero; return p }},
		{"last hash replaced", outcomeMismatch, func(p []hexBytes) []hexBytes { p[len(p)-1] = garbage; return p }},
		{"first two hashes swapped", outcomeMismatch, func(p []hexBytes) []hexBytes { p[0], p[1] = p[1], p[0]; return p }},
		{"hashes reversed", outcomeMismatch, func(p []hexBytes) []hexBytes { slices.Reverse(p); return p }},
	}
}

func TestInclusionVectors(t *testing.T) {
	log := numberedLog(300)
	var want []inclusionVector
	for _, at := range [][2]uint64{{0, 1}, {0, 2}, {1, 2}, {0, 8}, {5, 7}, {6, 7}, {63, 100}, {255, 256}, {256, 257}, {123, 300}} {
		index, size := at[0], at[1]
		name := fmt.Sprintf("%d of %d", index, size)
		good := inclusionVector{
			Name:    name,
			Leaf:    hexOf(log[0][index]),
			Index:   index,
			Size:    size,
			Root:    hexOf(log.head(t, size).Root),
			Proof:   hexesOf(hashesFrom(reference.LogInclusion(int(index), plain(log.leaves(int(size)))))),
			Outcome: outcomeValid,
		}
		want = append(want, good)
		add := func(mutation, outcome string, change func(v *inclusionVector)) {
			v := good
			v.Name, v.Outcome, v.Proof = name+": "+mutation, outcome, slices.Clone(good.Proof)
			change(&v)
			want = append(want, v)
		}
		add("another leaf", outcomeMismatch, func(v *inclusionVector) { v.Leaf = hexOf(merkle.LeafHash([]byte("another"))) })
		add("another root", outcomeMismatch, func(v *inclusionVector) { v.Root = hexOf(merkle.LeafHash([]byte("another"))) })
		add("index is the size", outcomeRange, func(v *inclusionVector) { v.Index = v.Size })
		add("size is zero", outcomeMalformed, func(v *inclusionVector) { v.Size = 0 })
		add("twice the size", outcomeMalformed, func(v *inclusionVector) { v.Size *= 2 })
		if size == 1 {
			continue
		}
		add("root is the leaf, no hashes", outcomeMalformed, func(v *inclusionVector) { v.Root, v.Proof = v.Leaf, []hexBytes{} })
		if len(good.Proof) < 3 {
			continue
		}
		if index^1 < size {
			add("index of the neighbour", outcomeMismatch, func(v *inclusionVector) { v.Index ^= 1 })
		}
		for _, m := range proofMutations() {
			add(m.name, m.outcome, func(v *inclusionVector) { v.Proof = m.change(v.Proof) })
		}
	}
	description := "Proofs that a leaf is in a log. Outcomes: valid; range: no such index; malformed: wrong number of hashes, or no log at all; mismatch: leads elsewhere."
	for _, v := range vectors(t, "inclusion-proofs.json", description, want) {
		t.Run(v.Name, func(t *testing.T) {
			head := merkle.LogHead{Size: v.Size, Root: v.Root.hash(t)}
			err := merkle.VerifyInclusion(v.Leaf.hash(t), v.Index, head, proofFrom(t, v.Proof))
			if got := outcomeOf(err); got != v.Outcome {
				t.Errorf("outcome is %s (%v), want %s", got, err, v.Outcome)
			}
		})
	}
}

func TestConsistencyVectors(t *testing.T) {
	log := numberedLog(300)
	var want []consistencyVector
	for _, at := range [][2]uint64{{0, 0}, {0, 5}, {1, 1}, {1, 2}, {1, 8}, {3, 7}, {4, 7}, {6, 8}, {64, 100}, {255, 257}, {256, 257}, {123, 300}, {300, 300}} {
		m, n := at[0], at[1]
		name := fmt.Sprintf("%d to %d", m, n)
		good := consistencyVector{
			Name:    name,
			OldSize: m,
			OldRoot: hexOf(log.head(t, m).Root),
			NewSize: n,
			NewRoot: hexOf(log.head(t, n).Root),
			Proof:   hexesOf(hashesFrom(reference.LogConsistency(int(m), plain(log.leaves(int(n)))))),
			Outcome: outcomeValid,
		}
		want = append(want, good)
		add := func(mutation, outcome string, change func(v *consistencyVector)) {
			v := good
			v.Name, v.Outcome, v.Proof = name+": "+mutation, outcome, slices.Clone(good.Proof)
			change(&v)
			want = append(want, v)
		}
		another := hexOf(merkle.LeafHash([]byte("another")))
		if m == 0 {
			add("empty log with a root", outcomeMalformed, func(v *consistencyVector) { v.OldRoot = another })
			add("a hash", outcomeMalformed, func(v *consistencyVector) { v.Proof = []hexBytes{another} })
			continue
		}
		add("another old root", outcomeMismatch, func(v *consistencyVector) { v.OldRoot = another })
		add("another new root", outcomeMismatch, func(v *consistencyVector) { v.NewRoot = another })
		if m == n {
			add("a hash", outcomeMalformed, func(v *consistencyVector) { v.Proof = []hexBytes{another} })
			add("the root", outcomeMalformed, func(v *consistencyVector) { v.Proof = []hexBytes{v.NewRoot} })
			continue
		}
		add("the other way round", outcomeRange, func(v *consistencyVector) {
			v.OldSize, v.OldRoot, v.NewSize, v.NewRoot = v.NewSize, v.NewRoot, v.OldSize, v.OldRoot
		})
		add("roots swapped", outcomeMismatch, func(v *consistencyVector) { v.OldRoot, v.NewRoot = v.NewRoot, v.OldRoot })
		add("new root is the old root", outcomeMismatch, func(v *consistencyVector) { v.NewRoot = v.OldRoot })
		add("old root is the new root", outcomeMismatch, func(v *consistencyVector) { v.OldRoot = v.NewRoot })
		if len(good.Proof) < 3 {
			continue
		}
		for _, mut := range proofMutations() {
			add(mut.name, mut.outcome, func(v *consistencyVector) { v.Proof = mut.change(v.Proof) })
		}
	}
	description := "Proofs that one log is a prefix of another. Outcomes: valid; range: the old log is the larger one; malformed: wrong number of hashes, or no log at all; mismatch: leads elsewhere."
	for _, v := range vectors(t, "consistency-proofs.json", description, want) {
		t.Run(v.Name, func(t *testing.T) {
			older := merkle.LogHead{Size: v.OldSize, Root: v.OldRoot.hash(t)}
			newer := merkle.LogHead{Size: v.NewSize, Root: v.NewRoot.hash(t)}
			err := merkle.VerifyConsistency(older, newer, proofFrom(t, v.Proof))
			if got := outcomeOf(err); got != v.Outcome {
				t.Errorf("outcome is %s (%v), want %s", got, err, v.Outcome)
			}
		})
	}
}

func hashesFrom(hs []reference.Hash) []merkle.Hash {
	var out []merkle.Hash
	for _, h := range hs {
		out = append(out, h)
	}
	return out
}

func proofFrom(t *testing.T, p []hexBytes) []merkle.Hash {
	t.Helper()
	var out []merkle.Hash
	for _, h := range p {
		out = append(out, h.hash(t))
	}
	return out
}
