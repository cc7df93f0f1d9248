package ledger

import (
	"errors"
	"fmt"

	"hullmark/keys"
	"hullmark/record"
)

// Outcome is what an accepted transaction did.
type Outcome struct {
	Envelope *record.Envelope
	// Work is what the transaction counts against the block's bound.
	Work uint64
	// Records are the log records it appended, one per repository.
	Records []*record.LogRecord
}

// Apply judges a transaction and, if nothing is wrong with it, applies it. A
// *record.Rejection leaves the state as it was; any other error is the node's own
// and fatal. Signatures are verified through v.
//
// The order is: cheapest first, and nothing that a stranger sent is parsed
// before a known key has signed for it (docs/spec.md, "Order of checks").
func (s *State) Apply(tx []byte, v keys.Verifier) (*Outcome, error) {
	env, err := open(tx)
	if err != nil {
		return nil, err
	}
	return s.apply(env, v)
}

// open reads the envelope of a transaction.
func open(tx []byte) (*record.Envelope, error) {
	if len(tx) > record.MaxTransactionSize {
		return nil, record.Reject(record.CodeTooLarge, "%d bytes, at most %d", len(tx), record.MaxTransactionSize)
	}
	env, err := record.DecodeEnvelope(tx)
	if err != nil {
		return nil, record.Reject(record.CodeMalformed, "%v", err)
	}
	return env, nil
}

func (s *State) apply(env *record.Envelope, v keys.Verifier) (*Outcome, error) {
	f := s.fork()
	out, err := f.judge(env, v)
	if err != nil {
		return nil, err
	}
	s.merge(f.overlay)
	if !s.pending {
		s.work += out.Work
	}
	return out, nil
}

// judge judges a transaction on a fork made for it, which then holds its effects.
func (s *State) judge(env *record.Envelope, v keys.Verifier) (*Outcome, error) {
	t := &transaction{State: s, env: env, size: env.Size(), verifier: v}
	if err := t.judge(); err != nil {
		if isRejection(err) {
			return nil, err
		}
		return nil, fmt.Errorf("couldn't judge transaction %x: %w", env.Hash[:8], err)
	}
	t.outcome.Envelope = env
	return &t.outcome, nil
}

func isRejection(err error) bool {
	var r *record.Rejection
	return errors.As(err, &r)
}

// transaction is one transaction being judged, on a fork of the block's state.
type transaction struct {
	*State
	env      *record.Envelope
	size     int
	verifier keys.Verifier
	outcome  Outcome
}

// judge is the whole judgement of a well-formed envelope.
func (t *transaction) judge() error {
	h := &t.env.Header
	if h.ChainID != t.ledger.id {
		return record.Reject(record.CodeWrongChain, "made for %q, this is %q", h.ChainID, t.ledger.id)
	}
	if h.Profile != record.ProfileTUF {
		return record.Reject(record.CodeNotActive, "profile %d", h.Profile)
	}
	switch h.Kind {
	case record.KindRegisterRepository:
		return t.register()
	case record.KindPublish:
		return t.publish()
	case record.KindRevoke:
		return t.statements(record.ActionRevoke)
	case record.KindLift:
		return t.statements(record.ActionLift)
	default:
		return record.Reject(record.CodeNotActive, "transactions of kind %s", h.Kind)
	}
}

// verifySubmitter checks the envelope's own signature.
func (t *transaction) verifySubmitter(key keys.PublicKey) error {
	if err := keys.VerifyFixed(t.verifier, key, t.env.SignedMessage(), t.env.Signature[:]); err != nil {
		return record.Reject(record.CodeSubmitterSignature, "by key %s", key.ID())
	}
	return nil
}

// payer returns the operator the header names as paying. Its governance key must
// be the submitter's.
func (t *transaction) payer() (*record.Operator, error) {
	id := t.env.Header.Payer
	op, ok, err := t.loadOperator(id)
	if err != nil {
		return nil, err
	}
	if !ok || op.GovernanceKey.ID() != t.env.Header.Submitter {
		return nil, record.Reject(record.CodeUnknownSubmitter, "key %s is not that of operator %q", t.env.Header.Submitter, id)
	}
	return op, nil
}

// checkNext compares the number a scope claims with what the ledger has.
func checkNext(s record.Scope, stored uint64) error {
	switch next := stored + 1; {
	case s.Number < next:
		return record.Reject(record.CodeStaleScope, "%s: number %d, the ledger has %d", s, s.Number, stored)
	case s.Number > next:
		return record.Reject(record.CodeFutureScope, "%s: number %d, the next is %d", s, s.Number, next)
	}
	return nil
}
