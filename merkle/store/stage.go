package store

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"

	"hullmark/merkle"
)

// Changes is what a version adds to the one before. The store copies what it
// keeps.
type Changes struct {
	// Map are the changes of the map; the last one per key wins, and those that
	// change nothing leave no trace.
	Map []merkle.Change

	// Records are appended to the log, merkle.MinRecordSize to MaxRecordSize bytes
	// each.
	Records [][]byte

	// Contents are stored under their SHA-256, 1 to MaxContentSize bytes each,
	// until a later version supersedes them. No hash of the version depends on
	// them: put their digests in the map or in a record.
	Contents [][]byte

	// Superseded are the digests of contents that are not needed from this version
	// on. They stay readable as long as a version from before is kept, and are
	// deleted when the last of those is pruned; in a store that keeps all versions,
	// never. That holds per digest, however often it was stored: whoever supersedes
	// a content must know that nothing else needs it. One that is stored again in
	// this version or a later one stays; superseding what is not there does nothing,
	// so that no verdict depends on what a node has pruned.
	Superseded [][sha256.Size]byte

	// Meta is the whole meta data of the app state from this version on, at most
	// merkle.MaxMetaSize bytes.
	Meta []byte

	// Extra is kept with the version, at most MaxExtraSize bytes, and is in no
	// hash: nobody can prove it, and nodes need not agree on it.
	Extra []byte
}

// check refuses what Stage documents as invalid; the map is merkle's to check.
func (c *Changes) check() error {
	for i, r := range c.Records {
		if len(r) < merkle.MinRecordSize || len(r) > merkle.MaxRecordSize {
			return fmt.Errorf("%w: record %d has %d bytes", ErrInvalidChanges, i, len(r))
		}
	}
	for i, b := range c.Contents {
		if len(b) == 0 || len(b) > MaxContentSize {
			return fmt.Errorf("%w: content %d has %d bytes", ErrInvalidChanges, i, len(b))
		}
	}
	if len(c.Meta) > merkle.MaxMetaSize || len(c.Extra) > MaxExtraSize {
		return fmt.Errorf("%w: %d bytes of meta data and %d of extra", ErrInvalidChanges, len(c.Meta), len(c.Extra))
	}
	return nil
}

// Staged is a version that is computed and not written. To discard it, forget it.
type Staged struct {
	store  *Store
	base   uint64 // version it was staged on
	record versionRecord

	update   *merkle.MapUpdate
	edge     logEdge
	tiles    []tileWrite
	records  [][]byte // from the log size of the base on
	contents [][]byte // each once, in order of first appearance
	// superseded are the digests of contents that are given up with the versions
	// before this one, ascending.
	superseded [][sha256.Size]byte
}

// Stage computes the next version and changes nothing: staging the same changes
// again gives the same version, and what was staged before is void once either is
// committed. The first version may be any above zero; each later one is the next.
// It returns an error that wraps ErrInvalidChanges, or merkle.ErrInvalidChange,
// if the changes can't be made; any other error is one of the database and fatal
// for the caller.
func (s *Store) Stage(version uint64, c Changes) (*Staged, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	st, err := s.stage(version, c)
	if err != nil {
		return nil, fmt.Errorf("couldn't stage version %d: %w", version, err)
	}
	return st, nil
}

func (s *Store) stage(version uint64, c Changes) (*Staged, error) {
	s.mu.Lock()
	base, edge, failed := s.latest, s.edge, s.failed
	s.mu.Unlock()
	if failed != nil {
		return nil, failed
	}
	if version == 0 || base.version != 0 && version != base.version+1 {
		return nil, fmt.Errorf("%w: it does not follow version %d", ErrInvalidChanges, base.version)
	}
	if err := c.check(); err != nil {
		return nil, err
	}

	st := &Staged{store: s, base: base.version}
	changes := make([]merkle.Change, len(c.Map))
	for i, ch := range c.Map {
		changes[i] = merkle.Change{Key: slices.Clone(ch.Key), Value: slices.Clone(ch.Value)}
	}
	var err error
	if st.update, err = merkle.UpdateMap(nodeReader{s}, base.root, version, changes); err != nil {
		return nil, err
	}

	leaves := make([]merkle.Hash, 0, len(c.Records))
	for _, r := range c.Records {
		leaves = append(leaves, merkle.LeafHash(r))
		st.records = append(st.records, slices.Clone(r))
	}
	if st.edge, st.tiles, err = edge.appendLeaves(leaves); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalidChanges, err)
	}

	seen := make(map[[sha256.Size]byte]bool, len(c.Contents))
	for _, b := range c.Contents {
		if d := sha256.Sum256(b); !seen[d] {
			seen[d] = true
			st.contents = append(st.contents, slices.Clone(b))
		}
	}
	for _, d := range c.Superseded {
		if !seen[d] {
			seen[d] = true
			st.superseded = append(st.superseded, d)
		}
	}
	slices.SortFunc(st.superseded, func(a, b [sha256.Size]byte) int { return bytes.Compare(a[:], b[:]) })

	st.record = versionRecord{
		version: version,
		root:    st.update.Root,
		log:     st.edge.compact.Head(),
		meta:    slices.Clone(c.Meta),
		extra:   slices.Clone(c.Extra),
	}
	return st, nil
}

// Version returns the version that was staged.
func (st *Staged) Version() uint64 { return st.record.version }

// State returns the app state of the version.
func (st *Staged) State() merkle.AppState { return st.record.state() }
