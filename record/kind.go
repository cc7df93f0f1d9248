package record

import "cmp"

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

// kindRow is what sets one kind apart from the others in this package. The ledger has
// such a row of its own for the kinds that are active.
type kindRow struct {
	name string
	// emergency reports whether a header of the kind must not wait behind ordinary ones;
	// nil for never.
	emergency func(*Header) bool
	// action is that of the statements which a transaction of the kind carries, and claim
	// what one of them claims; zero and nil if it carries none.
	action Action
	claim  func(*Statement) Scope
	// digests says that its log records name digests, and no roles.
	digests bool
}

// row returns the row of a kind; the zero row has no name and is that of all others.
func (k Kind) row() kindRow {
	always := func(*Header) bool { return true }
	switch k {
	case KindRegisterRepository:
		return kindRow{name: "register-repository"}
	case KindPublish:
		return kindRow{name: "publish", emergency: (*Header).rotatesAll}
	case KindRevoke:
		return kindRow{name: "revoke", emergency: always, action: ActionRevoke, claim: (*Statement).revocation, digests: true}
	case KindLift:
		return kindRow{name: "lift", emergency: always, action: ActionLift, claim: (*Statement).lift, digests: true}
	case KindVeto:
		return kindRow{name: "veto", emergency: always, action: ActionVeto, claim: (*Statement).veto}
	case KindGovernance:
		return kindRow{name: "governance"}
	}
	return kindRow{}
}

// String returns the kind's name as messages and logs show it.
func (k Kind) String() string { return cmp.Or(k.row().name, "unknown") }

// Kinds returns the kinds that the format gives a meaning, ascending.
func Kinds() []Kind {
	var out []Kind
	for k := KindRegisterRepository; k.known(); k++ {
		out = append(out, k)
	}
	return out
}

// known reports whether the format gives the kind a meaning.
func (k Kind) known() bool { return k.row().name != "" }
