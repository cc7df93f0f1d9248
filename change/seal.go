package change

import (
	"fmt"

	"hullmark/record"
)

// Seal returns the transaction that carries a request. Payer is the id of the operator
// that submits, or empty when the submitter's key is in the stored metadata of every
// repository; a registration always has one. Of files that follow one which the request
// shows only the changes are sent, unless whole is true: the ledger may have another file
// of that version than the one shown. That enough keys have signed, Request.Complete says.
func (r *Request) Seal(payer string, s Submitter, whole bool) ([]byte, error) {
	switch r.Kind {
	case RequestRegister:
		return NewRegistration(r.Ledger, r.Parts[0].NewRoots[0], payer, s)
	case RequestRevoke, RequestLift:
		var statements []*record.SignedStatement
		for _, p := range r.Parts {
			statements = append(statements, p.Statement)
		}
		return NewStatements(r.Ledger, payer, s, statements...)
	case RequestRotate, RequestPublish:
		var updates []Update
		for i := range r.Parts {
			u := r.Parts[i].Update()
			if whole {
				u.Stored = nil
			}
			updates = append(updates, u)
		}
		return NewPublication(r.Ledger, payer, s, updates...)
	default:
		return nil, fmt.Errorf("couldn't seal request of kind %q: %w", r.Kind, ErrRequest)
	}
}
