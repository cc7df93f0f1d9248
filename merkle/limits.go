package merkle

const (
	// MaxLogSize is the largest log. Any index and size then fits a signed
	// 64-bit integer, also in other people's tools, and shifting by one more
	// level cannot overflow.
	MaxLogSize = 1 << 62

	// MaxLogProof is the largest number of hashes in a log proof: a path through
	// a tree of MaxLogSize leaves, plus the node a consistency proof starts from.
	MaxLogProof = 63

	// MaxMapDepth is the deepest binary level of the map: one per bit of a path.
	MaxMapDepth = 8 * HashSize

	// MaxMapProofSize is the longest encoded map proof: the depth, a bitmap of
	// MaxMapDepth bits, as many siblings, the flag and a foreign leaf.
	MaxMapProofSize = 2 + MaxMapDepth/8 + MaxMapDepth*HashSize + 1 + 2*HashSize

	// NodeSlots is the number of slots of a stored map node, which spans four
	// binary levels: wide enough that a path needs few reads, narrow enough that a
	// change rewrites little.
	NodeSlots = 1 << slotBits

	// MaxKeySize bounds a map key. The longest key in use is a repository name
	// with a tag; the rest is room, small enough that keys never dominate a node.
	MaxKeySize = 1024

	// MaxValueSize bounds a map value, because every answer about a key carries
	// the whole value. Larger things go in by digest.
	MaxValueSize = 1 << 20

	// MaxMetaSize bounds the meta data of an app state, which every bundle
	// carries. In use are a format version and one hash.
	MaxMetaSize = 256

	// MaxRecordSize is the longest log record: C2SP tlog-tiles entry bundles
	// prefix each entry with a 16-bit length.
	MaxRecordSize = 1<<16 - 1

	// MinRecordSize is the shortest log record. Map leaves hash 64 bytes behind
	// the same 0x00 prefix as log leaves; a record that is longer can never be
	// mistaken for a map leaf.
	MinRecordSize = 2*HashSize + 1
)

const (
	// slotBits is the number of binary levels one stored map node spans.
	slotBits = 4
	// maxNodeDepth is the number of nibbles in a path; nodes lie above it.
	maxNodeDepth = MaxMapDepth / slotBits
	// maxNodeSize is the longest encoded map node: both masks, and per slot a
	// hash, a version of at most ten bytes and a path.
	maxNodeSize = 4 + NodeSlots*(HashSize+10+HashSize)
)
