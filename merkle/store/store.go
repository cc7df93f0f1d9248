package store

import (
	"bytes"
	"fmt"
	"sync"

	dbm "github.com/cosmos/cosmos-db"

	"hullmark/merkle"
)

// Options are the settings of a Store.
type Options struct {
	// KeepRecent is how many versions can be read, the latest included. Zero keeps
	// all of them; otherwise it is MinKeepRecent at least. It may change between
	// one opening and the next, but pruned versions do not come back.
	KeepRecent uint64

	// CacheBytes bounds the memory for decoded map nodes. Zero is
	// DefaultCacheBytes; negative is no cache.
	CacheBytes int
}

// Store is the state of one ledger in one database. One goroutine at a time may
// Stage and Commit; everything else may run at any time beside it.
type Store struct {
	db         dbm.DB
	keepRecent uint64
	cache      *nodeCache

	// writing is held by whoever must not see a commit: Stage, Commit, Check.
	writing sync.Mutex

	// mu guards what follows. It is never held during reads and writes of the
	// database, so views open and close while a commit waits for the disk.
	mu     sync.Mutex
	latest versionRecord
	edge   logEdge
	origin Origin         // what the state started from
	past   bool           // shows an older version; nothing is committed
	oldest uint64         // oldest version the database keeps
	floor  uint64         // oldest version a view may open; above oldest while a commit prunes
	held   map[uint64]int // open views per version
	failed error          // set for ever by the first commit whose outcome is unknown
}

// Open opens the store in db, which must be empty or hold a store, and which must
// write batches atomically: package database does, and cosmos-db's memdb.
// It checks that the records, the edge of the log, the root of the map and the
// app hash of the latest version agree (Check goes through everything). It
// returns an error that wraps ErrCorrupt if they do not. The caller closes db
// after the last use of the store.
func Open(db dbm.DB, o Options) (*Store, error) {
	if o.KeepRecent != 0 && o.KeepRecent < MinKeepRecent {
		return nil, fmt.Errorf("couldn't open store: at least %d versions must be kept", MinKeepRecent)
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = DefaultCacheBytes
	}
	s := &Store{
		db:         db,
		keepRecent: o.KeepRecent,
		cache:      newNodeCache(o.CacheBytes),
		latest:     emptyVersion(),
		held:       make(map[uint64]int),
	}
	if err := s.load(); err != nil {
		return nil, fmt.Errorf("couldn't open store: %w", err)
	}
	return s, nil
}

// load reads the latest version.
func (s *Store) load() error {
	b, err := s.db.Get(latestKey())
	if err != nil {
		return fmt.Errorf("couldn't read latest version: %w", err)
	}
	if b == nil {
		return s.checkEmpty()
	}
	l, err := decodeLatestRecord(b)
	if err != nil {
		return err
	}
	for _, version := range []uint64{l.oldest, l.record.version} {
		r, err := s.readVersion(version)
		if err != nil {
			return err
		}
		if version == l.record.version && !bytes.Equal(r.encode(), l.record.encode()) {
			return fmt.Errorf("%w: two records of version %d", ErrCorrupt, version)
		}
	}
	if s.edge, err = s.loadEdge(l.record.log.Size); err != nil {
		return err
	}
	if s.edge.compact.Head() != l.record.log {
		return fmt.Errorf("%w: log root is not that of version %d", ErrCorrupt, l.record.version)
	}
	if _, err := merkle.FindLeaf(nodeReader{s}, l.record.root, merkle.Hash{}); err != nil {
		return err
	}
	s.latest, s.origin, s.oldest, s.floor = l.record, l.origin, l.oldest, l.oldest
	return nil
}

// checkEmpty refuses databases that hold something, but no latest version.
func (s *Store) checkEmpty() (err error) {
	it, err := s.db.Iterator(nil, nil)
	if err != nil {
		return fmt.Errorf("couldn't read database: %w", err)
	}
	defer func() {
		if cerr := it.Close(); err == nil {
			err = cerr
		}
	}()
	if it.Valid() {
		return fmt.Errorf("%w: it is not empty and has no latest version", ErrCorrupt)
	}
	return it.Error()
}

// Version returns the last committed version; zero if there is none.
func (s *Store) Version() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.latest.version
}

// Oldest returns the oldest version that can be viewed; zero if there is none.
func (s *Store) Oldest() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.floor
}

// nodeReader reads map nodes of committed versions. Whoever uses it holds a version
// that reaches them.
type nodeReader struct{ *Store }

// ReadNode implements merkle.NodeReader. It checks nodes against their hash when
// they come from the database.
func (s nodeReader) ReadNode(key merkle.NodeKey, want merkle.Hash) (*merkle.MapNode, error) {
	if n, ok := s.cache.get(key); ok {
		return n, nil
	}
	n, err := s.loadNode(key, want)
	if err != nil {
		return nil, err
	}
	s.cache.add(key, n)
	return n, nil
}

// loadNode reads a map node from the database and checks its hash.
func (s *Store) loadNode(key merkle.NodeKey, want merkle.Hash) (*merkle.MapNode, error) {
	b, err := s.get(nodeKey(key))
	if err != nil {
		return nil, err
	}
	if b, err = unseal(b); err != nil {
		return nil, err
	}
	n, err := merkle.DecodeMapNode(key, b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if n.Hash() != want {
		return nil, fmt.Errorf("%w: map node has another hash", ErrCorrupt)
	}
	return n, nil
}

// get reads what must be there. The result belongs to the database.
func (s *Store) get(key []byte) ([]byte, error) {
	b, err := s.db.Get(key)
	if err != nil {
		return nil, fmt.Errorf("couldn't read database: %w", err)
	}
	if b == nil {
		return nil, fmt.Errorf("%w: no entry %x", ErrCorrupt, key)
	}
	return b, nil
}

// readVersion reads a version record.
func (s *Store) readVersion(version uint64) (versionRecord, error) {
	b, err := s.get(numberKey(prefixVersion, version))
	if err != nil {
		return versionRecord{}, fmt.Errorf("couldn't read version %d: %w", version, err)
	}
	r, err := decodeVersionRecord(b)
	if err != nil {
		return versionRecord{}, fmt.Errorf("couldn't read version %d: %w", version, err)
	}
	if r.version != version {
		return versionRecord{}, fmt.Errorf("%w: version %d is stored as %d", ErrCorrupt, r.version, version)
	}
	return r, nil
}

// readValue reads the value of a leaf and checks that it is the leaf's.
func (s *Store) readValue(leaf merkle.MapRef) (key, value []byte, err error) {
	b, err := s.get(valueKey(merkle.ValueKey{Version: leaf.Version, Path: leaf.Path}))
	if err != nil {
		return nil, nil, fmt.Errorf("couldn't read value: %w", err)
	}
	if key, value, err = decodeValue(b); err != nil {
		return nil, nil, err
	}
	if merkle.KeyPath(key) != leaf.Path || merkle.MapLeafHash(leaf.Path, merkle.ValueHash(value)) != leaf.Hash {
		return nil, nil, fmt.Errorf("%w: value of another leaf", ErrCorrupt)
	}
	return key, value, nil
}
