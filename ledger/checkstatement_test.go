package ledger_test

import (
	"strings"
	"testing"
	"time"

	"hullmark/internal/fixture"
	"hullmark/ledger"
	"hullmark/record"
	"hullmark/reference"
)

// newRevokedStage is newStage with quotas, and with p's "one" revoked by targets.
func newRevokedStage(t testing.TB) *stage {
	t.Helper()
	c := fixture.NewConsortium(t, 4)
	c.Params.Quotas = [3]record.Quota{
		record.QuotaOrdinary: {Capacity: 9, Refill: 9}, record.QuotaRevoking: {Capacity: 1, Refill: 1000}, record.QuotaRoot: {Capacity: 5, Refill: 9},
	}
	s := &stage{chain: newChain(t, c)}
	s.p, s.q = c.NewPublisher("registry.example.com/app"), c.NewPublisher("registry.example.com/other")
	s.commit(s.p.Register(c.Operators[0]), s.q.Register(c.Operators[0]))
	s.commit(s.p.Publish(1, fixture.Tags{"1.0": "one", "1.1": "two"}))
	s.commit(c.State(s.p.TaggingKeys[0], s.p.Revoke("targets", 1, "one")))
	s.check()
	return s
}

// Test that Check finds whatever a wrong program could have written about
// statements, though all hashes are right.
func TestCheckStatementDamage(t *testing.T) {
	base := newRevokedStage(t)
	p, c := base.p, base.c
	repository := func(change func(*record.Repository)) func(*stage, *ledger.State) {
		return func(s *stage, state *ledger.State) {
			r := s.repository(p)
			change(r)
			state.Set(record.RepositoryKey(p.Repository), r.Encode())
		}
	}
	voucher := func(change func(*record.Voucher)) func(*stage, *ledger.State) {
		return func(s *stage, state *ledger.State) {
			v := s.voucher(p, "one")
			change(v)
			state.Set(record.VoucherKey(fixture.Digest("one"), p.Repository), v.Encode())
		}
	}
	// entry appends a record with a statement nobody judged.
	entry := func(st *record.SignedStatement, change func(*record.LogRecord)) func(*stage, *ledger.State) {
		return func(s *stage, state *ledger.State) {
			state.AddContent(st.Encode())
			r := &record.LogRecord{
				Kind: st.Action.Kind(), Profile: record.ProfileTUF, Height: state.Block().Height, Time: state.Block().Time,
				Repository: p.Repository, Revision: 4, Previous: s.repository(p).LastIndex,
				Changes: uint32(len(st.Digests)), ChangesHash: st.Digest(), KeyIDs: st.Signers(),
			}
			change(r)
			state.AddRecord(r)
		}
	}
	asItIs := func(*record.LogRecord) {}
	signed := func(change func(*record.Statement)) *record.SignedStatement {
		st := p.Revocation("root", 2, "two")
		change(&st)
		return p.SignStatement(st, p.RootKeys...)
	}
	good := p.Revoke("root", 2, "two")
	late := map[string]time.Duration{"revocation under an expired root": 366 * 24 * time.Hour}

	for _, tt := range []struct {
		name   string
		want   string // in the error
		damage func(*stage, *ledger.State)
	}{
		{"revocation forgotten", "voucher", voucher(func(v *record.Voucher) { v.Revocation = nil })},
		{"revocation lifted", "voucher", voucher(func(v *record.Voucher) { v.Revocation, v.Lift = nil, v.Revocation })},
		{"ruling of another role", "voucher", voucher(func(v *record.Voucher) { v.Revocation.Role = "root" })},
		{"ruling for another reason", "voucher", voucher(func(v *record.Voucher) { v.Revocation.Reason = record.ReasonMistake })},
		{"ruling of another sequence", "voucher", voucher(func(v *record.Voucher) { v.Revocation.Sequence = 2 })},
		{"ruling by another root", "voucher", voucher(func(v *record.Voucher) { v.Revocation.RootVersion = 2 })},
		{"ruling of another statement", "voucher", voucher(func(v *record.Voucher) { v.Revocation.Statement[0] ^= 1 })},
		{"ruling of another height", "voucher", voucher(func(v *record.Voucher) { v.Revocation.Height-- })},
		{"ruling of another record", "voucher", voucher(func(v *record.Voucher) { v.Revocation.Index-- })},
		{"revoked digest of nobody's", "nothing accounts", func(s *stage, state *ledger.State) {
			state.Set(record.VoucherKey(fixture.Digest("never"), p.Repository), (&record.Voucher{Revocation: s.voucher(p, "one").Revocation}).Encode())
		}},
		{"revocation sequence", "repository value", repository(func(r *record.Repository) { r.RevocationSequence++ })},
		{"lift sequence", "repository value", repository(func(r *record.Repository) { r.LiftSequence++ })},
		{"token of revocations given back", "bucket", repository(func(r *record.Repository) { r.Quotas[record.QuotaRevoking].Tokens++ })},
		{"token of the root taken", "bucket", repository(func(r *record.Repository) { r.Quotas[record.QuotaRoot].Tokens-- })},

		{"statement of a later sequence", "number 3", entry(signed(func(st *record.Statement) { st.Sequence = 3 }), asItIs)},
		{"statement of the same sequence", "number 1", entry(signed(func(st *record.Statement) { st.Sequence = 1 }), asItIs)},
		{"statement of another ledger", "other-0", entry(signed(func(st *record.Statement) { st.Binding.Ledger = "other-0123456789abcdef" }), asItIs)},
		{"statement of another repository", "other", entry(signed(func(st *record.Statement) { st.Binding.Repository = base.q.Repository }), asItIs)},
		{"statement of another recovery", "number 2", entry(signed(func(st *record.Statement) { st.RecoveryCount = 1 }), asItIs)},
		{"statement by a stranger", "unknown key", entry(p.SignStatement(p.Revocation("root", 2, "two"), newKeys(t, "x")...), asItIs)},
		{"unsigned statement", "too few", entry(p.SignStatement(p.Revocation("root", 2, "two")), func(r *record.LogRecord) { r.KeyIDs = good.Signers() })},
		{"lift beyond the revocations", "number 1", entry(p.Lift(1, 2, "one"), asItIs)},
		{"lift of what is not revoked", "changes nothing", entry(p.Lift(1, 1, "two"), asItIs)},
		{"revocation of what is revoked", "changes nothing", entry(p.Revoke("root", 2, "one"), asItIs)},
		{"revocation recorded as lift", "lift holds a statement revoke", entry(good, func(r *record.LogRecord) { r.Kind = record.KindLift })},
		{"record of more digests", "2 digests", entry(good, func(r *record.LogRecord) { r.Changes = 2 })},
		{"record by other keys", "1 digests by", entry(good, func(r *record.LogRecord) { r.KeyIDs = fixture.IDs(p.TaggingKeys) })},
		{"record of no statement", "couldn't read statement", entry(good, func(r *record.LogRecord) { r.ChangesHash[0] ^= 1 })},
		{"record of a change list", "signed statement", entry(good, func(r *record.LogRecord) { r.ChangesHash = sum(record.EncodeChanges(nil)) })},
		{"revocation under an expired root", "root was expired", entry(good, asItIs)},
		{"revocation beyond the quota", "beyond the quota", entry(p.Revoke("targets", 2, "two"), asItIs)},
		{"record without its effects", "repository value", func(s *stage, state *ledger.State) {
			entry(good, asItIs)(s, state)
			repository(func(r *record.Repository) {
				r.Quotas[record.QuotaRoot].Tokens--
				r.Quotas[record.QuotaRoot].Height = state.Block().Height
			})(s, state)
		}},
		{"publication of a revoked digest", "revoked digest", func(s *stage, state *ledger.State) {
			forge(s, state, forged{
				file: p.Targets(2, fixture.Tags{"1.0": "one", "1.1": "two", "1.2": "one"}),
				changes: []record.TagChange{{
					Op: record.ChangeSet, Tag: reference.MustParseTag("1.2"), Digest: fixture.Digest("one"), Size: 3, Role: record.RoleTargets,
				}},
			})
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &stage{chain: &chain{t: t, c: c, db: copyOf(t, base.db), late: late[tt.name]}, p: p, q: base.q}
			s.reopen()
			state := s.begin()
			tt.damage(s, state)
			s.end(state)
			err := ledger.Check(s.l)
			if err == nil {
				t.Fatal("nothing found")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v: does not name %q", err, tt.want)
			}
		})
	}
}

// Test that a statement may not be missing, however old.
func TestCheckMissingStatement(t *testing.T) {
	s := newRevokedStage(t)
	statement := s.voucher(s.p, "one").Revocation.Statement
	s.commit(s.c.State(s.p.RootKeys[0], s.p.Lift(1, 1, "one")))
	if err := s.db.Delete(append([]byte{'b'}, statement[:]...)); err != nil {
		t.Fatal(err)
	}
	if err := ledger.Check(s.l); err == nil || !strings.Contains(err.Error(), "statement") {
		t.Errorf("error %v", err)
	}
}
