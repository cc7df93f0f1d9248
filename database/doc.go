// Package database is the storage backend of a node: Pebble behind the two
// interfaces that its parts expect, cosmos-db's for the ledger's store
// (OpenLedger) and cometbft-db's for the engine's databases (OpenEngine).
//
// # What is guaranteed
//
// A batch is written whole or not at all. What a call that ends in Sync wrote is
// on the disk when it returns nil. After a crash or a power failure everything
// that was synced is there.
//
// Damage is an error, when the database is opened or when the damaged part is
// read, and never a missing or an older entry. There is one exception, the end of the
// newest journal of a database that was not closed in order. Damage in its last synced
// write, and an end that is missing, look like writes that a power failure has cut off,
// so the database opens without them.
//
// # What ends a node
//
// Pebble goes on, or waits for ever, after errors that a node must not survive: a
// full disk, a failed sync, damage found while tables are merged. The first of
// them is reported to Options.Fatal, once, and from then on every call returns it
// (ErrFailed). A write that takes longer than WriteLimit counts as one.
//
// After Close every method returns ErrClosed, those of batches and iterators too.
//
// # Files
//
// A database is a directory. It is opened by one process at a time. Opening it
// with Options.ReadOnly writes nothing, not even a lock: the caller makes sure
// that nobody else has it open.
package database
