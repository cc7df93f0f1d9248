// Package ledger is Hullmark's deterministic state machine: it judges
// transactions and applies them.
//
// A State is the ledger as it will be after some transactions of one block. The
// same State.Apply serves every phase: admission to the mempool, building and
// checking a proposal, and the final execution. What a phase keeps of the State
// differs; how a transaction is judged does not.
//
// Everything a State does follows from the committed state, the block's height
// and time, and the transactions. The package reads no clock, starts no
// goroutine and lets no map order reach a hash.
//
// Two kinds of error leave this package. A *record.Rejection is a verdict on a
// transaction; every node comes to the same code. Any other error means that the
// node could not read or write its own state, and it must stop.
package ledger
