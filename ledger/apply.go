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

// ApplyEnvelope is Apply for a transaction that is decoded already.
func (s *State) ApplyEnvelope(env *record.Envelope, v keys.Verifier) (*Outcome, error) {
	return s.apply(env, v)
}

// Prepare judges a transaction and forgets what it does. What it verified and found
// out about the content is remembered, so that the judgement in order is cheap. Any
// number of goroutines may call it while nobody applies anything to the state.
func (s *State) Prepare(env *record.Envelope, v keys.Verifier) { _, _ = s.fork().judge(env, v, nil) }

// Admission is what the first half of a judgement found out: from the header, the
// state and the submitter's signature.
type Admission struct {
	// Payers are those whose quota pays, as the scopes name them.
	Payers []Payer
	// Work in units.
	Work uint64
	// Emergency says what the header claims.
	Emergency bool
	// Remembered says that the verdict on the content is known, so that what follows
	// costs next to nothing.
	Remembered bool
}

// Payer is who pays with a token, and from which bucket.
type Payer struct {
	Name  string // of the repository, or "operator " and its id
	Class record.QuotaClass
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
	out, err := f.judge(env, v, nil)
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
func (s *State) judge(env *record.Envelope, v keys.Verifier, charge func(Admission) error) (*Outcome, error) {
	t := &transaction{State: s, env: env, size: env.Size(), verifier: v, charge: charge}
	if err := t.judge(); err != nil {
		if isRejection(err) || t.unpaid {
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
	payers   []Payer
	// charge is asked before the content is looked at; unpaid says that it refused.
	charge func(Admission) error
	unpaid bool
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

// verifySubmitter checks the envelope's own signature and has the content paid for.
func (t *transaction) verifySubmitter() error {
	key := t.env.Header.Submitter
	if err := keys.VerifyFixed(t.verifier, key, t.env.SignedMessage(), t.env.Signature[:]); err != nil {
		return record.Reject(record.CodeSubmitterSignature, "by key %s", key.ID())
	}
	if t.charge == nil {
		return nil
	}
	err := t.charge(Admission{Payers: t.payers, Work: t.outcome.Work, Emergency: t.env.Header.Emergency()})
	t.unpaid = err != nil
	return err
}

// payer returns the operator the header names as paying. Its governance key must
// be the submitter's.
func (t *transaction) payer() (*record.Operator, error) {
	id := t.env.Header.Payer
	op, ok, err := t.loadOperator(id)
	if err != nil {
		return nil, err
	}
	if !ok || !op.GovernanceKey.Equal(t.env.Header.Submitter) {
		return nil, record.Reject(record.CodeUnknownSubmitter, "key %s is not that of operator %q", t.env.Header.Submitter.ID(), id)
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
