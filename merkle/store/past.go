package store

import "fmt"

// Past returns the store as it was at a version that is still kept, for staging once
// more what was committed after it. Nothing can be committed to it (ErrStaleStage).
// Version 0 is the empty state, whatever is kept. The store itself must not commit
// while the result is in use.
func (s *Store) Past(version uint64) (*Store, error) {
	p := &Store{
		db: s.db, cache: newNodeCache(DefaultCacheBytes), latest: emptyVersion(),
		held: make(map[uint64]int), past: true,
	}
	s.mu.Lock()
	p.origin = s.origin
	s.mu.Unlock()
	if version == 0 {
		return p, nil
	}
	v, err := s.View(version)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	if p.edge, err = s.edgeAt(v.record.log.Size); err != nil {
		return nil, fmt.Errorf("couldn't go back to version %d: %w", version, err)
	}
	if p.edge.compact.Head() != v.record.log {
		return nil, fmt.Errorf("couldn't go back to version %d: %w: log root is not that of the version", version, ErrCorrupt)
	}
	p.latest, p.oldest, p.floor = v.record, version, version
	return p, nil
}
