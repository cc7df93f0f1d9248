package merkle_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"testing"

	cmtmerkle "github.com/cometbft/cometbft/crypto/merkle"
	"github.com/cosmos/ics23/go"

	"hullmark/merkle"
	"hullmark/merkle/internal/reference"
)

// proofMap is the map most proof tests use: 40 keys, so that paths are several
// levels deep and proofs have empty siblings.
func proofMap(t testing.TB) *memMap {
	m := newMemMap(t)
	var changes []merkle.Change
	for i := range 40 {
		changes = append(changes, set(fmt.Sprintf("key %d", i), fmt.Sprintf("value %d", i)))
	}
	m.apply(changes...)
	return m
}

// mapProofCase is a question about a map and an answer to it, right or wrong.
type mapProofCase struct {
	name    string
	root    merkle.Hash
	key     string
	value   string // absence if absent is true
	absent  bool
	proof   []byte
	outcome string
}

func (c *mapProofCase) verify() error {
	if c.absent {
		return merkle.VerifyAbsence(c.root, []byte(c.key), c.proof)
	}
	return merkle.VerifyExistence(c.root, []byte(c.key), []byte(c.value), c.proof)
}

// Outcomes of vectors.
const (
	outcomeValid     = "valid"
	outcomeMalformed = "malformed"
	outcomeMismatch  = "mismatch"
	outcomeRange     = "range"
)

func outcomeOf(err error) string {
	switch {
	case err == nil:
		return outcomeValid
	case errors.Is(err, merkle.ErrMalformed):
		return outcomeMalformed
	case errors.Is(err, merkle.ErrMismatch):
		return outcomeMismatch
	case errors.Is(err, merkle.ErrRange):
		return outcomeRange
	}
	return err.Error()
}

// findKey returns a key whose proof has a property.
func findKey(t testing.TB, m *memMap, format string, ok func(p merkle.MapProof) bool) string {
	t.Helper()
	for i := range 10_000 {
		key := fmt.Sprintf(format, i)
		_, b := m.prove(key)
		p, err := merkle.DecodeMapProof(b)
		if err != nil {
			t.Fatal(err)
		}
		if ok(p) {
			return key
		}
	}
	t.Fatalf("no key like %q", format)
	return ""
}

// mapProofCases is every way to get a map proof wrong that has a name.
func mapProofCases(t testing.TB) []mapProofCase {
	m := proofMap(t)
	root := m.root.Hash
	zeros := func(p merkle.MapProof) int {
		n := 0
		for _, s := range p.Siblings {
			if s.IsZero() {
				n++
			}
		}
		return n
	}
	const key, value = "key 7", "value 7"
	_, exist := m.prove(key)
	beside := findKey(t, m, "absent %d", func(p merkle.MapProof) bool { return p.Foreign != nil && len(p.Siblings) >= 4 })
	_, foreign := m.prove(beside)
	nowhere := findKey(t, m, "absent %d", func(p merkle.MapProof) bool { return p.Foreign == nil })
	_, empty := m.prove(nowhere)
	sparse := findKey(t, m, "absent %d", func(p merkle.MapProof) bool { return zeros(p) > 0 })

	decoded := func(b []byte) merkle.MapProof {
		p, err := merkle.DecodeMapProof(b)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	edit := func(b []byte, f func(p *merkle.MapProof)) []byte {
		p := decoded(b)
		f(&p)
		return p.Encode()
	}
	bytesEdit := func(b []byte, f func(b []byte) []byte) []byte { return f(slices.Clone(b)) }
	depth := len(decoded(exist).Siblings)
	if depth%8 == 0 || zeros(decoded(exist)) > 0 {
		t.Fatal("choose another key: its bitmap has no padding or gaps")
	}
	bitmapAt := 2
	siblingsAt := bitmapAt + (depth+7)/8

	var cases []mapProofCase
	add := func(name, outcome, key, value string, proof []byte) {
		cases = append(cases, mapProofCase{name: name, root: root, key: key, value: value, absent: value == absentValue, proof: proof, outcome: outcome})
	}
	one := newMemMap(t)
	one.apply(set("a", "1"))
	_, oneExist := one.prove("a")
	_, oneAbsent := one.prove("zz")
	none := merkle.MapProof{}.Encode()

	// What is right.
	add("existence", outcomeValid, key, value, exist)
	add("absence beside a foreign leaf", outcomeValid, beside, absentValue, foreign)
	add("absence in an empty subtree", outcomeValid, nowhere, absentValue, empty)
	_, b := m.prove(sparse)
	add("absence with an empty sibling", outcomeValid, sparse, absentValue, b)
	cases = append(cases,
		mapProofCase{name: "existence of the only key", root: one.root.Hash, key: "a", value: "1", proof: oneExist, outcome: outcomeValid},
		mapProofCase{name: "absence beside the only key", root: one.root.Hash, key: "zz", absent: true, proof: oneAbsent, outcome: outcomeValid},
		mapProofCase{name: "absence in the empty map", key: "zz", absent: true, proof: none, outcome: outcomeValid},
		mapProofCase{name: "existence in the empty map", key: "a", value: "1", proof: none, outcome: outcomeMismatch},
		mapProofCase{name: "absence in the empty map with a leaf", key: "zz", absent: true, proof: oneAbsent, outcome: outcomeMismatch},
		mapProofCase{name: "absence of the only key", root: one.root.Hash, key: "a", absent: true, proof: oneAbsent, outcome: outcomeMalformed},
	)

	// Length.
	add("no bytes", outcomeMalformed, key, value, nil)
	add("half a depth", outcomeMalformed, key, value, exist[:1])
	add("depth only", outcomeMalformed, key, value, exist[:2])
	add("cut off in the siblings", outcomeMalformed, key, value, exist[:siblingsAt+5])
	add("cut off before the flag", outcomeMalformed, key, value, exist[:len(exist)-1])
	add("one byte more", outcomeMalformed, key, value, append(slices.Clone(exist), 0))
	add("foreign leaf cut off", outcomeMalformed, beside, absentValue, foreign[:len(foreign)-1])
	add("foreign leaf with one byte more", outcomeMalformed, beside, absentValue, append(slices.Clone(foreign), 0))
	add("depth 257", outcomeMalformed, key, value, slices.Concat([]byte{1, 1}, exist[2:]))
	add("depth 65535", outcomeMalformed, key, value, slices.Concat([]byte{255, 255}, exist[2:]))

	// One encoding.
	add("bit set beyond the depth", outcomeMalformed, key, value, bytesEdit(exist, func(b []byte) []byte {
		b[siblingsAt-1] |= 1 << (depth % 8)
		return b
	}))
	add("bit set beyond the depth, with a sibling", outcomeMalformed, key, value, bytesEdit(exist, func(b []byte) []byte {
		b[siblingsAt-1] |= 1 << (depth % 8)
		return slices.Insert(b, len(b)-1, bytes.Repeat([]byte{7}, 32)...)
	}))
	add("empty sibling listed", outcomeMalformed, key, value, bytesEdit(exist, func(b []byte) []byte {
		copy(b[siblingsAt:], make([]byte, 32))
		return b
	}))
	add("deepest sibling empty", outcomeMalformed, key, value, edit(exist, func(p *merkle.MapProof) {
		p.Siblings = append(p.Siblings, merkle.Hash{})
	}))
	add("flag 2", outcomeMalformed, key, value, bytesEdit(exist, func(b []byte) []byte {
		b[len(b)-1] = 2
		return b
	}))
	add("flag 2 with a leaf", outcomeMalformed, beside, absentValue, bytesEdit(foreign, func(b []byte) []byte {
		b[len(b)-65] = 2
		return b
	}))
	add("flag 1 without a leaf", outcomeMalformed, key, value, bytesEdit(exist, func(b []byte) []byte {
		b[len(b)-1] = 1
		return b
	}))
	add("flag 0 with a leaf", outcomeMalformed, beside, absentValue, bytesEdit(foreign, func(b []byte) []byte {
		b[len(b)-65] = 0
		return b
	}))

	// What an existence proof may not be.
	add("existence with a foreign leaf", outcomeMalformed, key, value, edit(exist, func(p *merkle.MapProof) {
		p.Foreign = &merkle.ForeignLeaf{Path: merkle.KeyPath([]byte(key)), ValueHash: merkle.ValueHash([]byte(value))}
	}))
	add("existence of an empty value", outcomeMalformed, key, "", exist)
	add("existence of another value", outcomeMismatch, key, "value 8", exist)
	add("existence of another key of the map", outcomeMismatch, "key 8", "value 8", exist)
	add("existence of an absent key", outcomeMismatch, nowhere, value, empty)
	add("existence by the proof of absence beside a leaf", outcomeMalformed, beside, value, foreign)
	add("existence of the path instead of the key", outcomeMismatch, string(pathBytes(key)), value, exist)

	// What an absence proof may not be.
	add("absence of a key of the map", outcomeMismatch, key, absentValue, exist)
	add("absence of a key of the map beside its own leaf", outcomeMalformed, key, absentValue, edit(exist, func(p *merkle.MapProof) {
		p.Foreign = &merkle.ForeignLeaf{Path: merkle.KeyPath([]byte(key)), ValueHash: merkle.ValueHash([]byte(value))}
	}))
	add("absence beside a leaf elsewhere", outcomeMalformed, beside, absentValue, edit(foreign, func(p *merkle.MapProof) {
		p.Foreign.Path[0] ^= 0x80
	}))
	last := len(decoded(foreign).Siblings) - 1
	add("absence beside a leaf that differs in the last shared bit", outcomeMalformed, beside, absentValue, edit(foreign, func(p *merkle.MapProof) {
		p.Foreign.Path[last/8] ^= 0x80 >> (last % 8)
	}))
	add("absence beside a leaf of another value", outcomeMismatch, beside, absentValue, edit(foreign, func(p *merkle.MapProof) {
		p.Foreign.ValueHash[31] ^= 1
	}))
	add("absence beside a leaf of another path", outcomeMismatch, beside, absentValue, edit(foreign, func(p *merkle.MapProof) {
		p.Foreign.Path[31] ^= 1
	}))
	add("absence without the foreign leaf", outcomeMismatch, beside, absentValue, edit(foreign, func(p *merkle.MapProof) {
		p.Foreign = nil
	}))
	add("absence in an empty subtree with a leaf", outcomeMismatch, nowhere, absentValue, edit(empty, func(p *merkle.MapProof) {
		f := merkle.KeyPath([]byte(nowhere))
		f[31] ^= 1
		p.Foreign = &merkle.ForeignLeaf{Path: f}
	}))

	// Siblings.
	for _, of := range []struct {
		name, key, value string
		proof            []byte
	}{
		{"existence", key, value, exist},
		{"absence beside a leaf", beside, absentValue, foreign},
		{"absence in an empty subtree", nowhere, absentValue, empty},
	} {
		n := len(decoded(of.proof).Siblings)
		add(of.name+": first sibling changed", outcomeMismatch, of.key, of.value, edit(of.proof, func(p *merkle.MapProof) { p.Siblings[0][0] ^= 1 }))
		add(of.name+": last sibling changed", outcomeMismatch, of.key, of.value, edit(of.proof, func(p *merkle.MapProof) { p.Siblings[n-1][31] ^= 0x80 }))
		add(of.name+": first sibling removed", outcomeMismatch, of.key, of.value, edit(of.proof, func(p *merkle.MapProof) { p.Siblings = p.Siblings[1:] }))
		add(of.name+": first sibling emptied", outcomeMismatch, of.key, of.value, edit(of.proof, func(p *merkle.MapProof) { p.Siblings[0] = merkle.Hash{} }))
		add(of.name+": first two siblings swapped", outcomeMismatch, of.key, of.value, edit(of.proof, func(p *merkle.MapProof) {
			p.Siblings[0], p.Siblings[1] = p.Siblings[1], p.Siblings[0]
		}))
		add(of.name+": empty sibling added at the root", outcomeMismatch, of.key, of.value, edit(of.proof, func(p *merkle.MapProof) {
			p.Siblings = append([]merkle.Hash{{}}, p.Siblings...)
		}))
		add(of.name+": all siblings removed", outcomeMismatch, of.key, of.value, edit(of.proof, func(p *merkle.MapProof) { p.Siblings = nil }))
		c := mapProofCase{name: of.name + ": another root", root: root, key: of.key, value: of.value, absent: of.value == absentValue, proof: of.proof, outcome: outcomeMismatch}
		c.root[5] ^= 1
		cases = append(cases, c)
	}
	return cases
}

// absentValue stands for no value in the cases; no map of the tests holds it.
const absentValue = "\x00absent"

func pathBytes(key string) []byte {
	p := merkle.KeyPath([]byte(key))
	return p[:]
}

func TestMapProofCases(t *testing.T) {
	for _, c := range mapProofCases(t) {
		t.Run(c.name, func(t *testing.T) {
			if got := outcomeOf(c.verify()); got != c.outcome {
				t.Errorf("outcome is %s, want %s", got, c.outcome)
			}
		})
	}
}

// TestMapProofsAreForOneKey checks each proof against each other key, present or
// absent.
func TestMapProofsAreForOneKey(t *testing.T) {
	m := proofMap(t)
	root := m.root.Hash
	var keys []string
	for i := range 40 {
		keys = append(keys, fmt.Sprintf("key %d", i), fmt.Sprintf("absent %d", i))
	}
	for _, a := range keys {
		_, proof := m.prove(a)
		for _, b := range keys {
			if a == b {
				continue
			}
			value, _ := m.prove(b)
			if value == "" {
				if merkle.VerifyExistence(root, []byte(b), []byte("value"), proof) == nil {
					t.Errorf("proof of %q shows that %q exists", a, b)
				}
			} else {
				if merkle.VerifyExistence(root, []byte(b), []byte(value), proof) == nil {
					t.Errorf("proof of %q verifies for %q", a, b)
				}
				if merkle.VerifyAbsence(root, []byte(b), proof) == nil {
					t.Errorf("proof of %q shows that %q is absent", a, b)
				}
			}
		}
	}
}

// TestMapProofBits flips every bit of proofs: none may verify.
func TestMapProofBits(t *testing.T) {
	for _, c := range mapProofCases(t) {
		if c.outcome != outcomeValid {
			continue
		}
		for i := range 8 * len(c.proof) {
			bad := c
			bad.proof = slices.Clone(c.proof)
			bad.proof[i/8] ^= 1 << (i % 8)
			if bad.verify() == nil {
				t.Errorf("%s: verifies with bit %d flipped", c.name, i)
			}
		}
	}
}

// TestMapProofOfFullDepth builds the deepest possible proof by hand: the leaves of
// two paths that differ in the last bit only.
func TestMapProofOfFullDepth(t *testing.T) {
	key, value := []byte("key"), []byte("value")
	path := merkle.KeyPath(key)
	p := merkle.MapProof{Siblings: make([]merkle.Hash, merkle.MaxMapDepth)}
	for i := range p.Siblings {
		p.Siblings[i] = merkle.LeafHash([]byte{byte(i), byte(i >> 8)})
	}
	root := merkle.MapLeafHash(path, merkle.ValueHash(value))
	for i, s := range slices.Backward(p.Siblings) {
		if path[i/8]>>(7-i%8)&1 == 0 {
			root = merkle.NodeHash(root, s)
		} else {
			root = merkle.NodeHash(s, root)
		}
	}
	if err := merkle.VerifyExistence(root, key, value, p.Encode()); err != nil {
		t.Error(err)
	}
	neighbour := path
	neighbour[31] ^= 1
	p.Foreign = &merkle.ForeignLeaf{Path: neighbour}
	b := p.Encode()
	if len(b) != merkle.MaxMapProofSize {
		t.Errorf("largest proof has %d bytes, want %d", len(b), merkle.MaxMapProofSize)
	}
	// At full depth a foreign leaf shares all bits with the path, so it is the path.
	if err := merkle.VerifyAbsence(root, key, b); !errors.Is(err, merkle.ErrMalformed) {
		t.Errorf("foreign leaf at full depth: %v", err)
	}
}

func FuzzMapProof(f *testing.F) {
	m := proofMap(f)
	root, contents := m.root.Hash, m.contents()
	for _, c := range mapProofCases(f) {
		f.Add([]byte(c.key), []byte(c.value), c.proof)
	}
	f.Fuzz(func(t *testing.T, key, value, proof []byte) {
		exist := merkle.VerifyExistence(root, key, value, proof)
		absent := merkle.VerifyAbsence(root, key, proof)
		want := contents[string(key)]
		if exist == nil && want != string(value) {
			t.Fatalf("%q = %q is proven to exist", key, value)
		}
		if absent == nil && want != "" {
			t.Fatalf("%q is proven absent", key)
		}
		p, err := merkle.DecodeMapProof(proof)
		if err != nil {
			if outcomeOf(err) != outcomeMalformed || exist == nil || absent == nil {
				t.Fatalf("malformed proof: %v, existence %v, absence %v", err, exist, absent)
			}
			return
		}
		if !bytes.Equal(p.Encode(), proof) {
			t.Fatal("proof changes when it is encoded again")
		}
	})
}

func FuzzDecodeLogHead(f *testing.F) {
	f.Add(merkle.EmptyLogHead().Encode())
	f.Add(merkle.LogHead{Size: 9}.Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := merkle.DecodeLogHead(b)
		if err == nil && !bytes.Equal(h.Encode(), b) {
			t.Fatal("log head changes when it is encoded again")
		}
	})
}

func FuzzDecodeMapRef(f *testing.F) {
	f.Add(merkle.MapRef{}.Encode())
	f.Add(merkle.MapRef{Kind: merkle.RefLeaf, Version: 1, Hash: merkle.Hash{1}}.Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := merkle.DecodeMapRef(b)
		if err == nil && !bytes.Equal(r.Encode(), b) {
			t.Fatal("map reference changes when it is encoded again")
		}
	})
}

// simplePart is a part of an app state in CometBFT's simple map, with its proof as
// CometBFT makes it.
type simplePart struct {
	key   string
	value []byte
	left  []bool // per aunt, from the leaf up: it stands on the left
	proof *cmtmerkle.Proof
}

// simpleMap returns root and parts of the simple map that an app hash is defined
// as. CometBFT no longer has code to make one, only to verify it (ValueOp).
func simpleMap(s merkle.AppState) ([]byte, []simplePart) {
	parts := []simplePart{
		{key: "log", value: s.Log.Encode(), left: []bool{false, false}},
		{key: "map", value: s.Map[:], left: []bool{true, false}},
		{key: "meta", value: s.Meta, left: []bool{true}},
	}
	var leaves [][]byte
	for _, p := range parts {
		h := sha256.Sum256(p.value)
		leaves = append(leaves, slices.Concat([]byte{byte(len(p.key))}, []byte(p.key), []byte{32}, h[:]))
	}
	root, proofs := cmtmerkle.ProofsFromByteSlices(leaves)
	for i := range parts {
		parts[i].proof = proofs[i]
	}
	return root, parts
}

// ics23 returns the proof of the part as ics23 wants it.
func (p simplePart) ics23() *ics23.ExistenceProof {
	e := &ics23.ExistenceProof{Key: []byte(p.key), Value: p.value, Leaf: ics23.TendermintSpec.LeafSpec}
	for i, aunt := range p.proof.Aunts {
		op := &ics23.InnerOp{Hash: ics23.HashOp_SHA256}
		if p.left[i] {
			op.Prefix = slices.Concat([]byte{1}, aunt)
		} else {
			op.Prefix, op.Suffix = []byte{1}, aunt
		}
		e.Path = append(e.Path, op)
	}
	return e
}

// TestAppHash compares the app hash with CometBFT's simple map, and proves its
// parts with CometBFT's own verifier and with ics23.
func TestAppHash(t *testing.T) {
	m := proofMap(t)
	log := numberedLog(300)
	states := []merkle.AppState{
		{Log: merkle.EmptyLogHead()},
		{Log: log.head(t, 5), Map: m.root.Hash, Meta: []byte("v1")},
		{Log: log.head(t, 300), Map: m.root.Hash, Meta: bytes.Repeat([]byte{1}, merkle.MaxMetaSize)},
	}
	for _, s := range states {
		hash := s.AppHash()
		root, parts := simpleMap(s)
		if !bytes.Equal(root, hash[:]) {
			t.Fatalf("app hash is %v, cometbft %x", hash, root)
		}
		for _, p := range parts {
			if len(p.proof.Aunts) != len(p.left) {
				t.Fatalf("%s lies at depth %d, want %d", p.key, len(p.proof.Aunts), len(p.left))
			}
			out, err := cmtmerkle.NewValueOp([]byte(p.key), p.proof).Run([][]byte{p.value})
			if err != nil || !bytes.Equal(out[0], hash[:]) {
				t.Errorf("cometbft proves %s in %x, %v", p.key, out, err)
			}
			if len(p.value) == 0 {
				continue // ics23 has no empty values
			}
			c := &ics23.CommitmentProof{Proof: &ics23.CommitmentProof_Exist{Exist: p.ics23()}}
			if !ics23.VerifyMembership(ics23.TendermintSpec, hash[:], c, []byte(p.key), p.value) {
				t.Errorf("ics23 refuses the proof of %s", p.key)
			}
		}
	}
}

// TestAppHashDependsOnAllParts changes one part at a time.
func TestAppHashDependsOnAllParts(t *testing.T) {
	s := merkle.AppState{Log: numberedLog(5).head(t, 5), Map: merkle.Hash{1}, Meta: []byte("v1")}
	seen := map[merkle.Hash]string{s.AppHash(): "nothing"}
	for name, change := range map[string]func(*merkle.AppState){
		"log size": func(s *merkle.AppState) { s.Log.Size++ },
		"log root": func(s *merkle.AppState) { s.Log.Root[31] ^= 1 },
		"map root": func(s *merkle.AppState) { s.Map[0] ^= 1 },
		"meta":     func(s *merkle.AppState) { s.Meta = []byte("v2") },
		"no meta":  func(s *merkle.AppState) { s.Meta = nil },
	} {
		c := s
		change(&c)
		if before, ok := seen[c.AppHash()]; ok {
			t.Errorf("changing %s is like changing %s", name, before)
		}
		seen[c.AppHash()] = name
	}
}

// TestAppHashChain goes the whole way with the stock verifiers: a value in the map
// by SmtSpec, the map in the app hash by TendermintSpec.
func TestAppHashChain(t *testing.T) {
	m := proofMap(t)
	s := merkle.AppState{Log: merkle.EmptyLogHead(), Map: m.root.Hash, Meta: []byte("v1")}
	hash := s.AppHash()
	value, b := m.prove("key 3")
	p, err := merkle.DecodeMapProof(b)
	if err != nil {
		t.Fatal(err)
	}
	low := reference.ICS23Existence(reference.Entry{Key: "key 3", Value: value}, plain(p.Siblings))
	mapRoot, err := low.Calculate()
	if err != nil {
		t.Fatal(err)
	}
	if err := low.Verify(ics23.SmtSpec, mapRoot, []byte("key 3"), []byte("value 3")); err != nil {
		t.Error(err)
	}
	_, parts := simpleMap(s)
	if err := parts[1].ics23().Verify(ics23.TendermintSpec, hash[:], []byte("map"), mapRoot); err != nil {
		t.Error(err)
	}
}
