package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	dbm "github.com/cosmos/cosmos-db"

	"hullmark/merkle"
)

// Check goes through the whole database: every hash of every kept version is
// computed again, every record, tile, value and content compared with what
// commits to it, and nothing may be missing or left over. It reads the database
// and not the cache. Commits wait while it runs. It returns an error that wraps
// ErrCorrupt for the first thing that is wrong, and that of ctx if it ends early.
func (s *Store) Check(ctx context.Context) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.check(ctx); err != nil {
		return fmt.Errorf("couldn't check store: %w", err)
	}
	return nil
}

func (s *Store) check(ctx context.Context) error {
	s.mu.Lock()
	latest, origin, oldest, failed := s.latest, s.origin, s.oldest, s.failed
	s.mu.Unlock()
	if failed != nil {
		return failed
	}
	c := checker{
		ctx:    ctx,
		store:  s,
		latest: latest,
		origin: origin,
		oldest: oldest,
		nodes:  make(map[merkle.NodeKey]merkle.Hash),
		values: make(map[merkle.ValueKey]merkle.Hash),
	}
	if latest.version == 0 {
		return s.checkEmpty()
	}
	if err := c.checkVersions(); err != nil {
		return err
	}
	if err := c.checkLog(); err != nil {
		return err
	}
	return c.checkEntries()
}

// checker is one run of Check.
type checker struct {
	ctx    context.Context
	store  *Store
	latest versionRecord
	origin Origin
	oldest uint64

	// nodes and values are what the kept versions reach, with the hashes they are
	// known by. Versions share nearly all of it, so each is looked at once.
	nodes  map[merkle.NodeKey]merkle.Hash
	values map[merkle.ValueKey]merkle.Hash

	// fresh are the database keys of what the version being checked reaches and
	// no later one does.
	fresh []string
}

// checkVersions follows the map of every kept version, the latest first. What a
// version reaches and the next one does not is what the next one replaced.
func (c *checker) checkVersions() error {
	b, err := c.store.get(latestKey())
	if err != nil {
		return err
	}
	l, err := decodeLatestRecord(b)
	if err != nil {
		return err
	}
	if l.oldest != c.oldest || l.origin != c.origin || !bytes.Equal(l.record.encode(), c.latest.encode()) {
		return fmt.Errorf("%w: latest version is not the one that is open", ErrCorrupt)
	}
	for version := c.latest.version; version >= c.oldest; version-- {
		r, err := c.store.readVersion(version)
		if err != nil {
			return err
		}
		if version == c.latest.version && !bytes.Equal(r.encode(), c.latest.encode()) {
			return fmt.Errorf("%w: version %d is not the one that is open", ErrCorrupt, version)
		}
		if err := c.checkVersion(&r); err != nil {
			return fmt.Errorf("version %d: %w", version, err)
		}
	}
	return nil
}

func (c *checker) checkVersion(r *versionRecord) error {
	if r.log.Size > c.latest.log.Size {
		return fmt.Errorf("%w: log is longer than the latest", ErrCorrupt)
	}
	head, err := c.store.logHead(r.log.Size)
	if err != nil {
		return err
	}
	if head != r.log {
		return fmt.Errorf("%w: log has another root", ErrCorrupt)
	}
	c.fresh = nil
	if err := c.checkMap(r.root, merkle.NodeKey{Version: r.root.Version}); err != nil {
		return err
	}
	if r.version == c.latest.version {
		return nil
	}
	b, err := c.store.get(numberKey(prefixStale, r.version+1))
	if err != nil {
		return err
	}
	stale, err := decodeStale(r.version+1, b)
	if err != nil {
		return err
	}
	listed := make([]string, 0, len(stale))
	for _, k := range stale {
		// No hash says which contents a version needs: the ledger knows.
		if k[0] != prefixContent {
			listed = append(listed, string(k))
		}
	}
	slices.Sort(listed)
	slices.Sort(c.fresh)
	if !slices.Equal(listed, c.fresh) {
		return fmt.Errorf("%w: stale list of version %d is not what it replaced", ErrCorrupt, r.version+1)
	}
	return nil
}

// checkMap checks the subtree ref, which is stored at key if it is a node.
func (c *checker) checkMap(ref merkle.MapRef, key merkle.NodeKey) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	switch ref.Kind {
	case merkle.RefEmpty:
	case merkle.RefLeaf:
		k := merkle.ValueKey{Version: ref.Version, Path: ref.Path}
		if h, ok := c.values[k]; ok && h == ref.Hash {
			return nil
		}
		c.values[k] = ref.Hash
		c.fresh = append(c.fresh, string(valueKey(k)))
		_, _, err := c.store.readValue(ref)
		return err
	case merkle.RefInner:
		if h, ok := c.nodes[key]; ok && h == ref.Hash {
			return nil
		}
		c.nodes[key] = ref.Hash
		c.fresh = append(c.fresh, string(nodeKey(key)))
		n, err := c.store.loadNode(key, ref.Hash)
		if err != nil {
			return err
		}
		for slot := range merkle.NodeSlots {
			child := n.Slot(slot)
			if err := c.checkMap(child, key.Child(slot, child.Version)); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkLog compares all records with the leaves, and all tiles with the records.
func (c *checker) checkLog() error {
	var edge logEdge
	size := c.latest.log.Size
	for first := uint64(0); first < size; first += tileWidth {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		leaves := make([]merkle.Hash, 0, tileWidth)
		for index := first; index < min(first+tileWidth, size); index++ {
			b, err := c.store.get(numberKey(prefixRecord, index))
			if err != nil {
				return err
			}
			if len(b) < merkle.MinRecordSize || len(b) > merkle.MaxRecordSize {
				return fmt.Errorf("%w: log record %d has %d bytes", ErrCorrupt, index, len(b))
			}
			leaves = append(leaves, merkle.LeafHash(b))
		}
		next, tiles, err := edge.appendLeaves(leaves)
		if err != nil {
			return err
		}
		edge = next
		for _, t := range tiles {
			// A partial tile grows until the last record.
			if len(t.hashes) != tileHashes(size, t.key) {
				continue
			}
			if err := c.checkTile(t.key, t.hashes); err != nil {
				return err
			}
		}
	}
	if edge.compact.Head() != c.latest.log {
		return fmt.Errorf("%w: log root is not that of its records", ErrCorrupt)
	}
	return nil
}

func (c *checker) checkTile(k tileKey, hashes []merkle.Hash) error {
	b, err := c.store.get(k.encode())
	if err != nil {
		return err
	}
	if !bytes.Equal(b, encodeTile(hashes)) {
		return fmt.Errorf("%w: tile %d of level %d is not that of the records", ErrCorrupt, k.index, k.level)
	}
	return nil
}

// checkEntries goes through the keys of the database and looks for entries that
// belong to nothing, and contents that changed.
func (c *checker) checkEntries() (err error) {
	it, err := c.store.db.Iterator(nil, nil)
	if err != nil {
		return fmt.Errorf("couldn't read database: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ; it.Valid(); it.Next() {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		if err := c.checkEntry(it); err != nil {
			return err
		}
	}
	return it.Error()
}

func (c *checker) checkEntry(it dbm.Iterator) error {
	key := it.Key()
	ok := false
	switch key[0] {
	case prefixNode:
		k, err := parseNodeKey(key)
		if err != nil {
			return err
		}
		_, ok = c.nodes[k]
	case prefixValue:
		k, err := parseValueKey(key)
		if err != nil {
			return err
		}
		_, ok = c.values[k]
	case prefixTile:
		k, err := parseTileKey(key)
		if err != nil {
			return err
		}
		ok = tileHashes(c.latest.log.Size, k) > 0
	case prefixRecord:
		index, err := parseNumberKey(key)
		if err != nil {
			return err
		}
		ok = index < c.latest.log.Size
	case prefixVersion:
		version, err := parseNumberKey(key)
		if err != nil {
			return err
		}
		ok = c.oldest <= version && version <= c.latest.version
	case prefixStale:
		version, err := parseNumberKey(key)
		if err != nil {
			return err
		}
		ok = c.oldest < version && version <= c.latest.version
	case prefixContent:
		digest, err := parseContentKey(key)
		if err != nil {
			return err
		}
		stored, _, err := decodeContent(digest, it.Value())
		if err != nil {
			return err
		}
		ok = 0 < stored && stored <= c.latest.version
	case prefixLatest:
		ok = len(key) == 1
	}
	if !ok {
		return fmt.Errorf("%w: entry %x belongs to nothing", ErrCorrupt, key)
	}
	return nil
}
