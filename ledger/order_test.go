package ledger_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/ledger"
	"hullmark/proto"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// fault is something wrong with a transaction.
type fault struct {
	name string
	code record.Code
	// verified is how many signatures are verified before it is found.
	verified int
}

// faults are in the order in which they must be found: the cheapest first, and
// nothing that needs parsing or state of a repository before its time.
var faults = []fault{
	{"size", record.CodeTooLarge, 0},
	{"form", record.CodeMalformed, 0},
	{"chain", record.CodeWrongChain, 0},
	{"profile", record.CodeNotActive, 0},
	{"kind of scope", record.CodeScopeMismatch, 0},
	{"repository", record.CodeUnknownRepository, 0},
	{"submitter", record.CodeUnknownSubmitter, 0},
	{"scope", record.CodeStaleScope, 0},
	{"quota", record.CodeQuota, 0},
	{"work", record.CodeWork, 0},
	{"submitter's signature", record.CodeSubmitterSignature, 1},
	{"body", record.CodeMalformed, 1},
	{"updates", record.CodeScopeMismatch, 1},
	{"canonical form", record.CodeNotCanonical, 1},
	{"version", record.CodeWrongVersion, 1},
	{"binding", record.CodeWrongBinding, 1},
	{"expiry", record.CodeExpired, 1},
	{"signer", record.CodeUnknownKey, 1},
	{"signature", record.CodeBadSignature, 2},
	{"horizon", record.CodeExpiresTooLate, 2},
	{"changes", record.CodeTooManyChanges, 2},
}

// faulty builds a transaction with all the given faults at once.
func faulty(ch *chain, p *fixture.Publisher, has func(name string) bool) []byte {
	c := ch.c
	spec := p.TargetsSpec(2, fixture.Tags{"1.0": "new"})
	signers := p.TaggingKeys
	if has("version") {
		spec.Version = 7
	}
	if has("binding") {
		spec.Binding.Role = "targets/ci"
	}
	if has("horizon") {
		spec.Expires = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if has("expiry") {
		spec.Expires = c.Time
	}
	if has("signer") {
		signers = newKeys(ch.t, "stranger")
	}
	if has("changes") {
		for i := range record.MaxChanges {
			spec.Targets = append(spec.Targets, tuf.Target{Tag: reference.MustParseTag(fmt.Sprintf("t%04d", i)), Digest: fixture.Digest("x"), Length: 1})
		}
	}
	file := p.SignTargets(spec, signers...)
	content := file.Bytes()
	if has("signature") {
		content = flipSignature(content)
	}
	if has("canonical form") {
		content = append(slices.Clone(content), '\n')
	}

	tx := c.NewPublish(p.TaggingKeys[0], targets(file))
	tx.Scopes[0].Number = 2
	body(tx).Updates[0].Roles[0].Content = &proto.RoleUpdate_File{File: content}
	// Operator op-0 has used up its quota; op-3 has not.
	tx.Submitter, tx.Payer = c.Operators[3].Governance, "op-3"
	if has("quota") {
		tx.Submitter, tx.Payer = c.Operators[0].Governance, "op-0"
	}
	if has("submitter") {
		tx.Submitter = newKeys(ch.t, "stranger")[0]
	}
	if has("updates") {
		body(tx).Updates[0].Roles = nil
	}
	if has("body") {
		tx.Body = append(tx.EncodedBody(), 0xff)
	}
	if has("submitter's signature") {
		tx.Signature = new([keys.FixedSize]byte)
	}
	if has("work") {
		var u proto.RepositoryUpdate
		for range 10 {
			u.Roots = append(u.Roots, bytes.Repeat([]byte(`"sig":`), 1000))
		}
		u.Roles = []*proto.RoleUpdate{{Role: "targets", Content: &proto.RoleUpdate_File{File: bytes.Repeat([]byte(`"},"length":`), 15_000)}}}
		tx.Message = &proto.Publish{Updates: []*proto.RepositoryUpdate{&u}}
		tx.Body = nil
		tx.Body = tx.EncodedBody()
	}
	if has("scope") {
		tx.Scopes[0].Number = 1
	}
	if has("repository") {
		tx.Scopes[0].Repository = reference.MustParseRepository("registry.example.com/unknown")
	}
	if has("kind of scope") {
		tx.Scopes[0].Kind = record.ScopeLift
	}
	if has("profile") {
		tx.Profile = record.ProfileNotary
	}
	if has("chain") {
		tx.ChainID = "other-0123456789abcdef"
	}
	h := tx.Header()
	if has("form") {
		h.BodyHash[0] ^= 1
	}
	b := tx.BytesWith(h)
	if has("size") {
		b = append(b, make([]byte, record.MaxTransactionSize)...)
	}
	return b
}

// orderChain is the ledger that faulty transactions are tried on.
func orderChain(t *testing.T) (*chain, *fixture.Publisher) {
	t.Helper()
	c := fixture.NewConsortium(t, 4)
	c.Params.OperatorQuota = record.Quota{Capacity: 1, Refill: 1000}
	c.Params.MaxBlockWork = 6_400 // a thousand changes are 6,200, the fault of too much work 6,800
	ch := newChainOf(t, c, ledger.Memory{Results: -1})
	p := c.NewPublisher("registry.example.com/app")
	ch.commit(p.Register(c.Operators[0]), p.Publish(1, fixture.Tags{"1.0": "old"}))
	return ch, p
}

// Test that of many faults the first in order decides, and that no signature is
// verified, and no body parsed, for a transaction that fails before.
func TestOrderOfChecks(t *testing.T) {
	ch, p := orderChain(t)
	apply := func(tx []byte) (code record.Code, verified int) {
		t.Helper()
		s := ch.begin()
		defer s.Close()
		var v counter
		_, err := s.Apply(tx, &v)
		if err == nil {
			return 0, v.n
		}
		var rejection *record.Rejection
		if !errors.As(err, &rejection) {
			t.Fatal(err)
		}
		return rejection.Code, v.n
	}
	for i, want := range faults {
		for _, tt := range []struct {
			name string
			has  func(string) bool
		}{
			{"alone", func(name string) bool { return name == want.name }},
			{"before the rest", func(name string) bool {
				return slices.ContainsFunc(faults[i:], func(f fault) bool { return f.name == name })
			}},
		} {
			t.Run(want.name+" "+tt.name, func(t *testing.T) {
				code, verified := apply(faulty(ch, p, tt.has))
				if code != want.code || verified != want.verified {
					t.Errorf("%s after %d signatures, want %s after %d", code.Name(), verified, want.code.Name(), want.verified)
				}
			})
		}
	}
	if code, verified := apply(faulty(ch, p, func(string) bool { return false })); code != 0 || verified != 2 {
		t.Errorf("without a fault: code %d after %d signatures", code, verified)
	}
}

// Test the order for registrations.
func TestOrderOfRegistrationChecks(t *testing.T) {
	s := newStage(t)
	c := s.c
	for _, tt := range []struct {
		name     string
		code     record.Code
		verified int
		change   func(*fixture.Transaction)
	}{
		{"payer before name", record.CodeUnknownSubmitter, 0, func(tx *fixture.Transaction) {
			tx.Payer, tx.Scopes[0].Repository = "nobody", s.p.Repository
		}},
		{"name before owner", record.CodeRepositoryExists, 0, func(tx *fixture.Transaction) {
			tx.Submitter, tx.Payer, tx.Scopes[0].Repository = c.Operators[3].Governance, "op-3", s.p.Repository
		}},
		{"owner before signature", record.CodeNotOwner, 0, func(tx *fixture.Transaction) {
			tx.Submitter, tx.Payer, tx.Signature = c.Operators[3].Governance, "op-3", new([keys.FixedSize]byte)
		}},
		{"signature before body", record.CodeSubmitterSignature, 1, func(tx *fixture.Transaction) {
			tx.Signature, tx.Body = new([keys.FixedSize]byte), []byte{0xff}
		}},
		{"body before root", record.CodeMalformed, 1, func(tx *fixture.Transaction) { tx.Body = []byte{0xff} }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tx := c.NewRegister(c.Operators[0], c.NewPublisher("registry.example.com/fresh").Root(1))
			tt.change(tx)
			state := s.begin()
			defer state.Close()
			var v counter
			_, err := state.Apply(tx.Bytes(), &v)
			if code, _ := record.CodeOf(err); code != tt.code || v.n != tt.verified {
				t.Errorf("%v after %d signatures, want %s after %d", err, v.n, tt.code.Name(), tt.verified)
			}
		})
	}
}
