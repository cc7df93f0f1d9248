// Package merkle holds the hashing, the proofs and the pure algorithms of the
// two Merkle structures a Hullmark ledger commits to, and the app hash that
// binds them.
//
// The log is an append-only RFC 6962 tree: leaf i is the i-th record ever
// accepted. An inclusion proof shows that a record is leaf i of a log of size
// n; a consistency proof shows that one log is a prefix of another.
//
// The map is a compact sparse Merkle tree over the path SHA-256(key): at every
// binary level bit 0 goes left and bit 1 right, an empty subtree is 32 zero
// bytes and a subtree with one leaf is that leaf. It is hash compatible with
// the SmtSpec of ics23. An existence proof shows the value of a key, an absence
// proof that the key has none. The map is kept as nodes of 16 slots (four
// binary levels each); that shape is storage only and no hash depends on it.
//
// The app state is the log head, the map root and a few bytes of meta data; its
// app hash is what the validators sign in the next block header.
//
// Trust: the verifiers take a root (or log head) the caller already trusts and
// bytes from anybody. They read nothing else, allocate nothing in proportion to
// a length they have not checked, and never panic. Each proof has one encoding
// only. Every function here is a pure function of its arguments.
package merkle
