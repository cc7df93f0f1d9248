package client

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"hullmark/bundle"
	"hullmark/reference"
)

var (
	// ErrUnreachable says that a node gave no answer at all: no connection, a time
	// out, or something that is no answer of a Hullmark node.
	ErrUnreachable = errors.New("no answer")
	// ErrUnavailable says that a node answered that it cannot answer now.
	ErrUnavailable = errors.New("node is not ready")
	// ErrNoNodes says that no node is configured.
	ErrNoNodes = errors.New("no nodes configured")
	// ErrNoAnchor says that no trust anchor was imported.
	ErrNoAnchor = errors.New("no trust anchor; import one")
	// ErrResponse says that a node's answer breaks the protocol: too large,
	// compressed, not the message asked for.
	ErrResponse = errors.New("answer breaks the protocol")
	// ErrNotFound says that what was asked for is not there, or no longer kept.
	ErrNotFound = errors.New("not found")
	// ErrConfig reports a configuration that cannot be used.
	ErrConfig = errors.New("invalid configuration")
	// ErrStore says that the client's own memory cannot be read or written.
	ErrStore = errors.New("client memory is not usable")
	// ErrLocked says that another process held the client's memory until the time was up.
	ErrLocked = errors.New("another process is using it")
	// ErrNotRemembered says that a verdict could not be remembered, such as on a
	// full disk. The verdict stands. Until one can be, protection against rollback
	// reaches back to what was remembered before.
	ErrNotRemembered = errors.New("couldn't remember what was verified")
	// ErrDamaged says that a file the client kept to save traffic was changed by the
	// disk. It is as good as absent.
	ErrDamaged = errors.New("kept file is damaged")
	// ErrNotCommitted says that a transaction was accepted and not seen in a block.
	// Submitting the same bytes again is safe.
	ErrNotCommitted = errors.New("transaction was not committed in time")
	// ErrUncertain says that a transaction was sent and may be in the ledger: no node
	// said what became of it.
	ErrUncertain = errors.New("it was sent and may be in the ledger")
	// ErrConflict says that others kept publishing first until the time was up.
	ErrConflict = errors.New("others published first until the time was up; nothing was published here")
	// ErrTakenBefore says that nodes have taken another transaction of the repository and
	// that no state with it can be proven: it waits for a block, and so does whatever
	// follows it. For more than a few seconds the ledger stands still.
	ErrTakenBefore = errors.New("an earlier transaction of the repository waits for a block")
)

// HTTPError is an answer whose status is not 2xx.
type HTTPError struct {
	Status int
	// Code and Message are those of the error object; Code is empty when there
	// was none.
	Code    string
	Message string
	// LedgerCode is the ledger's rejection code, zero for none.
	LedgerCode uint32
	// RetryAfter is how long the node asks to wait, at most 200 s, zero for not at all.
	RetryAfter time.Duration
}

// Error implements error.
func (e *HTTPError) Error() string {
	switch {
	case e.notHullmark():
		return fmt.Sprintf("status %d without an error of ours: that is no Hullmark HTTP API, whose default port is 26680", e.Status)
	case e.Code == "":
		return fmt.Sprintf("status %d", e.Status)
	case e.Message == "":
		return fmt.Sprintf("%s (status %d)", e.Code, e.Status)
	default:
		return fmt.Sprintf("%s: %s", e.Code, e.Message)
	}
}

// vague reports whether the answer leaves open what became of a transaction. Nodes
// name a code with each refusal; what has none is a proxy's.
func (e *HTTPError) vague() bool {
	return e.Code == "not-committed" || e.LedgerCode == 0 && e.Status >= 500 && (e.Status != 503 || e.Code == "")
}

// notHullmark reports whether the answer is that of another program, such as the one at the
// engine's RPC port: nodes name a code when they know no such path.
func (e *HTTPError) notHullmark() bool {
	return e.Code == "" && (e.Status == 404 || e.Status == 405 || e.Status == 501)
}

// Unwrap makes errors.Is find what the status means.
func (e *HTTPError) Unwrap() error {
	switch {
	case e.notHullmark():
		return ErrUnreachable
	case e.Code == "not-committed":
		return ErrNotCommitted
	case e.Status == 408 || e.Status == 429 || e.Status == 503:
		return ErrUnavailable
	case e.Status == 404 || e.Status == 410:
		return ErrNotFound
	case e.Status >= 500:
		return ErrUnreachable
	default:
		return ErrResponse
	}
}

// UncertainError says that a transaction may have been committed, and what was wrong
// when that was to be learnt. It unwraps to ErrUncertain and to the latter.
type UncertainError struct {
	// Hash is the transaction's.
	Hash [32]byte
	// Repositories are those that it is about, as far as that is known.
	Repositories []reference.Repository
	Err          error
}

// Error implements error.
func (e *UncertainError) Error() string {
	return fmt.Sprintf("%v, as transaction %x: %v", ErrUncertain, e.Hash, e.Err)
}

// Unwrap implements errors.
func (e *UncertainError) Unwrap() []error { return []error{ErrUncertain, e.Err} }

// Warning is what was wrong while a good answer was given: with another node, or
// with the client's own machine.
type Warning struct {
	// Node is the address of the node; empty for what is wrong with the client's
	// own machine.
	Node string
	// Class says how serious it is; bundle.Attack means that the node lies or is
	// broken.
	Class bundle.Class
	Err   error
}

// String returns the warning as one line.
func (w Warning) String() string {
	if w.Node == "" {
		return w.Err.Error()
	}
	return fmt.Sprintf("node %s: %v", w.Node, w.Err)
}

// NodesError says that no node gave a good answer. It unwraps to the most serious
// of the errors.
type NodesError struct {
	// Failures are what was wrong with each node, in the order they were asked.
	Failures []Warning
}

// Error implements error.
func (e *NodesError) Error() string {
	lines := make([]string, len(e.Failures))
	for i, f := range e.Failures {
		lines[i] = f.String()
	}
	return "no node gave a good answer: " + strings.Join(lines, "; ")
}

// Unwrap returns the most serious of the errors, the earliest of equals.
func (e *NodesError) Unwrap() error {
	var worst error
	for _, f := range e.Failures {
		if worst == nil || severity(f.Err) > severity(worst) {
			worst = f.Err
		}
	}
	return worst
}

// severity orders errors: an attack must not hide behind a time-out, nor a
// definite answer behind a vague one.
func severity(err error) int {
	switch ClassOf(err) {
	case bundle.Attack:
		return 4
	case bundle.NotTrusted:
		return 3
	case bundle.Stale:
		if errors.Is(err, ErrUnreachable) {
			return 0
		}
		return 2
	case bundle.ClassNone, bundle.Other:
	}
	return 1
}

// ClassOf is bundle.ClassOf for the errors of this package too: no answer is as
// good as a stale one.
func ClassOf(err error) bundle.Class {
	if c := bundle.ClassOf(err); c != bundle.Other {
		return c
	}
	if errors.Is(err, ErrUnreachable) || errors.Is(err, ErrUnavailable) || errors.Is(err, ErrNotCommitted) || errors.Is(err, ErrTakenBefore) {
		return bundle.Stale
	}
	return bundle.Other
}
