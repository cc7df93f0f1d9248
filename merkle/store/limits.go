package store

const (
	// MinKeepRecent is the smallest number of versions kept when pruning is on:
	// the app hash of a version is in the header of the next one, so the version
	// before the latest is the newest that can be proven.
	MinKeepRecent = 2

	// MaxContentSize bounds one content. A TUF role file is at most 1,000,000 bytes;
	// the rest is room for what comes later.
	MaxContentSize = 6 << 20

	// MaxExtraSize bounds the opaque bytes kept with a version: they are read
	// whole whenever the version is opened.
	MaxExtraSize = 64 << 10

	// DefaultCacheBytes is the default memory for decoded map nodes: about
	// 100,000 of them.
	DefaultCacheBytes = 64 << 20
)

const (
	// maxPruneVersions and maxPruneKeys bound what one commit prunes: at least
	// one version when there is one to prune, so that pruning keeps pace, and a
	// few more while they are small, so that a backlog shrinks without one block
	// paying for all of it.
	maxPruneVersions = 8
	maxPruneKeys     = 20_000
)

const (
	// tileHeight is the number of tree levels in a tile (C2SP tlog-tiles).
	tileHeight = 8
	// tileWidth is the number of hashes in a full tile.
	tileWidth = 1 << tileHeight
)
