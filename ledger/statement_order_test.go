package ledger_test

import (
	"slices"
	"testing"

	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/ledger"
	"hullmark/proto"
	"hullmark/record"
	"hullmark/reference"
)

// statementFaults are in the order in which they must be found in a lift.
var statementFaults = []fault{
	{"kind of scope", record.CodeScopeMismatch, 0},
	{"repository", record.CodeUnknownRepository, 0},
	{"submitter", record.CodeUnknownSubmitter, 0},
	{"scope", record.CodeStaleScope, 0},
	{"quota", record.CodeQuota, 0},
	{"work", record.CodeWork, 0},
	{"submitter's signature", record.CodeSubmitterSignature, 1},
	{"body", record.CodeMalformed, 1},
	{"statements", record.CodeScopeMismatch, 1},
	{"form", record.CodeMalformed, 1},
	{"sequence", record.CodeScopeMismatch, 1},
	{"ledger", record.CodeWrongBinding, 1},
	{"through", record.CodeFutureScope, 1},
	{"signer", record.CodeUnknownKey, 1},
	{"signature", record.CodeBadSignature, 2},
	{"effect", record.CodeNotRevoked, 2},
}

// faultyLift builds a lift of "one" with all the given faults at once. Repository q
// has used up its quota, p has not.
func faultyLift(s *stage, has func(name string) bool) []byte {
	p := s.p
	if has("quota") {
		p = s.q
	}
	st := p.Lifting(2, 1, "one")
	signers := p.RootKeys
	if has("effect") {
		st.Digests = fixture.Digests("two")
	}
	if has("through") {
		st.Through = 9
	}
	if has("ledger") {
		st.Binding.Ledger = "other"
	}
	if has("sequence") {
		st.Sequence = 9
	}
	if has("signer") {
		signers = newKeys(s.t, "stranger")
	}
	signed := p.SignStatement(st, signers...)
	b := signed.Encode()
	if has("signature") {
		b[len(b)-1] ^= 1
	}
	if has("form") {
		b = append(b, 0)
	}
	tx := s.c.NewStatements(p.RootKeys[0], signed)
	tx.Scopes[0].Number = 2
	body := &proto.Statements{Statements: [][]byte{b}}
	if has("statements") {
		body.Statements = append(body.Statements, b)
	}
	tx.Message = body
	if has("body") {
		tx.Body = append(tx.EncodedBody(), 0xff)
	}
	if has("submitter's signature") {
		tx.Signature = new([keys.FixedSize]byte)
	}
	if has("work") {
		// Signed, as far as its form says, and long enough for as many digests as may be.
		st := slices.Concat([]byte("hullmark/signed-statement/v1\n\xff\xff"), make([]byte, 0xffff), []byte{0, 0})
		tx.Message = &proto.Statements{Statements: [][]byte{st}}
		tx.Body = nil
		tx.Body = tx.EncodedBody()
	}
	if has("scope") {
		tx.Scopes[0].Number = 1
	}
	if has("submitter") {
		tx.Submitter = newKeys(s.t, "stranger")[0]
	}
	if has("repository") {
		tx.Scopes[0].Repository = reference.MustParseRepository("registry.example.com/unknown")
	}
	if has("kind of scope") {
		tx.Scopes[0] = record.RoleScope(tx.Scopes[0].Repository, record.RoleRoot, 1)
	}
	return tx.Bytes()
}

// statementStage is the ledger that faulty lifts are tried on.
func statementStage(t *testing.T) *stage {
	t.Helper()
	c := fixture.NewConsortium(t, 4)
	c.Params.Quotas[record.QuotaRoot] = record.Quota{Capacity: 3, Refill: 1000}
	c.Params.MaxBlockWork = 300
	s := &stage{chain: newChainOf(t, c, ledger.Memory{Results: -1})}
	s.p, s.q = c.NewPublisher("registry.example.com/app"), c.NewPublisher("registry.example.com/poor")
	s.commit(s.p.Register(c.Operators[0]), s.q.Register(c.Operators[0]))
	for _, p := range []*fixture.Publisher{s.p, s.q} {
		s.commit(c.State(p.TaggingKeys[0], p.Revoke("targets", 1, "one", "other")))
		s.commit(c.State(p.RootKeys[0], p.Lift(1, 1, "other")))
	}
	s.commit(c.State(s.q.RootKeys[0], s.q.Revoke("root", 2, "two")), c.State(s.q.RootKeys[0], s.q.Revoke("root", 3, "three")))
	return s
}

// Test that of many faults of a statement the first in order decides, and that no
// signature is verified, and no body parsed, for one that fails before.
func TestOrderOfStatementChecks(t *testing.T) {
	s := statementStage(t)
	for i, want := range statementFaults {
		for name, has := range map[string]func(string) bool{
			"alone": func(name string) bool { return name == want.name },
			"before the rest": func(name string) bool {
				return slices.ContainsFunc(statementFaults[i:], func(f fault) bool { return f.name == name })
			},
		} {
			t.Run(want.name+" "+name, func(t *testing.T) {
				s.t = t
				state := s.begin()
				defer state.Close()
				var v counter
				_, err := state.Apply(faultyLift(s, has), &v)
				if code, _ := record.CodeOf(err); code != want.code || v.n != want.verified {
					t.Errorf("%v after %d signatures, want %s after %d", err, v.n, want.code.Name(), want.verified)
				}
			})
		}
	}
	s.t = t
	s.commit(faultyLift(s, func(string) bool { return false }))
	s.check()
}
