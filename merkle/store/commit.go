package store

import (
	"crypto/sha256"
	"errors"
	"fmt"

	dbm "github.com/cosmos/cosmos-db"

	"hullmark/merkle"
)

// Commit writes a staged version, and prunes, in one synced batch. When it
// returns nil the version is on disk and visible; when it returns an error the
// store in memory is as it was and shows the version before.
//
// Every error is fatal for the caller, who can't go on without the version. After
// a failed write it is not known whether the version is on disk: the store then
// refuses to stage and commit (ErrFailed), and opening it again finds the version
// whole or not at all.
func (s *Store) Commit(st *Staged) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.commit(st); err != nil {
		return fmt.Errorf("couldn't commit version %d: %w", st.record.version, err)
	}
	return nil
}

func (s *Store) commit(st *Staged) error {
	s.mu.Lock()
	latest, origin, failed := s.latest.version, s.origin, s.failed
	s.mu.Unlock()
	if failed != nil {
		return failed
	}
	if st.store != s || st.base != latest || s.past {
		return fmt.Errorf("%w: version %d, not %d", ErrStaleStage, st.base, latest)
	}

	// Nothing is written before the whole batch is there: an error up to here
	// leaves the database alone.
	batch := batchWriter{batch: s.db.NewBatch()}
	prune, err := s.planPrune(st.record.version)
	if err == nil {
		// In this order: a content that is stored again stays, also when this very
		// commit prunes the version that last needed it.
		prune.write(&batch)
		st.write(&batch, prune.oldest, origin)
		err = batch.err
	}
	if err != nil {
		s.releaseFloor()
		return errors.Join(err, batch.batch.Close())
	}

	// A crash in here leaves the version before, or this one.
	if err := batch.batch.WriteSync(); err != nil {
		// The outcome is unknown; the floor stays up, as the batch may have pruned.
		failed := fmt.Errorf("%w: couldn't write batch: %w", ErrFailed, err)
		s.mu.Lock()
		s.failed = failed
		s.mu.Unlock()
		return errors.Join(failed, batch.batch.Close())
	}

	// The version is durable: only now does anybody see it.
	for _, n := range st.update.Nodes {
		s.cache.add(n.Key, n.Node)
	}
	for _, k := range st.update.StaleNodes {
		s.cache.drop(k)
	}
	s.mu.Lock()
	s.latest, s.edge, s.oldest, s.floor = st.record, st.edge, prune.oldest, prune.oldest
	s.mu.Unlock()
	// What was written can't be undone by failing to free the batch.
	_ = batch.batch.Close()
	return nil
}

// write adds everything the version stores to the batch.
func (st *Staged) write(b *batchWriter, oldest uint64, origin Origin) {
	version := st.record.version
	for _, n := range st.update.Nodes {
		b.set(nodeKey(n.Key), seal(n.Node.Encode()))
	}
	for _, v := range st.update.Values {
		b.set(valueKey(merkle.ValueKey{Version: version, Path: v.Path}), encodeValue(v.Key, v.Value))
	}
	for _, t := range st.tiles {
		b.set(t.key.encode(), encodeTile(t.hashes))
	}
	first := st.record.log.Size - uint64(len(st.records))
	for i, r := range st.records {
		b.set(numberKey(prefixRecord, first+uint64(i)), r)
	}
	for _, c := range st.contents {
		b.set(contentKey(sha256.Sum256(c)), encodeContent(version, c))
	}
	if st.base != 0 {
		// The first version replaces nothing.
		b.set(numberKey(prefixStale, version), encodeStale(st.update.StaleNodes, st.update.StaleValues, st.superseded))
	}
	b.set(numberKey(prefixVersion, version), st.record.encode())
	l := latestRecord{appHash: st.record.state().AppHash(), oldest: oldest, origin: origin, record: st.record}
	b.set(latestKey(), l.encode())
}

// batchWriter fills a batch and keeps the first error.
type batchWriter struct {
	batch dbm.Batch
	err   error
}

func (w *batchWriter) set(key, value []byte) {
	if w.err == nil {
		w.err = w.batch.Set(key, value)
	}
}

func (w *batchWriter) delete(key []byte) {
	if w.err == nil {
		w.err = w.batch.Delete(key)
	}
}
