package store

import "fmt"

// prunePlan is what a commit deletes.
type prunePlan struct {
	oldest uint64   // oldest version kept after it
	keys   [][]byte // database keys to delete
}

// planPrune decides what committing the given version prunes, and closes the
// versions it gives up to new views. Open views keep theirs, and all newer ones.
// The caller holds s.writing.
//
// To give up the oldest version is to delete what the version after it replaced.
func (s *Store) planPrune(version uint64) (prunePlan, error) {
	s.mu.Lock()
	plan := prunePlan{oldest: s.oldest}
	// The stale list of the version being committed is not stored yet: the
	// version before it is never given up, which MinKeepRecent ensures.
	limit := s.oldest
	if s.keepRecent > 0 && version >= s.keepRecent {
		limit = max(limit, version-s.keepRecent+1)
	}
	for held := range s.held {
		limit = min(limit, held)
	}
	limit = min(limit, s.oldest+maxPruneVersions)
	limit = max(limit, s.oldest) // whatever was held before there was a version
	if s.oldest == 0 {
		// Nothing was there before this version, and it is the oldest now.
		limit, plan.oldest = version, version
	}
	s.floor = limit
	s.mu.Unlock()

	for plan.oldest < limit && len(plan.keys) < maxPruneKeys {
		next := plan.oldest + 1
		key := numberKey(prefixStale, next)
		b, err := s.get(key)
		if err != nil {
			return prunePlan{}, fmt.Errorf("couldn't prune version %d: %w", plan.oldest, err)
		}
		stale, err := decodeStale(next, b)
		if err != nil {
			return prunePlan{}, fmt.Errorf("couldn't prune version %d: %w", plan.oldest, err)
		}
		for _, key := range stale {
			needed, err := s.stillNeeded(next, key)
			if err != nil {
				return prunePlan{}, fmt.Errorf("couldn't prune version %d: %w", plan.oldest, err)
			}
			if !needed {
				plan.keys = append(plan.keys, key)
			}
		}
		plan.keys = append(plan.keys, key, numberKey(prefixVersion, plan.oldest))
		plan.oldest = next
	}
	return plan, nil
}

// stillNeeded reports whether an entry of the stale list of a version is a content
// that was stored again since, or is not there: then there is nothing to delete.
// Map nodes and values have the version in their key and never come back.
func (s *Store) stillNeeded(version uint64, key []byte) (bool, error) {
	if key[0] != prefixContent {
		return false, nil
	}
	b, err := s.db.Get(key)
	if err != nil {
		return false, fmt.Errorf("couldn't read database: %w", err)
	}
	if b == nil {
		return true, nil
	}
	stored, err := contentVersion(b)
	if err != nil {
		return false, fmt.Errorf("content %x: %w", key[1:], err)
	}
	return stored >= version, nil
}

// releaseFloor opens again what a commit wanted to prune and did not.
func (s *Store) releaseFloor() {
	s.mu.Lock()
	s.floor = s.oldest
	s.mu.Unlock()
}

func (p *prunePlan) write(b *batchWriter) {
	for _, key := range p.keys {
		b.delete(key)
	}
}
