// Package record defines the bytes Hullmark hashes and signs for ever: the
// transaction envelope's header, the keys and values of the map, the records of
// the log, the change lists they point at, the parameters and the genesis. It
// also names the ledger's limits and its rejection codes.
//
// Every format is specified in docs/spec.md under the heading its type's
// comment gives. Every format starts with a version or a tag, has exactly one
// encoding for each value, and is decoded strictly: exact lengths, no trailing
// bytes, lists sorted and unique where the format says so. A second
// implementation must be possible from the specification alone, so nothing here
// depends on how a library happens to encode things.
//
// The package is pure: no clock, no randomness, no input or output.
package record

// FormatVersion is the first byte of every map value and the version in the
// envelope's header and in the meta leaf of the app hash.
const FormatVersion = 1

// Profile says what kind of TUF files a repository holds.
type Profile uint8

// The profiles. Numbers are never reused.
const (
	// ProfileTUF is TUF 1.0 with the x-hullmark binding.
	ProfileTUF Profile = 1
	// ProfileNotary is Notary v1 verbatim; reserved, refused by the ledger.
	ProfileNotary Profile = 2
)
