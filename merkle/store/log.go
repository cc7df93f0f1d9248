package store

import (
	"fmt"
	"slices"

	"hullmark/merkle"
)

// logEdge is what appending to the log needs: the compact range, and the hashes
// of the last, partial tile of each level (0 to 255 of them).
type logEdge struct {
	compact merkle.CompactRange
	tiles   [][]merkle.Hash
}

// tileWrite is a log tile to store.
type tileWrite struct {
	key    tileKey
	hashes []merkle.Hash
}

// appendLeaves returns the edge after appending the leaves, and the tiles that
// are new or grew. The old edge stays valid.
func (e *logEdge) appendLeaves(leaves []merkle.Hash) (logEdge, []tileWrite, error) {
	next := logEdge{compact: e.compact, tiles: slices.Clone(e.tiles)}
	var full []tileWrite
	grown := make([]bool, len(next.tiles)) // partial tile is no longer the stored one
	for _, leaf := range leaves {
		if err := next.compact.Append(leaf); err != nil {
			return logEdge{}, nil, err
		}
		index := next.compact.Size() - 1
		h := leaf
		for level := 0; ; level++ {
			if level == len(next.tiles) {
				next.tiles, grown = append(next.tiles, nil), append(grown, false)
			}
			if !grown[level] {
				// The array belongs to the old edge until it is copied.
				next.tiles[level] = append(make([]merkle.Hash, 0, tileWidth), next.tiles[level]...)
				grown[level] = true
			}
			next.tiles[level] = append(next.tiles[level], h)
			if len(next.tiles[level]) < tileWidth {
				break
			}
			index >>= tileHeight
			full = append(full, tileWrite{tileKey{uint8(level), index}, next.tiles[level]})
			h = subtreeHash(next.tiles[level])
			next.tiles[level], grown[level] = nil, false
		}
	}
	writes := full
	for level, hashes := range next.tiles {
		if grown[level] && len(hashes) > 0 {
			index := next.compact.Size() >> (tileHeight * (level + 1))
			writes = append(writes, tileWrite{tileKey{uint8(level), index}, hashes})
		}
	}
	return next, writes, nil
}

// subtreeHash returns the root of a complete subtree over hashes, whose number is
// a power of two.
func subtreeHash(hashes []merkle.Hash) merkle.Hash {
	if len(hashes) == 1 {
		return hashes[0]
	}
	half := len(hashes) / 2
	return merkle.NodeHash(subtreeHash(hashes[:half]), subtreeHash(hashes[half:]))
}

// tileLevels returns how many levels of tiles a log has.
func tileLevels(size uint64) int {
	n := 0
	for ; size > 0; size >>= tileHeight {
		n++
	}
	return n
}

// tileHashes returns how many hashes tile k has in a log of the given size.
func tileHashes(size uint64, k tileKey) int {
	if int(k.level) >= tileLevels(size) {
		return 0
	}
	inLevel := size >> (tileHeight * int(k.level))
	switch full := inLevel >> tileHeight; {
	case k.index < full:
		return tileWidth
	case k.index == full:
		return int(inLevel & (tileWidth - 1))
	}
	return 0
}

func encodeTile(hashes []merkle.Hash) []byte {
	b := make([]byte, 0, len(hashes)*merkle.HashSize)
	for _, h := range hashes {
		b = append(b, h[:]...)
	}
	return b
}

// logReader reads the nodes of a log of the given size, which may be smaller than
// the stored log: a partial tile is a prefix of every later one.
type logReader struct {
	store *Store
	size  uint64
}

// tile reads the hashes that tile k has at the reader's size.
func (r logReader) tile(k tileKey) ([]merkle.Hash, error) {
	want := tileHashes(r.size, k)
	b, err := r.store.get(k.encode())
	if err != nil {
		return nil, fmt.Errorf("couldn't read tile %d of level %d: %w", k.index, k.level, err)
	}
	if len(b)%merkle.HashSize != 0 || len(b) > tileWidth*merkle.HashSize || len(b) < want*merkle.HashSize {
		return nil, fmt.Errorf("%w: tile %d of level %d has %d bytes", ErrCorrupt, k.index, k.level, len(b))
	}
	hashes := make([]merkle.Hash, want)
	for i := range hashes {
		hashes[i] = merkle.Hash(b[i*merkle.HashSize:])
	}
	return hashes, nil
}

// ReadHashes implements merkle.HashReader.
func (r logReader) ReadHashes(nodes []merkle.LogNode) ([]merkle.Hash, error) {
	tiles := make(map[tileKey][]merkle.Hash)
	out := make([]merkle.Hash, 0, len(nodes))
	for _, n := range nodes {
		// The node spans 2^below hashes of the tile it lies in.
		below := n.Level % tileHeight
		first := n.Index << below
		k := tileKey{level: n.Level / tileHeight, index: first >> tileHeight}
		hashes, ok := tiles[k]
		if !ok {
			var err error
			if hashes, err = r.tile(k); err != nil {
				return nil, err
			}
			tiles[k] = hashes
		}
		lo := int(first & (tileWidth - 1))
		hi := lo + 1<<below
		if hi > len(hashes) {
			return nil, fmt.Errorf("log node %d of level %d is %w", n.Index, n.Level, merkle.ErrRange)
		}
		out = append(out, subtreeHash(hashes[lo:hi]))
	}
	return out, nil
}

// loadEdge reads the edge of a log of the given size and checks that the stored
// tiles end exactly there.
func (s *Store) loadEdge(size uint64) (logEdge, error) {
	for level := range tileLevels(size) {
		k := tileKey{uint8(level), size >> (tileHeight * (level + 1))}
		b, err := s.db.Get(k.encode())
		if err != nil {
			return logEdge{}, fmt.Errorf("couldn't read log edge: %w", err)
		}
		if want := tileHashes(size, k); len(b) != want*merkle.HashSize {
			return logEdge{}, fmt.Errorf("%w: edge tile of level %d has %d bytes for a log of size %d", ErrCorrupt, level, len(b), size)
		}
	}
	return s.edgeAt(size)
}

// edgeAt reads the edge that the log had at a size that is stored.
func (s *Store) edgeAt(size uint64) (logEdge, error) {
	r := logReader{store: s, size: size}
	edge := logEdge{tiles: make([][]merkle.Hash, tileLevels(size))}
	for level := range edge.tiles {
		k := tileKey{uint8(level), size >> (tileHeight * (level + 1))}
		if tileHashes(size, k) == 0 {
			continue
		}
		var err error
		if edge.tiles[level], err = r.tile(k); err != nil {
			return logEdge{}, err
		}
	}
	plan, err := merkle.PlanRoot(size)
	if err != nil {
		return logEdge{}, err
	}
	hashes, err := r.ReadHashes(plan.Nodes)
	if err != nil {
		return logEdge{}, err
	}
	if edge.compact, err = merkle.NewCompactRange(size, hashes); err != nil {
		return logEdge{}, err
	}
	return edge, nil
}
