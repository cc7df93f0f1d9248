package ledger

import (
	"crypto/sha256"
	"slices"
	"strings"

	"hullmark/merkle"
	"hullmark/merkle/store"
	"hullmark/tuf"
)

// getter reads the map of a state.
type getter interface {
	Get(key []byte) (value []byte, ok bool, err error)
}

// reader reads the map and contents of a state below.
type reader interface {
	getter
	content(digest [32]byte) (blob, error)
}

// blob is a content: its bytes, or the change that leads to it from another one.
// Files that follow each other differ little, and many of them can wait at once.
type blob struct {
	bytes []byte
	base  [32]byte
	delta *tuf.Delta // nil for bytes
}

// committed reads a committed height. Large values are remembered by their leaves, which
// name them; nil for no memory.
type committed struct {
	*store.View
	values *memory[merkle.Hash, []byte]
}

// largeValue is the size in bytes from which on a value is remembered: the store hashes
// and copies what it reads, which for the largest takes twenty times as long as finding
// the leaf.
const largeValue = 1024

// Get implements reader.
func (c committed) Get(key []byte) ([]byte, bool, error) {
	if c.values == nil {
		return c.View.Get(key)
	}
	leaf, ok, err := c.Leaf(key)
	if err != nil || !ok {
		return nil, false, err
	}
	if v, ok := c.values.peek(leaf); ok {
		return v, true, nil
	}
	v, ok, err := c.View.Get(key)
	if len(v) >= largeValue {
		c.values.put(leaf, v, len(v)+keptWeight)
	}
	return v, ok, err
}

func (c committed) content(digest [32]byte) (blob, error) {
	b, err := c.Content(digest)
	return blob{bytes: b}, err
}

// overlay is what transactions have changed on top of a reader. An overlay is
// itself a reader, so a transaction works on one of its own and is merged into
// the block's only when nothing was wrong with it.
type overlay struct {
	base     reader
	values   map[string][]byte
	contents map[[32]byte]blob
	// records, newContents and superseded keep the order in which things came.
	records     [][]byte
	newContents [][32]byte
	superseded  [][32]byte
}

func newOverlay(base reader) *overlay {
	return &overlay{base: base, values: make(map[string][]byte), contents: make(map[[32]byte]blob)}
}

// Get implements reader.
func (o *overlay) Get(key []byte) ([]byte, bool, error) {
	if v, ok := o.values[string(key)]; ok {
		return v, true, nil
	}
	return o.base.Get(key)
}

// content implements reader.
func (o *overlay) content(digest [32]byte) (blob, error) {
	if c, ok := o.contents[digest]; ok {
		return c, nil
	}
	return o.base.content(digest)
}

func (o *overlay) set(key, value []byte) { o.values[string(key)] = value }

// addContent stores content under its digest, which it returns.
func (o *overlay) addContent(content []byte) [32]byte {
	d := sha256.Sum256(content)
	o.addBlob(d, blob{bytes: content})
	return d
}

// addBlob stores content whose digest is known.
func (o *overlay) addBlob(digest [32]byte, b blob) {
	if _, ok := o.contents[digest]; !ok {
		o.contents[digest] = b
		o.newContents = append(o.newContents, digest)
	}
}

// supersede notes that a content is needed no longer by any height from this one
// on.
func (o *overlay) supersede(digest [32]byte) { o.superseded = append(o.superseded, digest) }

// merge moves everything of a finished child, whose base is o, into o.
func (o *overlay) merge(child *overlay) {
	for k, v := range child.values { // order does not matter: keys are distinct
		o.values[k] = v
	}
	for _, d := range child.newContents {
		o.addBlob(d, child.contents[d])
	}
	o.records = append(o.records, child.records...)
	o.superseded = append(o.superseded, child.superseded...)
}

// changes returns the map changes in the order of their keys.
func (o *overlay) changes() []merkle.Change {
	out := make([]merkle.Change, 0, len(o.values))
	for k, v := range o.values { // sorted below
		out = append(out, merkle.Change{Key: []byte(k), Value: v})
	}
	slices.SortFunc(out, func(a, b merkle.Change) int { return strings.Compare(string(a.Key), string(b.Key)) })
	return out
}
