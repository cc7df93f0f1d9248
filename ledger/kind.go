package ledger

import "hullmark/record"

// kind is everything by which the ledger tells one kind of transactions from another. Each
// has its row, with the functions it names, in a file of its own. The steps of a judgement
// know no kind but through its row.
type kind struct {
	// scopes checks the shape of the scopes.
	scopes func(*record.Header) error
	// parties finds the repositories, and whether the submitter may submit.
	parties func(*transaction) error
	// have is the number that the ledger has of what a scope claims.
	have func(*record.StoredRepository, record.Scope) uint64
	// quota takes the tokens that a transaction costs.
	quota func(*transaction) error
	// work is the time for the content, in nanoseconds, and the size of new files at most,
	// by the state and by what can be counted in the body.
	work func(body []byte, subjects []*subject) (n, files int)
	// content judges the body, and leaves an effect for each repository.
	content func(*examiner, []*subject) error
	// apply carries out the effect on a repository.
	apply func(*transaction, *subject, *effect) error
	// replay judges a record again by the log before it.
	replay func(*history, indexedRecord) error
}

// kindOf returns the row of a kind, false if it is not active.
func kindOf(k record.Kind) (kind, bool) {
	switch k {
	case record.KindRegisterRepository:
		return registration(), true
	case record.KindPublish:
		return publication(), true
	case record.KindRevoke:
		return statements(revocations()), true
	case record.KindLift:
		return statements(lifts()), true
	case record.KindVeto, record.KindGovernance: // reserved
	}
	return kind{}, false
}

// claimOnly is a check of scopes: all must be of one kind.
func claimOnly(want record.ScopeKind) func(*record.Header) error {
	return func(h *record.Header) error {
		for _, c := range h.Scopes {
			if c.Kind != want {
				return record.Reject(record.CodeScopeMismatch, "a %s claims %s", h.Kind, c)
			}
		}
		return nil
	}
}
