package lookup

import "errors"

// Errors of look-ups. A question that makes no sense in the state it is asked of is a
// query.ErrQuestion, and a height that is no longer kept a store.ErrPruned.
var (
	// ErrNotReady means that no state can be proven yet, or none as new as asked for:
	// the app hash of a height is in the header of the next.
	ErrNotReady = errors.New("no state can be proven yet")
	// ErrNotFound means that there is no such thing in the state.
	ErrNotFound = errors.New("not found")
)
