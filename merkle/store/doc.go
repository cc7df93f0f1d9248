// Package store keeps the versions of a ledger's state: the nodes and values of
// its map, the tiles and records of its log, and contents named by their digest.
// The Merkle algorithms themselves are in package merkle.
//
// A version is a block height. Stage computes what a version adds to the last
// one and writes nothing; Commit writes it in one synced batch. There is no
// other write: after a crash the database holds a version whole or not at all,
// and staging it again gives the same bytes. Views read one committed version
// and stay valid while later versions are committed and old ones are pruned.
//
// # Trust
//
// The database is trusted to keep a batch together, not to return what was
// written: map nodes, values and contents are checked against their hashes when
// they are read, log proofs before they are served, what no hash covers by a
// checksum, and the latest version when the store is opened. What can't be read, or
// is not what it should be, is an error and never taken as absent.
//
// # Database keys
//
// Integers are big-endian; version8 is a version in 8 bytes.
//
//	n version8 depth1 nibbles   map node (see merkle.MapNode), checksum8; nibbles
//	                            is the path down to it in ceil(depth/2) bytes,
//	                            the spare half-byte zero
//	v version8 path32           uvarint(len key) key value
//	r version8                  version record
//	s version8                  what the version replaced: count4, then count
//	                            times (len1, database key), checksum8
//	t level1 index8             log tile of C2SP tlog-tiles: 1 to 256 hashes; a
//	                            partial tile is overwritten as it grows
//	e index8                    log record
//	b sha256                    version8 that stored it last, checksum8, content
//	m                           format1, app hash, oldest version8, origin32, the
//	                            version record of the latest version, checksum8
//
// A version record is format1, version8, the reference of the map (see
// merkle.MapRef), the log head (see merkle.LogHead), uvarint(len meta) meta,
// uvarint(len extra) extra, checksum8. A checksum is the first 8 bytes of the
// SHA-256 of what stands before it.
//
// Versions come first in the keys of the map, so that a version appends to an
// LSM tree instead of rewriting it all over.
package store
