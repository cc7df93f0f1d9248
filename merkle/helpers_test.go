package merkle_test

import (
	"errors"
	"fmt"
	"testing"

	"hullmark/merkle"
)

// memMap is a map in memory, kept in its stored form: nodes are encoded when they
// are written and decoded whenever they are read.
type memMap struct {
	t       testing.TB
	version uint64
	root    merkle.MapRef
	nodes   map[merkle.NodeKey][]byte
	values  map[merkle.ValueKey][2]string
	failing bool
}

func newMemMap(t testing.TB) *memMap {
	return &memMap{
		t:      t,
		nodes:  make(map[merkle.NodeKey][]byte),
		values: make(map[merkle.ValueKey][2]string),
	}
}

var errRead = errors.New("read failed")

func (m *memMap) ReadNode(key merkle.NodeKey, want merkle.Hash) (*merkle.MapNode, error) {
	b, ok := m.nodes[key]
	if !ok || m.failing {
		return nil, errRead
	}
	n, err := merkle.DecodeMapNode(key, b)
	if err != nil {
		return nil, err
	}
	if n.Hash() != want {
		return nil, fmt.Errorf("node %v has another hash", key)
	}
	return n, nil
}

// apply makes changes as the next version and gives the version before up.
func (m *memMap) apply(changes ...merkle.Change) *merkle.MapUpdate {
	m.t.Helper()
	u, err := merkle.UpdateMap(m, m.root, m.version+1, changes)
	if err != nil {
		m.t.Fatal(err)
	}
	m.version++
	for _, k := range u.StaleNodes {
		if _, ok := m.nodes[k]; !ok {
			m.t.Fatalf("version %d replaces node %v, which is not there", m.version, k)
		}
		delete(m.nodes, k)
	}
	for _, k := range u.StaleValues {
		if _, ok := m.values[k]; !ok {
			m.t.Fatalf("version %d replaces value %v, which is not there", m.version, k)
		}
		delete(m.values, k)
	}
	for _, n := range u.Nodes {
		if _, ok := m.nodes[n.Key]; ok || n.Key.Version != m.version {
			m.t.Fatalf("version %d writes node %v", m.version, n.Key)
		}
		m.nodes[n.Key] = n.Node.Encode()
	}
	for _, v := range u.Values {
		k := merkle.ValueKey{Version: m.version, Path: v.Path}
		if _, ok := m.values[k]; ok {
			m.t.Fatalf("version %d writes value %v twice", m.version, k)
		}
		m.values[k] = [2]string{string(v.Key), string(v.Value)}
	}
	m.root = u.Root
	return u
}

// contents walks the map and returns what it holds; all nodes and values that are
// stored must be reached.
func (m *memMap) contents() map[string]string {
	m.t.Helper()
	got := make(map[string]string)
	err := merkle.WalkLeaves(m, m.root, func(leaf merkle.MapRef) error {
		v, ok := m.values[merkle.ValueKey{Version: leaf.Version, Path: leaf.Path}]
		if !ok {
			return fmt.Errorf("no value for %v", leaf)
		}
		got[v[0]] = v[1]
		return nil
	})
	if err != nil {
		m.t.Fatal(err)
	}
	if len(got) != len(m.values) {
		m.t.Fatalf("%d leaves, but %d stored values", len(got), len(m.values))
	}
	if n := m.countNodes(m.root, merkle.NodeKey{Version: m.root.Version}); n != len(m.nodes) {
		m.t.Fatalf("%d nodes in the map, but %d stored", n, len(m.nodes))
	}
	return got
}

func (m *memMap) countNodes(ref merkle.MapRef, key merkle.NodeKey) int {
	if ref.Kind != merkle.RefInner {
		return 0
	}
	node, err := m.ReadNode(key, ref.Hash)
	if err != nil {
		m.t.Fatal(err)
	}
	n := 1
	for slot := range merkle.NodeSlots {
		child := node.Slot(slot)
		n += m.countNodes(child, key.Child(slot, child.Version))
	}
	return n
}

// prove returns the value of a key ("" if it has none) and the encoded proof.
func (m *memMap) prove(key string) (string, []byte) {
	m.t.Helper()
	path := merkle.KeyPath([]byte(key))
	siblings, leaf, err := merkle.FindSiblings(m, m.root, path)
	if err != nil {
		m.t.Fatal(err)
	}
	found, err := merkle.FindLeaf(m, m.root, path)
	if err != nil {
		m.t.Fatal(err)
	}
	if leaf.Path == path && found != leaf || leaf.Path != path && found != (merkle.MapRef{}) {
		m.t.Fatalf("two ways lead to %v and %v", found, leaf)
	}
	p := merkle.MapProof{Siblings: siblings}
	if leaf.Kind == merkle.RefEmpty {
		return "", p.Encode()
	}
	v := m.values[merkle.ValueKey{Version: leaf.Version, Path: leaf.Path}]
	if v[0] == key {
		return v[1], p.Encode()
	}
	p.Foreign = &merkle.ForeignLeaf{Path: leaf.Path, ValueHash: merkle.ValueHash([]byte(v[1]))}
	return "", p.Encode()
}

func set(key, value string) merkle.Change {
	return merkle.Change{Key: []byte(key), Value: []byte(value)}
}

func del(key string) merkle.Change { return merkle.Change{Key: []byte(key)} }

// memLog is a log in memory that keeps the hashes of all complete subtrees, by
// level and index.
type memLog [][]merkle.Hash

func (l *memLog) append(h merkle.Hash) {
	for level := 0; ; level++ {
		if level == len(*l) {
			*l = append(*l, nil)
		}
		at := append((*l)[level], h)
		(*l)[level] = at
		if len(at)%2 == 1 {
			return
		}
		h = merkle.NodeHash(at[len(at)-2], at[len(at)-1])
	}
}

// ReadHashes implements merkle.HashReader.
func (l memLog) ReadHashes(nodes []merkle.LogNode) ([]merkle.Hash, error) {
	var out []merkle.Hash
	for _, n := range nodes {
		if int(n.Level) >= len(l) || n.Index >= uint64(len(l[n.Level])) {
			return nil, errRead
		}
		out = append(out, l[n.Level][n.Index])
	}
	return out, nil
}

// leaves returns the first n leaf hashes.
func (l memLog) leaves(n int) []merkle.Hash {
	if n == 0 {
		return nil
	}
	return l[0][:n]
}

// head returns the head the log had at a size.
func (l memLog) head(t testing.TB, size uint64) merkle.LogHead {
	t.Helper()
	plan, err := merkle.PlanRoot(size)
	if err != nil {
		t.Fatal(err)
	}
	roots, err := plan.Fetch(l)
	if err != nil {
		t.Fatal(err)
	}
	if size == 0 {
		return merkle.EmptyLogHead()
	}
	return merkle.LogHead{Size: size, Root: roots[0]}
}

func (l memLog) inclusion(t testing.TB, index, size uint64) []merkle.Hash {
	t.Helper()
	plan, err := merkle.PlanInclusion(index, size)
	if err != nil {
		t.Fatal(err)
	}
	return l.fetch(t, plan)
}

func (l memLog) consistency(t testing.TB, oldSize, newSize uint64) []merkle.Hash {
	t.Helper()
	plan, err := merkle.PlanConsistency(oldSize, newSize)
	if err != nil {
		t.Fatal(err)
	}
	return l.fetch(t, plan)
}

func (l memLog) fetch(t testing.TB, plan merkle.LogPlan) []merkle.Hash {
	t.Helper()
	proof, err := plan.Fetch(l)
	if err != nil {
		t.Fatal(err)
	}
	return proof
}

func numberedRecord(i int) []byte { return fmt.Appendf(nil, "record %d", i) }

// numberedLog returns a log of n leaves, all different.
func numberedLog(n int) memLog {
	var l memLog
	for i := range n {
		l.append(merkle.LeafHash(numberedRecord(i)))
	}
	return l
}
