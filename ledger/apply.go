package ledger

import (
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
	env, err := record.ReadEnvelope(tx)
	if err != nil {
		return nil, err
	}
	return s.ApplyEnvelope(env, v)
}

// ApplyEnvelope is Apply for a transaction that is decoded already.
func (s *State) ApplyEnvelope(env *record.Envelope, v keys.Verifier) (*Outcome, error) {
	f := s.fork()
	t := f.transaction(env, v, nil)
	if err := t.run(); err != nil {
		if t.verdict != nil {
			s.refused += t.cost.work
		}
		return nil, err
	}
	s.merge(f.overlay)
	if !s.pending {
		s.spent = s.spent.plus(t.cost)
	}
	return &t.outcome, nil
}

// Prepare judges a transaction and forgets what it does. What it verified and found
// out about the content is remembered, so that the judgement in order is cheap. Any
// number of goroutines may call it while nobody applies anything to the state.
func (s *State) Prepare(env *record.Envelope, v keys.Verifier) {
	_ = s.fork().transaction(env, v, nil).run()
}

// Admission is what the first half of a judgement found out: from the header, the
// state and the submitter's signature.
type Admission struct {
	// Payers are those whose quota pays, as the scopes name them.
	Payers []Payer
	// Work in units.
	Work uint64
	// Size is that of the values of the repositories concerned, in bytes: carrying out what
	// is remembered takes time for little else.
	Size int
	// Emergency says what the header claims.
	Emergency bool
	// Remembered says that the verdict on the content is known, so that content is not
	// looked at. Refused says that it is a refusal besides, so that what follows costs
	// next to nothing: what is good has still to be carried out, and can be refused for
	// what it meets in the ledger, as often as it comes.
	Remembered, Refused bool
}

// Payer is who pays with a token, and from which bucket.
type Payer struct {
	Name  string // of the repository, or "operator " and its id
	Class record.QuotaClass
	// Trusted says that a root key of the repository submits, or an operator who pays:
	// one of few, which no other key of the repository can add to.
	Trusted bool
}

// transaction begins to judge a transaction on a fork made for it.
func (s *State) transaction(env *record.Envelope, v keys.Verifier, charge func(Admission) error) *transaction {
	return &transaction{State: s, env: env, verifier: v, charge: charge, outcome: Outcome{Envelope: env}}
}

// run judges the transaction. The fork then holds its effects.
func (t *transaction) run() error {
	err := t.judge()
	if err == nil || t.unpaid || isRejection(err) {
		return err
	}
	return fmt.Errorf("couldn't judge transaction %x: %w", t.env.Hash[:8], err)
}
