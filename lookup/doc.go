// Package lookup answers questions from a ledger's committed state and the blocks that
// prove it.
package lookup
