package query

import (
	"fmt"

	"hullmark/printable"
)

// Assurance says whose word a verdict rests on.
type Assurance uint8

const (
	// PublisherAssurance rests on the publisher's own signatures, verified end to
	// end. It is the zero value.
	PublisherAssurance Assurance = 0
	// LedgerAssurance rests on the validators alone. Only a client may choose it,
	// never an answer.
	LedgerAssurance Assurance = 1
)

// String returns the name that the HTTP interface and policies use.
func (a Assurance) String() string {
	switch a {
	case PublisherAssurance:
		return "publisher"
	case LedgerAssurance:
		return "ledger"
	default:
		return fmt.Sprintf("assurance-%d", uint8(a))
	}
}

// ParseAssurance is the inverse of Assurance.String. Errors wrap ErrQuestion.
func ParseAssurance(s string) (Assurance, error) {
	switch s {
	case "publisher":
		return PublisherAssurance, nil
	case "ledger":
		return LedgerAssurance, nil
	default:
		return 0, fail("assurance %s; use publisher or ledger", printable.Quote(s))
	}
}
