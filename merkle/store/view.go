package store

import (
	"bytes"
	"fmt"
	"slices"
	"sync/atomic"

	"hullmark/merkle"
)

// View reads one committed version. It may be used by several goroutines. While
// it is open nothing of its version, and of later ones, is pruned, so close it
// soon. All bytes it returns are the caller's.
type View struct {
	store   *Store
	version uint64 // that is held
	record  versionRecord
	closed  atomic.Bool
}

// View opens a version. It returns ErrPruned for a version that was given up or
// lies before the first one, and ErrFutureVersion for one not committed yet. In a
// store without versions, version 0 is the empty state.
func (s *Store) View(version uint64) (*View, error) {
	s.mu.Lock()
	latest := s.latest
	if version > latest.version {
		s.mu.Unlock()
		return nil, fmt.Errorf("couldn't view version %d: %w (the latest is %d)", version, ErrFutureVersion, latest.version)
	}
	if version < s.floor {
		floor := s.floor
		s.mu.Unlock()
		return nil, fmt.Errorf("couldn't view version %d: %w (the oldest is %d)", version, ErrPruned, floor)
	}
	s.held[version]++
	s.mu.Unlock()

	v := &View{store: s, version: version, record: latest}
	if version != latest.version {
		var err error
		if v.record, err = s.readVersion(version); err != nil {
			v.Close()
			return nil, err
		}
	}
	return v, nil
}

// Latest opens the last committed version; in a store without versions, the empty
// state as version 0.
func (s *Store) Latest() *View {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[s.latest.version]++
	return &View{store: s, version: s.latest.version, record: s.latest}
}

// Close lets the version be pruned. Later calls do nothing.
func (v *View) Close() {
	if v.closed.Swap(true) {
		return
	}
	s := v.store
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[v.version]--; s.held[v.version] == 0 {
		delete(s.held, v.version)
	}
}

// Version returns the version that is viewed.
func (v *View) Version() uint64 { return v.version }

// State returns the app state of the version.
func (v *View) State() merkle.AppState { return v.record.state() }

// Extra returns the opaque bytes that were committed with the version. They are
// in no hash.
func (v *View) Extra() []byte { return slices.Clone(v.record.extra) }

// Get returns the value of a key of the map, and whether it has one.
func (v *View) Get(key []byte) (value []byte, ok bool, err error) {
	leaf, ok, err := v.find(key)
	if err != nil || !ok {
		return nil, false, err
	}
	if _, value, err = v.store.readValue(leaf); err != nil {
		return nil, false, err
	}
	return value, true, nil
}

// Leaf returns the hash of the leaf of a key of the map, and whether it has one. It names
// key and value, so whoever has seen that leaf before need not read the value again.
func (v *View) Leaf(key []byte) (merkle.Hash, bool, error) {
	leaf, ok, err := v.find(key)
	return leaf.Hash, ok, err
}

func (v *View) find(key []byte) (leaf merkle.MapRef, ok bool, err error) {
	if v.closed.Load() {
		return leaf, false, ErrClosed
	}
	leaf, err = merkle.FindLeaf(nodeReader{v.store}, v.record.root, merkle.KeyPath(key))
	return leaf, err == nil && leaf.Kind == merkle.RefLeaf, err
}

// Prove returns the value of a key of the map and the proof of its existence
// (merkle.VerifyExistence); if it has none, nil and the proof of its absence
// (merkle.VerifyAbsence). Both are against State().Map.
func (v *View) Prove(key []byte) (value, proof []byte, err error) {
	if v.closed.Load() {
		return nil, nil, ErrClosed
	}
	path := merkle.KeyPath(key)
	siblings, leaf, err := merkle.FindSiblings(nodeReader{v.store}, v.record.root, path)
	if err != nil {
		return nil, nil, err
	}
	p := merkle.MapProof{Siblings: siblings}
	if leaf.Kind == merkle.RefLeaf {
		if _, value, err = v.store.readValue(leaf); err != nil {
			return nil, nil, err
		}
		if leaf.Path != path {
			p.Foreign = &merkle.ForeignLeaf{Path: leaf.Path, ValueHash: merkle.ValueHash(value)}
			value = nil
		}
	}
	return value, p.Encode(), nil
}

// Walk calls visit for every key of the map in the order of their paths, that is
// of SHA-256(key), and stops at the first error.
func (v *View) Walk(visit func(key, value []byte) error) error {
	return merkle.WalkLeaves(nodeReader{v.store}, v.record.root, func(leaf merkle.MapRef) error {
		if v.closed.Load() {
			return ErrClosed
		}
		key, value, err := v.store.readValue(leaf)
		if err != nil {
			return err
		}
		return visit(key, value)
	})
}

// Record returns the log record at index, unchecked: its inclusion proof checks
// it. It returns merkle.ErrRange for an index that is not in the log of this
// version.
func (v *View) Record(index uint64) ([]byte, error) {
	if v.closed.Load() {
		return nil, ErrClosed
	}
	if index >= v.record.log.Size {
		return nil, fmt.Errorf("log index %d is %w in a log of size %d", index, merkle.ErrRange, v.record.log.Size)
	}
	b, err := v.store.get(numberKey(prefixRecord, index))
	if err != nil {
		return nil, fmt.Errorf("couldn't read log record %d: %w", index, err)
	}
	return slices.Clone(b), nil
}

// InclusionProof returns the proof (merkle.VerifyInclusion) that the record at
// index is in the log of this version. It returns merkle.ErrRange for an index
// that is not.
func (v *View) InclusionProof(index uint64) ([]merkle.Hash, error) {
	record, err := v.Record(index)
	if err != nil {
		return nil, err
	}
	plan, err := merkle.PlanInclusion(index, v.record.log.Size)
	if err != nil {
		return nil, err
	}
	proof, err := plan.Fetch(logReader{store: v.store, size: v.record.log.Size})
	if err != nil {
		return nil, err
	}
	// Tiles carry no hash of their own to check them by.
	if err := merkle.VerifyInclusion(merkle.LeafHash(record), index, v.record.log, proof); err != nil {
		return nil, fmt.Errorf("%w: log index %d: %w", ErrCorrupt, index, err)
	}
	return proof, nil
}

// ConsistencyProof returns the proof (merkle.VerifyConsistency) that the log of
// this version extends what it was at oldSize. It returns merkle.ErrRange for a
// size above that of this version.
func (v *View) ConsistencyProof(oldSize uint64) ([]merkle.Hash, error) {
	if v.closed.Load() {
		return nil, ErrClosed
	}
	plan, err := merkle.PlanConsistency(oldSize, v.record.log.Size)
	if err != nil {
		return nil, err
	}
	proof, err := plan.Fetch(logReader{store: v.store, size: v.record.log.Size})
	if err != nil {
		return nil, err
	}
	old, err := v.store.logHead(oldSize)
	if err != nil {
		return nil, err
	}
	if err := merkle.VerifyConsistency(old, v.record.log, proof); err != nil {
		return nil, fmt.Errorf("%w: log of size %d: %w", ErrCorrupt, oldSize, err)
	}
	return proof, nil
}

// logHead computes the head the log had at a size that is stored.
func (s *Store) logHead(size uint64) (merkle.LogHead, error) {
	plan, err := merkle.PlanRoot(size)
	if err != nil {
		return merkle.LogHead{}, err
	}
	hashes, err := logReader{store: s, size: size}.ReadHashes(plan.Nodes)
	if err != nil {
		return merkle.LogHead{}, err
	}
	r, err := merkle.NewCompactRange(size, hashes)
	if err != nil {
		return merkle.LogHead{}, err
	}
	return r.Head(), nil
}

// Content returns the content with the given SHA-256. It returns ErrNotFound if
// there is none. What the version needs is there; beyond that contents have no
// version: one that came later, or was superseded and is not pruned yet, is found
// too.
func (v *View) Content(digest [32]byte) ([]byte, error) {
	if v.closed.Load() {
		return nil, ErrClosed
	}
	b, err := v.store.db.Get(contentKey(digest))
	if err != nil {
		return nil, fmt.Errorf("couldn't read content %x: %w", digest, err)
	}
	if b == nil {
		return nil, fmt.Errorf("content %x %w", digest, ErrNotFound)
	}
	_, content, err := decodeContent(digest, b)
	if err != nil {
		return nil, fmt.Errorf("couldn't read content: %w", err)
	}
	return bytes.Clone(content), nil
}
