// Package tuf decodes, judges, builds and signs the metadata of The Update
// Framework (TUF) 1.0 that publishers put on the ledger: root files, targets
// files and delegated targets files.
//
// # Terms
//
// A file is `{"signatures":[...],"signed":{...}}`. Its signed part exists in
// two forms that differ only in how newlines inside PEM keys are written: the
// file form, valid JSON, is what stands in the file; the signing form, OLPC
// canonical JSON with raw newlines, is what signatures and the signed digest
// cover. The file digest covers the whole file.
//
// A binding names the one place where a signed part may be used: ledger,
// repository and role. It is the field "x-hullmark" of every signed part,
// because TUF itself ties a file to none of them and a key may serve several.
//
// # Canonical bytes
//
// A signed part has exactly one accepted encoding, and a file exactly one for
// given signatures: no white space, fields sorted by byte value, no field
// outside the closed list and none empty, shortest integers, lower-case hex, no
// escape except that of a newline in a PEM key, signatures sorted by key id.
// Everything else is refused, not normalised, so what is stored, hashed and
// served is what was signed and sent. Parsing ends by writing the result again
// and comparing bytes.
//
// # Trust model
//
// ParseRoot and ParseTargets take bytes from anybody. What they return is well
// formed and consistent in itself, but nobody has vouched for it. The Verify
// functions check who signed, for which binding, and whether it is expired;
// their callers keep the trusted files and decide which version must come next.
//
// All functions are pure. Time is an argument, the ledger's block time, never
// the clock of the machine: every node must come to the same verdict.
package tuf
