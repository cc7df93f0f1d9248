// Package abci is the boundary between CometBFT and the ledger: it turns ABCI
// calls into calls of the state machine, and queries into calls of package lookup.
//
// The four connections of an application are four files here: mempool.go,
// consensus.go, query.go and snapshot.go; info.go is the handshake. The
// consensus connection is the only one that writes. FinalizeBlock computes a
// block and writes nothing; Commit writes it in one synced batch. A crash between
// the two, or before, replays the block to the same bytes.
//
// A transaction that is wrong gets a rejection code and never an ABCI error. An
// ABCI error or a panic would stop the engine and leave a process that looks
// alive; so whatever the ledger reports that is not a rejection ends the process
// (Options.Fatal).
package abci
