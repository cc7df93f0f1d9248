package ledger_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/proto"
	"hullmark/record"
	"hullmark/reference"
)

// voucher is the value of a manifest in the repository, nil without one.
func (ch *chain) voucher(p *fixture.Publisher, manifest string) *record.Voucher {
	ch.t.Helper()
	v, _ := get(ch, record.VoucherKey(fixture.Digest(manifest), p.Repository), record.DecodeVoucher)
	return v
}

// state says what statements left of a manifest: "none", "published", "revoked" or
// "lifted", the latter two with "unpublished" before it for what never was.
func (ch *chain) state(p *fixture.Publisher, manifest string) string {
	ch.t.Helper()
	v := ch.voucher(p, manifest)
	prefix := ""
	switch {
	case v == nil:
		return "none"
	case !v.Published():
		prefix = "unpublished "
	}
	switch {
	case v.Revocation != nil:
		return prefix + "revoked"
	case v.Lift != nil:
		return prefix + "lifted"
	}
	return "published"
}

func (ch *chain) states(p *fixture.Publisher, want map[string]string) {
	ch.t.Helper()
	got := make(map[string]string)
	for manifest := range want {
		got[manifest] = ch.state(p, manifest)
	}
	if d := cmp.Diff(want, got); d != "" {
		ch.t.Errorf("height %d (-want +got):\n%s", ch.l.Height(), d)
	}
}

// Test the life of a revocation: of what was published and what was not, by either
// role, lifted, and made again.
func TestRevoke(t *testing.T) {
	s := newStage(t) // p has 1.0 = one, 1.1 = two
	c, p := s.c, s.p
	tagger, offline := p.TaggingKeys[0], p.RootKeys[0]

	s.commit(c.State(tagger, p.Revoke("targets", 1, "one", "never")))
	s.states(p, map[string]string{"one": "revoked", "two": "published", "never": "unpublished revoked", "other": "none"})
	s.means(p, "1.0", is("one")) // the tag stays; what it means does not verify
	want := &record.Ruling{
		Role: "targets", Reason: record.ReasonMalicious, Sequence: 1, RootVersion: 1,
		Statement: p.Revoke("targets", 1, "one", "never").Digest(), Height: 3, Time: c.BlockTime(3), Index: 3,
	}
	if d := cmp.Diff(want, s.voucher(p, "never").Revocation); d != "" {
		t.Error(d)
	}
	if image, ok := get(s.chain, record.ImageKey(fixture.Digest("never")), record.DecodeImage); ok {
		t.Errorf("who vouches for what was never published: %+v", image)
	}
	s.check()

	// Nothing revoked is published, alone or beside others; what stays may.
	s.rejects(record.CodeRevoked, p.Publish(2, fixture.Tags{"1.0": "one", "1.1": "two", "2.0": "never"}))
	s.rejects(record.CodeRevoked, p.Publish(2, fixture.Tags{"1.0": "one", "1.1": "two", "again": "one"}))
	s.rejects(record.CodeRevoked, c.Relay(c.Operators[3], targets(p.Targets(2, fixture.Tags{"1.1": "one"}))))
	s.commit(p.Publish(2, fixture.Tags{"1.0": "one", "1.1": "two", "2.0": "three"}))
	s.commit(p.Publish(3, fixture.Tags{"1.1": "two"}))
	s.rejects(record.CodeRevoked, p.Publish(4, fixture.Tags{"1.0": "one"}))

	// A revocation of what is revoked leaves it as it was; one that changes nothing
	// is refused.
	s.rejects(record.CodeAlreadyRevoked, c.State(offline, p.Revoke("root", 2, "one", "never")))
	s.commit(c.State(offline, p.Revoke("root", 2, "one", "two")))
	if r := s.voucher(p, "one").Revocation; r.Sequence != 1 || r.Role != "targets" {
		t.Errorf("first revocation became %+v", r)
	}
	s.states(p, map[string]string{"one": "revoked", "two": "revoked"})

	// A lift reaches as far as it says.
	s.rejects(record.CodeFutureScope, c.State(offline, p.Lift(1, 3, "one")))
	s.rejects(record.CodeNotRevoked, c.State(offline, p.Lift(1, 2, "three", "other")))
	s.rejects(record.CodeNotRevoked, c.State(offline, p.Lift(1, 1, "two")))
	s.commit(c.State(tagger, p.Lift(1, 1, "one", "two", "never", "other"))) // carried by the tagging key
	s.states(p, map[string]string{"one": "lifted", "two": "revoked", "never": "unpublished lifted", "other": "none"})
	s.rejects(record.CodeNotRevoked, c.State(offline, p.Lift(2, 2, "one")))
	s.commit(p.Publish(4, fixture.Tags{"1.0": "one", "2.0": "never"}))
	s.states(p, map[string]string{"one": "lifted", "never": "lifted"})
	if image, ok := get(s.chain, record.ImageKey(fixture.Digest("never")), record.DecodeImage); !ok || image.Count != 1 {
		t.Errorf("who vouches for what was published after its lift: %+v", image)
	}
	s.check()

	// Revoked again, by an operator's hand.
	s.commit(c.RelayStatements(c.Operators[2], p.Revoke("root", 3, "one")))
	s.states(p, map[string]string{"one": "revoked", "never": "lifted"})
	repo := s.repository(p)
	if repo.RevocationSequence != 3 || repo.LiftSequence != 1 || repo.Revision != 9 {
		t.Errorf("sequences %d and %d, revision %d", repo.RevocationSequence, repo.LiftSequence, repo.Revision)
	}
	s.reopen()
	s.check()
}

// Test that a transaction holds statements of several repositories or none.
func TestStatementsOfSeveral(t *testing.T) {
	s := newStage(t)
	c, p, q := s.c, s.p, s.q
	op := c.Operators[3]
	s.rejects(record.CodeUnknownSubmitter, c.State(p.RootKeys[0], p.Revoke("root", 1, "one"), q.Revoke("root", 1, "one")))
	s.rejects(record.CodeFutureScope, c.RelayStatements(op, p.Revoke("root", 1, "one"), q.Revoke("root", 2, "one")))
	s.rejects(record.CodeUnknownKey, c.RelayStatements(op, p.Revoke("root", 1, "one"),
		q.SignStatement(q.Revocation("root", 1, "one"), p.RootKeys...)))
	s.commit(c.RelayStatements(op, p.Revoke("root", 1, "one"), q.Revoke("targets", 1, "one")))
	s.states(p, map[string]string{"one": "revoked"})
	s.states(q, map[string]string{"one": "unpublished revoked"})
	s.check()
}

// Test that thresholds and rotations decide who may revoke, and that an expired
// root may only rotate.
func TestStatementSigners(t *testing.T) {
	s := newStage(t)
	c := s.c
	op := c.Operators[0]
	p := c.NewPublisherOf("registry.example.com/two", keys.KeytypeECDSA, keys.KeytypeEd25519)
	p.RootKeys, p.RootThreshold = fixture.NewKeys(t, keys.KeytypeECDSA, "offline", 3), 2
	p.TaggingKeys, p.TaggingThreshold = fixture.NewKeys(t, keys.KeytypeEd25519, "taggers", 3), 2
	p.Expires = c.BlockTime(40)
	s.commit(p.Register(op)) // no targets file yet: its keys may revoke nevertheless

	lift := p.Lifting(1, 1, "x")
	byRoot, byTargets := p.Revocation("root", 1, "x"), p.Revocation("targets", 1, "x")
	for _, tt := range []struct {
		name string
		code record.Code
		s    *record.SignedStatement
	}{
		{"one root key of two", record.CodeThreshold, p.SignStatement(byRoot, p.RootKeys[2])},
		{"one tagging key of two", record.CodeThreshold, p.SignStatement(byTargets, p.TaggingKeys[0])},
		{"nobody", record.CodeThreshold, p.SignStatement(byRoot)},
		{"tagging keys for root", record.CodeUnknownKey, p.SignStatement(byRoot, p.TaggingKeys...)},
		{"root keys for targets", record.CodeUnknownKey, p.SignStatement(byTargets, p.RootKeys...)},
		{"a stranger beside two root keys", record.CodeUnknownKey, p.SignStatement(byRoot, append(newKeys(t, "x"), p.RootKeys...)...)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s.t = t
			s.rejects(tt.code, c.RelayStatements(op, tt.s))
		})
	}
	s.t = t
	s.commit(c.State(p.TaggingKeys[0], p.SignStatement(byTargets, p.TaggingKeys[1:]...)))
	s.rejects(record.CodeUnknownKey, c.RelayStatements(op, p.SignStatement(lift, p.TaggingKeys...)))
	s.commit(c.State(p.RootKeys[1], p.SignStatement(lift, p.RootKeys[:2]...)))

	// Keys that a rotation dropped sign nothing any more.
	oldRoot, oldTagging := p.RootKeys, p.TaggingKeys
	s.commit(c.Publish(oldRoot[0], roots(p.RotateRoot(2, fixture.NewKeys(t, keys.KeytypeECDSA, "new", 2), fixture.NewKeys(t, keys.KeytypeEd25519, "new tag", 2)))))
	s.rejects(record.CodeUnknownKey, c.RelayStatements(op, p.SignStatement(p.Revocation("root", 2, "x"), oldRoot...)))
	s.rejects(record.CodeUnknownKey, c.RelayStatements(op, p.SignStatement(p.Revocation("targets", 2, "x"), oldTagging...)))
	s.rejects(record.CodeUnknownSubmitter, c.State(oldTagging[0], p.Revoke("root", 2, "x")))
	s.commit(c.RelayStatements(op, p.Revoke("root", 2, "x")))
	if r := s.voucher(p, "x").Revocation; r.RootVersion != 2 {
		t.Errorf("judged by root %d", r.RootVersion)
	}

	// An expired root authorises its successor and nothing else.
	s.late = 40 * 5 * time.Second
	s.rejects(record.CodeRoleNotEffective, c.RelayStatements(op, p.Revoke("root", 3, "y")))
	s.rejects(record.CodeRoleNotEffective, c.RelayStatements(op, p.Revoke("targets", 3, "y")))
	s.rejects(record.CodeRoleNotEffective, c.RelayStatements(op, p.Lift(2, 2, "x")))
	p.Expires = c.Time.AddDate(1, 0, 0)
	s.commit(c.Relay(op, roots(p.Root(3))))
	s.commit(c.RelayStatements(op, p.Revoke("targets", 3, "y")), c.RelayStatements(op, p.Lift(2, 3, "x", "y")))
	s.check()
}

// badStatements are transactions of statements that no ledger takes. In the stage
// "one" is published and nothing revoked.
func (s *stage) badStatements() []badTransaction {
	c, p, q := s.c, s.p, s.q
	op := c.Operators[3]
	revoke := func() *fixture.Transaction { return c.NewStatements(p.RootKeys[0], p.Revoke("root", 1, "one")) }
	resigned := func(change func(*record.Statement)) []byte {
		st := p.Revocation("root", 1, "one")
		change(&st)
		tx := revoke()
		tx.Message = &proto.Statements{Statements: [][]byte{p.SignStatement(st, p.RootKeys...).Encode()}}
		return tx.Bytes()
	}
	statements := func(tx *fixture.Transaction) *proto.Statements { return tx.Message.(*proto.Statements) }
	return []badTransaction{
		{"revoke in a role's scope", record.CodeScopeMismatch, edit(revoke(), func(tx *fixture.Transaction) {
			tx.Scopes[0] = record.RoleScope(p.Repository, record.RoleRoot, 2)
		})},
		{"revoke in a lift's scope", record.CodeScopeMismatch, edit(revoke(), func(tx *fixture.Transaction) { tx.Scopes[0] = record.LiftScope(p.Repository, 1) })},
		{"lift in a revocation's scope", record.CodeScopeMismatch, edit(revoke(), func(tx *fixture.Transaction) { tx.Kind = record.KindLift })},
		{"revoke sent as publish", record.CodeScopeMismatch, edit(revoke(), func(tx *fixture.Transaction) { tx.Kind = record.KindPublish })},
		{"revoke in an unknown repository", record.CodeUnknownRepository, edit(revoke(), func(tx *fixture.Transaction) {
			tx.Scopes[0].Repository = reference.MustParseRepository("registry.example.com/unknown")
		})},
		{"revoke by a stranger", record.CodeUnknownSubmitter, edit(revoke(), func(tx *fixture.Transaction) { tx.Submitter = newKeys(s.t, "stranger")[0] })},
		{"revoke by an operator that does not pay", record.CodeUnknownSubmitter, edit(revoke(), func(tx *fixture.Transaction) { tx.Submitter = op.Governance })},
		{"revocation left out", record.CodeFutureScope, c.State(p.RootKeys[0], p.Revoke("root", 2, "one"))},
		{"lift left out", record.CodeFutureScope, c.State(p.RootKeys[0], p.Lift(2, 1, "one"))},
		{"lift of revocations to come", record.CodeFutureScope, c.State(p.RootKeys[0], p.Lift(1, 1, "one"))},
		{"revoke with a bad signature", record.CodeSubmitterSignature, edit(revoke(), func(tx *fixture.Transaction) { tx.Signature = new([keys.FixedSize]byte) })},
		{"revoke with a body of another kind", record.CodeMalformed, edit(revoke(), func(tx *fixture.Transaction) {
			tx.Message = &proto.Publish{Updates: []*proto.RepositoryUpdate{{Repository: "x"}}}
		})},
		{"revoke without statements", record.CodeScopeMismatch, edit(revoke(), func(tx *fixture.Transaction) { statements(tx).Statements = nil })},
		{"statement without its scope", record.CodeScopeMismatch, edit(revoke(), func(tx *fixture.Transaction) {
			statements(tx).Statements = append(statements(tx).Statements, q.Revoke("root", 1, "one").Encode())
		})},
		{"statements in another order than scopes", record.CodeScopeMismatch, edit(
			c.NewStatements(op.Governance, p.Revoke("root", 1, "one"), q.Revoke("root", 1, "one")), func(tx *fixture.Transaction) {
				tx.Payer = op.ID
				slices.Reverse(statements(tx).Statements)
			})},
		{"empty statement", record.CodeMalformed, edit(revoke(), func(tx *fixture.Transaction) { statements(tx).Statements[0] = nil })},
		{"statement with a byte left over", record.CodeMalformed, edit(revoke(), func(tx *fixture.Transaction) {
			statements(tx).Statements[0] = append(statements(tx).Statements[0], 0)
		})},
		{"statement of another repository", record.CodeScopeMismatch, resigned(func(st *record.Statement) { st.Binding.Repository = q.Repository })},
		{"statement of another sequence", record.CodeScopeMismatch, resigned(func(st *record.Statement) { st.Sequence = 2 })},
		{"statement of another role", record.CodeScopeMismatch, resigned(func(st *record.Statement) { st.Binding.Role = "targets" })},
		{"lift sent as revocation", record.CodeScopeMismatch, resigned(func(st *record.Statement) { st.Action, st.Through = record.ActionLift, 1 })},
		{"statement for another ledger", record.CodeWrongBinding, resigned(func(st *record.Statement) { st.Binding.Ledger = "other-0123456789abcdef" })},
		{"statement from another recovery", record.CodeWrongBinding, resigned(func(st *record.Statement) { st.RecoveryCount = 1 })},
		{"unsigned statement", record.CodeThreshold, c.State(p.RootKeys[0], p.SignStatement(p.Revocation("root", 1, "one")))},
		{"statement by a stranger", record.CodeUnknownKey, c.State(p.RootKeys[0], p.SignStatement(p.Revocation("root", 1, "one"), newKeys(s.t, "x")...))},
		{"statement with a flipped signature", record.CodeBadSignature, edit(revoke(), func(tx *fixture.Transaction) {
			b := statements(tx).Statements[0]
			b[len(b)-1] ^= 1
		})},
		{"veto", record.CodeNotActive, edit(revoke(), func(tx *fixture.Transaction) {
			tx.Kind, tx.Scopes[0] = record.KindVeto, record.Scope{Kind: record.ScopeRecovery, Number: 1}
		})},
	}
}

// Test that what was made bad is good when left alone, and once.
func TestGoodStatement(t *testing.T) {
	s := newStage(t)
	good := s.c.State(s.p.RootKeys[0], s.p.Revoke("root", 1, "one"))
	s.commit(good)
	s.rejects(record.CodeStaleScope, good)
	s.rejects(record.CodeStaleScope, s.c.State(s.p.RootKeys[0], s.p.Revoke("targets", 1, "two")))
	s.check()
}

// Test that a statement is good in one ledger only, though the same keys sign in
// several.
func TestStatementReplay(t *testing.T) {
	s := newStage(t)
	other := fixture.NewConsortium(t, 4)
	other.Name = "other"
	there := newChain(t, other)
	twin := other.NewPublisher("registry.example.com/app")
	there.commit(twin.Register(other.Operators[0]))
	there.rejects(record.CodeWrongBinding, other.RelayStatements(other.Operators[1], s.p.Revoke("root", 1, "one")))
	there.commit(other.RelayStatements(other.Operators[1], twin.Revoke("root", 1, "one")))
	there.check()
}

// Test that each class of emergency has its bucket, whoever carries it, and that
// no ordinary publishing touches them.
func TestEmergencyQuota(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	c.Params.Quotas = [3]record.Quota{
		record.QuotaOrdinary: {Capacity: 1, Refill: 1000}, record.QuotaRevoking: {Capacity: 1, Refill: 10}, record.QuotaRoot: {Capacity: 3, Refill: 1000},
	}
	c.Params.OperatorQuota = record.Quota{Capacity: 2, Refill: 1000}
	ch := newChain(t, c)
	p := c.NewPublisher("registry.example.com/app")
	op := c.Operators[0]
	tagger, offline := p.TaggingKeys[0], p.RootKeys[0]
	ch.commit(p.Register(op), p.Publish(1, fixture.Tags{"1.0": "one"}), c.Relay(op, targets(p.Targets(2, nil)))) // height 1

	// All ordinary tokens are gone, the publisher's and the operator's.
	ch.rejects(record.CodeQuota, p.Publish(3, nil))
	ch.rejects(record.CodeQuota, c.Relay(op, targets(p.Targets(3, nil))))
	ch.commit(c.State(tagger, p.Revoke("targets", 1, "one"))) // height 2
	ch.rejects(record.CodeQuota, c.State(tagger, p.Revoke("targets", 2, "two")))
	ch.rejects(record.CodeQuota, c.RelayStatements(op, p.Revoke("targets", 2, "two")))
	ch.commit(c.RelayStatements(op, p.Revoke("root", 2, "two")))
	ch.commit(c.State(offline, p.Lift(1, 2, "one")))
	ch.commit(c.Relay(op, roots(p.Root(2))))
	ch.rejects(record.CodeQuota, c.State(offline, p.Revoke("root", 3, "three")))
	ch.rejects(record.CodeQuota, c.Publish(offline, roots(p.Root(3))))
	ch.check()
	for ch.l.Height() < 11 {
		ch.rejects(record.CodeQuota, c.State(tagger, p.Revoke("targets", 3, "three")))
		ch.commit()
	}
	ch.commit(c.State(tagger, p.Revoke("targets", 3, "three"))) // height 12: one token came back
	ch.check()
}

// Test that a statement counts as work, its digests included.
func TestStatementWork(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	ch := newChain(t, c)
	p := c.NewPublisher("registry.example.com/app")
	ch.commit(p.Register(c.Operators[0]))
	one := p.Revoke("root", 1, "one")
	st := p.Revocation("root", 1)
	for _, m := range manifests(record.MaxStatementDigests) {
		st.Digests = append(st.Digests, fixture.Digest(m))
	}
	st.Digests = record.SortDigests(st.Digests)
	all := p.SignStatement(st, p.RootKeys...)
	work := func(st *record.SignedStatement) uint64 {
		s := ch.begin()
		tx, statement := c.State(p.RootKeys[0], st), len(st.SignedBytes())
		defer s.Close()
		outcome, err := s.Apply(tx, keys.Direct{})
		if err != nil {
			t.Fatal(err)
		}
		root, _ := ch.repository(p).Role(record.RoleRoot)
		n := 100_000 + 40*len(tx) + 250_000 + 60*int(root.FileSize) + 80_000 + 2*statement + 120_000*min(statement/33, record.MaxStatementDigests)
		if want := uint64(n+49_999) / 50_000; outcome.Work != want {
			t.Errorf("work %d, want %d", outcome.Work, want)
		}
		return outcome.Work
	}
	if a, b := work(one), work(all); b < a+record.MaxStatementDigests/2 {
		t.Errorf("work %d of one digest, %d of %d", a, b, record.MaxStatementDigests)
	}
	ch.commit(c.State(p.RootKeys[0], all))
	ch.check()
}

func manifests(n int) []string {
	var out []string
	for i := range n {
		out = append(out, string(rune('a'+i/26))+string(rune('a'+i%26)))
	}
	return out
}

// Test that a rotation and a revocation go together in a block, in either order.
func TestRevokeAndRotate(t *testing.T) {
	s := newStage(t)
	c, p := s.c, s.p
	before := p.Revoke("root", 1, "one")
	old := p.RootKeys[0]
	rotation := c.Publish(old, roots(p.RotateRoot(2, newKeys(t, "fresh root"), newKeys(t, "fresh tagging"))))
	s.commit(c.State(old, before), rotation, c.State(p.RootKeys[0], p.Revoke("root", 2, "two")))
	s.states(p, map[string]string{"one": "revoked", "two": "revoked"})
	if v := s.voucher(p, "one").Revocation.RootVersion; v != 1 {
		t.Errorf("judged by root %d", v)
	}
	s.check()
}
