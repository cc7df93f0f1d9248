// Package determinism checks that blocks alone decide what the ledger becomes:
// the same ones give the same app hashes and results on any number of processors,
// with any caches, after any restart, in any process, and in every later version
// of the program.
//
// testdata/run.json is a recorded run: the bytes of blocks and what they did. The
// blocks are replayed as they are, so a version that judges or encodes anything
// differently fails here, as it would fail in a network whose other nodes have not
// changed. While no ledger is in use, a wanted change is recorded anew:
//
//	go test ./tests/determinism -update
package determinism
