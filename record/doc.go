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

// Kind is the kind of a transaction and of the log records it leaves.
type Kind uint8

// The kinds. Numbers are never reused.
const (
	KindRegisterRepository Kind = 1
	KindPublish            Kind = 2
	KindRevoke             Kind = 3
	KindLift               Kind = 4
	KindVeto               Kind = 5
	KindGovernance         Kind = 6
)

// String returns the kind's name as messages and logs show it.
func (k Kind) String() string {
	switch k {
	case KindRegisterRepository:
		return "register-repository"
	case KindPublish:
		return "publish"
	case KindRevoke:
		return "revoke"
	case KindLift:
		return "lift"
	case KindVeto:
		return "veto"
	case KindGovernance:
		return "governance"
	default:
		return "unknown"
	}
}

// Kinds returns the kinds that the format gives a meaning, ascending.
func Kinds() []Kind {
	var out []Kind
	for k := KindRegisterRepository; k.known(); k++ {
		out = append(out, k)
	}
	return out
}

// known reports whether the format gives the kind a meaning.
func (k Kind) known() bool { return k >= KindRegisterRepository && k <= KindGovernance }
