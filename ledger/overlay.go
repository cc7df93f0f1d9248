package ledger

import (
	"crypto/sha256"
	"slices"
	"strings"

	"hullmark/merkle"
)

// reader reads the map and contents of a state below.
type reader interface {
	Get(key []byte) (value []byte, ok bool, err error)
	Content(digest [32]byte) ([]byte, error)
}

// overlay is what transactions have changed on top of a reader. An overlay is
// itself a reader, so a transaction works on one of its own and is merged into
// the block's only when nothing was wrong with it.
type overlay struct {
	base     reader
	values   map[string][]byte
	contents map[[32]byte][]byte
	// records, newContents and superseded keep the order in which things came.
	records     [][]byte
	newContents [][]byte
	superseded  [][32]byte
}

func newOverlay(base reader) *overlay {
	return &overlay{base: base, values: make(map[string][]byte), contents: make(map[[32]byte][]byte)}
}

// Get implements reader.
func (o *overlay) Get(key []byte) ([]byte, bool, error) {
	if v, ok := o.values[string(key)]; ok {
		return v, true, nil
	}
	return o.base.Get(key)
}

// Content implements reader.
func (o *overlay) Content(digest [32]byte) ([]byte, error) {
	if c, ok := o.contents[digest]; ok {
		return c, nil
	}
	return o.base.Content(digest)
}

func (o *overlay) set(key, value []byte) { o.values[string(key)] = value }

// addContent stores content under its digest, which it returns.
func (o *overlay) addContent(content []byte) [32]byte {
	d := sha256.Sum256(content)
	if _, ok := o.contents[d]; !ok {
		o.contents[d] = content
		o.newContents = append(o.newContents, content)
	}
	return d
}

// supersede notes that a content is needed no longer by any height from this one
// on.
func (o *overlay) supersede(digest [32]byte) { o.superseded = append(o.superseded, digest) }

// merge moves everything of a finished child, whose base is o, into o.
func (o *overlay) merge(child *overlay) {
	for k, v := range child.values { // order does not matter: keys are distinct
		o.values[k] = v
	}
	for _, c := range child.newContents {
		o.addContent(c)
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
