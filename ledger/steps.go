package ledger

import (
	"errors"

	"hullmark/keys"
	"hullmark/record"
)

// transaction is one transaction being judged, on a fork of the block's state.
type transaction struct {
	*State
	env      *record.Envelope
	verifier keys.Verifier
	// charge is asked before the content is looked at; unpaid says that it refused.
	charge func(Admission) error
	unpaid bool

	kind     kind
	subjects []*subject // the repositories of the scopes
	payer    *record.StoredOperator
	payers   []Payer
	cost     cost
	key      [32]byte // of the verdict on the content
	verdict  *verdict
	outcome  Outcome
}

// step is one row of the table in docs/spec.md, "Order of checks".
type step struct {
	check string
	run   func(*transaction) error
}

// steps are the checks of a decoded transaction in their order. It is the only place
// that orders them. Up to the submitter's signature they know the header, the state
// and the sizes of things, cost microseconds and are always done again. The content is
// judged once; what its effect meets in the state comes last.
func steps() []step {
	return []step{
		{"chain id", (*transaction).checkChain},
		{"profile 1, a kind that is active", (*transaction).checkActive},
		{"shape of the scopes", (*transaction).checkShape},
		{"repository, submitter, owner", (*transaction).checkParties},
		{"each scope's number is what the ledger has + 1; of a role, the version its [next file](#roles-of-a-repository) must have", (*transaction).checkNumbers},
		{"quota", (*transaction).takeQuota},
		{"work", (*transaction).takeWork},
		{"the submitter's signature", (*transaction).checkSubmitter},
		{"the content: the body, then each file or statement, roots first", (*transaction).checkContent},
		{"what the content meets in the ledger: tags, digests", (*transaction).apply},
	}
}

// judge is the whole judgement of a well-formed envelope.
func (t *transaction) judge() error {
	for _, s := range steps() {
		if err := s.run(t); err != nil {
			return err
		}
	}
	return nil
}

func isRejection(err error) bool { return asRejection(err) != nil }

func asRejection(err error) *record.Rejection {
	var r *record.Rejection
	errors.As(err, &r)
	return r
}

func (t *transaction) checkChain() error {
	if id := t.env.Header.ChainID; id != t.ledger.id {
		return record.Reject(record.CodeWrongChain, "made for %q, this is %q", id, t.ledger.id)
	}
	return nil
}

func (t *transaction) checkActive() error {
	h := &t.env.Header
	if h.Profile != record.ProfileTUF {
		return record.Reject(record.CodeNotActive, "profile %d", h.Profile)
	}
	var ok bool
	if t.kind, ok = kindOf(h.Kind); !ok {
		return record.Reject(record.CodeNotActive, "transactions of kind %s", h.Kind)
	}
	return nil
}

// checkShape checks that the scopes are those of the kind.
func (t *transaction) checkShape() error { return t.kind.scopes(&t.env.Header) }

// checkParties finds the repositories, and whether the submitter may submit.
func (t *transaction) checkParties() error { return t.kind.parties(t) }

// knownParties is for what is about registered repositories: the submitter is the operator
// who pays, or has a key in the stored metadata of every repository concerned. Keys that
// only a new root or a new delegation names submit from the next transaction on.
func (t *transaction) knownParties() error {
	// Scopes are ascending, so those of one repository stand together.
	for _, c := range t.env.Header.Scopes {
		if n := len(t.subjects); n > 0 && t.subjects[n-1].name == c.Repository {
			t.subjects[n-1].scopes = append(t.subjects[n-1].scopes, c)
			continue
		}
		s, err := t.loadSubject(c)
		if err != nil {
			return err
		}
		t.subjects = append(t.subjects, s)
	}
	if t.env.Header.Payer == "" {
		return nil
	}
	// An operator who pays may carry what anybody signed.
	return t.loadPayer()
}

// loadSubject loads the repository of a scope.
func (t *transaction) loadSubject(c record.Scope) (*subject, error) {
	value, ok, err := t.Get(record.RepositoryKey(c.Repository))
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, record.Reject(record.CodeUnknownRepository, "%s", c.Repository)
	}
	stored, err := record.OpenRepository(value)
	if err != nil {
		return nil, err
	}
	if t.env.Header.Payer == "" && !stored.HasKey(t.env.Header.Submitter.ID()) {
		return nil, record.Reject(record.CodeUnknownSubmitter, "key %s is not in the metadata of %s", t.env.Header.Submitter.ID(), c.Repository)
	}
	return &subject{name: c.Repository, scopes: []record.Scope{c}, stored: stored, quotas: stored.Quotas()}, nil
}

// loadPayer loads the operator the header names as paying. Its governance key must
// be the submitter's.
func (t *transaction) loadPayer() error {
	id := t.env.Header.Payer
	op, ok, err := load(t, record.OperatorKey(id), record.OpenOperator)
	if err != nil {
		return err
	}
	if !ok || !op.HasGovernanceKey(t.env.Header.Submitter) {
		return record.Reject(record.CodeUnknownSubmitter, "key %s is not that of operator %q", t.env.Header.Submitter.ID(), id)
	}
	t.payer = op
	return nil
}

// checkNumbers compares the numbers that the scopes claim with those the ledger has.
func (t *transaction) checkNumbers() error {
	for _, s := range t.subjects {
		for _, c := range s.scopes {
			if err := checkNext(c, t.kind.have(s.stored, c)); err != nil {
				return err
			}
		}
	}
	return nil
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

// checkSubmitter checks the envelope's own signature.
func (t *transaction) checkSubmitter() error {
	key := t.env.Header.Submitter
	if err := keys.VerifyFixed(t.verifier, key, t.env.SignedMessage(), t.env.Signature[:]); err != nil {
		return record.Reject(record.CodeSubmitterSignature, "by key %s", key.ID())
	}
	return nil
}

// size is that of the values of the repositories concerned.
func (t *transaction) size() int {
	n := 0
	for _, s := range t.subjects {
		n += s.stored.Size()
	}
	return n
}

// checkContent has what follows paid for, which costs nothing if the content is known to
// be refused, and judges the content.
func (t *transaction) checkContent() (err error) {
	if t.key, err = t.verdictKey(); err != nil {
		return err
	}
	if t.charge != nil {
		known, ok := t.ledger.verdicts.peek(t.key)
		ok = ok && known.span.holds(t.block.Time)
		err := t.charge(Admission{
			Payers: t.payers, Work: t.outcome.Work, Emergency: t.env.Header.Emergency(), Size: t.size(),
			Remembered: ok, Refused: ok && known.refusal != nil,
		})
		if t.unpaid = err != nil; t.unpaid {
			return err
		}
	}
	if t.verdict, err = t.judgeContent(); err != nil {
		return err
	}
	if t.verdict.refusal != nil {
		return t.verdict.refusal
	}
	return nil
}
