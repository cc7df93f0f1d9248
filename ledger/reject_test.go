package ledger_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
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

// badTransaction is a transaction no ledger takes, and the code it is refused
// with.
type badTransaction struct {
	name string
	code record.Code
	tx   []byte
}

// stage is the ledger bad transactions are tried on: repository p holds root 1
// and targets 1, q root 1 only.
type stage struct {
	*chain
	p, q *fixture.Publisher
}

func newStage(t testing.TB) *stage {
	t.Helper()
	c := fixture.NewConsortium(t, 4)
	// Operator op-1 owns a namespace within that of op-0.
	c.Operators[1].Namespaces = append(c.Operators[1].Namespaces, reference.MustParseNamespace("registry.example.com/team"))
	s := &stage{chain: newChain(t, c)}
	s.p = c.NewPublisher("registry.example.com/app")
	s.q = c.NewPublisherOf("localhost:5000/app", keys.KeytypeECDSA, keys.KeytypeECDSA)
	s.commit(s.p.Register(c.Operators[0]), s.q.Register(c.Operators[1]))
	s.commit(s.p.Publish(1, fixture.Tags{"1.0": "one", "1.1": "two"}))
	return s
}

// publish is a good publication of targets 2 of p, to be made bad.
func (s *stage) publish() *fixture.Transaction {
	return s.c.NewPublish(s.p.TaggingKeys[0], targets(s.p.Targets(2, fixture.Tags{"1.0": "new"})))
}

// body is the message of a publication.
func body(tx *fixture.Transaction) *proto.Publish { return tx.Message.(*proto.Publish) }

// withTargets is publish with another targets file.
func (s *stage) withTargets(file []byte) []byte {
	tx := s.publish()
	body(tx).Updates[0].Roles[0].Content = &proto.RoleUpdate_File{File: file}
	return tx.Bytes()
}

// withRoot is the publication of a root 2 of p.
func (s *stage) withRoot(file []byte) []byte {
	tx := s.c.NewPublish(s.p.RootKeys[0], roots(s.p.Root(2)))
	body(tx).Updates[0].Roots[0] = file
	return tx.Bytes()
}

// targetsSpec is publish with a targets file of changed content, signed by the
// tagging keys or those given.
func (s *stage) targetsSpec(change func(*tuf.TargetsSpec), signers ...*fixture.Key) []byte {
	spec := s.p.TargetsSpec(2, fixture.Tags{"1.0": "new"})
	change(&spec)
	if signers == nil {
		signers = s.p.TaggingKeys
	}
	return s.withTargets(s.p.SignTargets(spec, signers...).Bytes())
}

// rootSpec is the same for a root.
func (s *stage) rootSpec(change func(*tuf.RootSpec), signers ...*fixture.Key) []byte {
	spec := s.p.RootSpec(2)
	change(&spec)
	if signers == nil {
		signers = s.p.RootKeys
	}
	return s.withRoot(s.p.SignRoot(spec, signers...).Bytes())
}

func edit(tx *fixture.Transaction, change func(*fixture.Transaction)) []byte {
	change(tx)
	return tx.Bytes()
}

func (s *stage) badTransactions() []badTransaction {
	t, c, p, q := s.t, s.c, s.p, s.q
	op := c.Operators
	good := s.publish().Bytes()
	stranger := newKeys(t, "stranger")[0]
	fresh := c.NewPublisher("registry.example.com/fresh")
	register := func() *fixture.Transaction { return c.NewRegister(op[0], fresh.Root(1)) }
	publish := s.publish
	headerWith := func(change func(*record.Header)) []byte {
		tx := publish()
		h := tx.Header()
		change(&h)
		return tx.BytesWith(h)
	}
	none := func(*tuf.TargetsSpec) {}

	list := []badTransaction{
		{"empty", record.CodeMalformed, nil},
		{"only the magic", record.CodeMalformed, []byte("HMTX")},
		{"cut short", record.CodeMalformed, good[:len(good)-1]},
		{"a byte left over", record.CodeMalformed, append(slices.Clone(good), 0)},
		{"another body than the header's", record.CodeMalformed, headerWith(func(h *record.Header) { h.BodyHash[0] ^= 1 })},
		{"unknown kind", record.CodeMalformed, headerWith(func(h *record.Header) { h.Kind = 99 })},
		{"unknown profile", record.CodeMalformed, headerWith(func(h *record.Header) { h.Profile = 9 })},
		{"no scope", record.CodeMalformed, headerWith(func(h *record.Header) { h.Scopes = nil })},
		{"scope with number 0", record.CodeMalformed, headerWith(func(h *record.Header) { h.Scopes[0].Number = 0 })},
		{"one scope twice", record.CodeMalformed, headerWith(func(h *record.Header) { h.Scopes = append(h.Scopes, h.Scopes[0]) })},
		{"scopes descending", record.CodeMalformed, headerWith(func(h *record.Header) {
			h.Scopes = append(h.Scopes, record.RoleScope(p.Repository, record.RoleRoot, 2))
		})},
		{"17 scopes", record.CodeMalformed, headerWith(func(h *record.Header) {
			h.Scopes = nil
			for i := range record.MaxScopes + 1 {
				h.Scopes = append(h.Scopes, record.RoleScope(reference.MustParseRepository(fmt.Sprintf("localhost:5000/r%02d", i)), record.RoleTargets, 1))
			}
		})},
		{"body that is no message", record.CodeMalformed, edit(publish(), func(tx *fixture.Transaction) { tx.Body = []byte("body") })},
		{"body with an unknown field", record.CodeMalformed, edit(publish(), func(tx *fixture.Transaction) {
			tx.Body = append(slices.Clone(tx.EncodedBody()), 0x7a, 0x01, 0x00)
		})},
		{"body with a default value", record.CodeMalformed, edit(register(), func(tx *fixture.Transaction) { tx.Body = []byte{0x0a, 0x00} })},

		{"too large", record.CodeTooLarge, make([]byte, record.MaxTransactionSize+1)},

		{"another ledger", record.CodeWrongChain, edit(publish(), func(tx *fixture.Transaction) { tx.ChainID = "other-0123456789abcdef" })},

		{"stranger", record.CodeUnknownSubmitter, edit(publish(), func(tx *fixture.Transaction) { tx.Submitter = stranger })},
		{"operator without paying", record.CodeUnknownSubmitter, edit(publish(), func(tx *fixture.Transaction) { tx.Submitter = op[0].Governance })},
		{"operator's notary key, which the root lists", record.CodeUnknownSubmitter, edit(publish(), func(tx *fixture.Transaction) { tx.Submitter = op[0].Notary })},
		{"another operator pays", record.CodeUnknownSubmitter, edit(publish(), func(tx *fixture.Transaction) { tx.Submitter, tx.Payer = op[0].Governance, op[1].ID })},
		{"nobody pays", record.CodeUnknownSubmitter, edit(publish(), func(tx *fixture.Transaction) { tx.Submitter, tx.Payer = op[0].Governance, "nobody" })},
		{"publisher lets an operator pay", record.CodeUnknownSubmitter, edit(publish(), func(tx *fixture.Transaction) { tx.Payer = op[0].ID })},
		{"publisher of one of two repositories", record.CodeUnknownSubmitter, c.Publish(p.TaggingKeys[0],
			targets(p.Targets(2, nil)), targets(q.Targets(1, nil)))},
		{"registration by a stranger", record.CodeUnknownSubmitter, edit(register(), func(tx *fixture.Transaction) { tx.Submitter = stranger })},
		{"registration without a payer", record.CodeUnknownSubmitter, edit(register(), func(tx *fixture.Transaction) { tx.Payer = "" })},

		{"submitter's signature is zero", record.CodeSubmitterSignature, edit(publish(), func(tx *fixture.Transaction) { tx.Signature = new([keys.FixedSize]byte) })},
		{"submitter's signature is over another header", record.CodeSubmitterSignature, replaceSignature(good, edit(publish(), func(tx *fixture.Transaction) { tx.Scopes[0].Number = 3 }))},
		{"submitter's ECDSA signature has a high s", record.CodeSubmitterSignature, highS(c.Publish(q.TaggingKeys[0], targets(q.Targets(1, nil))))},
		{"registration with a bad signature", record.CodeSubmitterSignature, edit(register(), func(tx *fixture.Transaction) { tx.Signature = new([keys.FixedSize]byte) })},

		{"profile of Notary", record.CodeNotActive, edit(publish(), func(tx *fixture.Transaction) { tx.Profile = record.ProfileNotary })},
		{"version the ledger has", record.CodeStaleScope, p.Publish(1, fixture.Tags{"1.0": "one", "1.1": "two"})},
		{"other file of the same version", record.CodeStaleScope, p.Publish(1, fixture.Tags{"1.0": "evil"})},
		{"root the ledger has", record.CodeStaleScope, c.Publish(p.RootKeys[0], roots(p.Root(1)))},
		{"version left out", record.CodeFutureScope, p.Publish(3, nil)},
		{"last version there is", record.CodeFutureScope, edit(publish(), func(tx *fixture.Transaction) { tx.Scopes[0].Number = 1<<64 - 1 })},
		{"root version left out", record.CodeFutureScope, c.Publish(p.RootKeys[0], roots(p.Root(3)))},
		{"first targets are version 2", record.CodeFutureScope, q.Publish(2, nil)},

		{"registration with two scopes", record.CodeScopeMismatch, edit(register(), func(tx *fixture.Transaction) {
			tx.Scopes = append(tx.Scopes, record.RoleScope(fresh.Repository, record.RoleTargets, 1))
		})},
		{"registration of root 2", record.CodeScopeMismatch, edit(register(), func(tx *fixture.Transaction) { tx.Scopes[0].Number = 2 })},
		{"registration of targets", record.CodeScopeMismatch, edit(register(), func(tx *fixture.Transaction) { tx.Scopes[0].Role = record.RoleTargets })},
		{"registration in an operator's scope", record.CodeScopeMismatch, edit(register(), func(tx *fixture.Transaction) {
			tx.Scopes[0] = record.Scope{Kind: record.ScopeOperator, Operator: "op-0", Number: 1}
		})},
		{"publish in a revocation's scope", record.CodeScopeMismatch, edit(publish(), func(tx *fixture.Transaction) { tx.Scopes[0] = record.RevocationScope(p.Repository, "root", 1) })},
		{"body without updates", record.CodeScopeMismatch, edit(publish(), func(tx *fixture.Transaction) { body(tx).Updates = nil })},
		{"update of another repository", record.CodeScopeMismatch, edit(publish(), func(tx *fixture.Transaction) { body(tx).Updates[0].Repository = q.Repository.String() })},
		{"update nobody has a scope for", record.CodeScopeMismatch, edit(publish(), func(tx *fixture.Transaction) {
			body(tx).Updates = append(body(tx).Updates, &proto.RepositoryUpdate{Repository: q.Repository.String()})
		})},
		{"updates in another order than scopes", record.CodeScopeMismatch, edit(
			c.NewPublish(op[3].Governance, targets(p.Targets(2, nil)), targets(q.Targets(1, nil))), func(tx *fixture.Transaction) {
				tx.Payer = "op-3"
				slices.Reverse(body(tx).Updates)
			})},
		{"root without its scope", record.CodeScopeMismatch, edit(publish(), func(tx *fixture.Transaction) {
			body(tx).Updates[0].Roots = [][]byte{p.Root(2).Bytes()}
		})},
		{"scope without its root", record.CodeScopeMismatch, edit(publish(), func(tx *fixture.Transaction) {
			tx.Scopes = append(tx.Scopes, record.RoleScope(p.Repository, record.RoleRoot, 2))
		})},
		{"targets without their scope", record.CodeScopeMismatch, edit(publish(), func(tx *fixture.Transaction) {
			tx.Scopes[0] = record.RoleScope(p.Repository, record.RoleRoot, 2)
			body(tx).Updates[0].Roots = [][]byte{p.Root(2).Bytes()}
		})},
		{"scope without its targets", record.CodeScopeMismatch, edit(publish(), func(tx *fixture.Transaction) { body(tx).Updates[0].Roles = nil })},
		{"targets twice", record.CodeScopeMismatch, edit(publish(), func(tx *fixture.Transaction) {
			body(tx).Updates[0].Roles = append(body(tx).Updates[0].Roles, body(tx).Updates[0].Roles[0])
		})},
		{"file of a role without a scope", record.CodeScopeMismatch, edit(publish(), func(tx *fixture.Transaction) { body(tx).Updates[0].Roles[0].Role = "targets/ci" })},

		{"unknown repository", record.CodeUnknownRepository, fresh.Publish(1, nil)},
		{"repository registered before", record.CodeRepositoryExists, p.Register(op[0])},
		{"namespace nobody owns", record.CodeNotOwner, c.NewPublisher("quay.io/app").Register(op[0])},
		{"another operator's namespace", record.CodeNotOwner, fresh.Register(op[3])},
		{"longer namespace of another operator", record.CodeNotOwner, c.NewPublisher("registry.example.com/team/app").Register(op[0])},
		{"namespace that ends within a name", record.CodeNotOwner, c.NewPublisher("docker.io/acme2/app").Register(op[2])},

		{"no targets file", record.CodeNotCanonical, edit(publish(), func(tx *fixture.Transaction) { body(tx).Updates[0].Roles[0].Content = nil })},
		{"targets file with a space", record.CodeNotCanonical, s.withTargets(append(p.Targets(2, nil).Bytes(), ' '))},
		{"root file cut short", record.CodeNotCanonical, s.withRoot(p.Root(2).Bytes()[1:])},
		{"no root file", record.CodeNotCanonical, edit(register(), func(tx *fixture.Transaction) { tx.Message = &proto.RegisterRepository{} })},

		{"tag that is no tag", record.CodeInvalidMetadata, s.withTargets(bytes.ReplaceAll(p.Targets(2, fixture.Tags{"1.0": "x"}).Bytes(), []byte(`"1.0":`), []byte(`"-.0":`)))},
		{"specification version 2", record.CodeInvalidMetadata, s.withTargets(bytes.Replace(p.Targets(2, nil).Bytes(), []byte(`"1.0.31"`), []byte(`"2.0.31"`), 1))},
		{"root without consistent snapshots", record.CodeInvalidMetadata, s.withRoot(bytes.Replace(p.Root(2).Bytes(), []byte(`snapshot":true`), []byte(`snapshot":false`), 1))},

		{"targets for another ledger", record.CodeWrongBinding, s.targetsSpec(func(spec *tuf.TargetsSpec) { spec.Binding.Ledger = "other-0123456789abcdef" })},
		{"targets for another repository", record.CodeWrongBinding, s.targetsSpec(func(spec *tuf.TargetsSpec) { spec.Binding.Repository = q.Repository })},
		{"targets for another role", record.CodeWrongBinding, s.targetsSpec(func(spec *tuf.TargetsSpec) { spec.Binding.Role = "targets/ci" })},
		{"root for another ledger", record.CodeWrongBinding, s.rootSpec(func(spec *tuf.RootSpec) { spec.Binding.Ledger = "other-0123456789abcdef" })},
		{"root for another repository", record.CodeWrongBinding, s.rootSpec(func(spec *tuf.RootSpec) { spec.Binding.Repository = fresh.Repository })},
		{"first root for another repository", record.CodeWrongBinding, edit(register(), func(tx *fixture.Transaction) {
			tx.Message = &proto.RegisterRepository{Root: p.Root(1).Bytes()}
		})},

		{"targets of another version than the scope", record.CodeWrongVersion, s.targetsSpec(func(spec *tuf.TargetsSpec) { spec.Version = 3 })},
		{"root of another version than the scope", record.CodeWrongVersion, s.rootSpec(func(spec *tuf.RootSpec) { spec.Version = 3 })},
		{"registration with root 2", record.CodeWrongVersion, edit(register(), func(tx *fixture.Transaction) {
			tx.Message = &proto.RegisterRepository{Root: fresh.Root(2).Bytes()}
		})},

		{"expired targets", record.CodeExpired, s.targetsSpec(func(spec *tuf.TargetsSpec) { spec.Expires = s.next().Time })},
		{"expired root", record.CodeExpired, s.rootSpec(func(spec *tuf.RootSpec) { spec.Expires = s.next().Time })},
		{"expired first root", record.CodeExpired, edit(register(), func(tx *fixture.Transaction) {
			spec := fresh.RootSpec(1)
			spec.Expires = c.Time
			tx.Message = &proto.RegisterRepository{Root: fresh.SignRoot(spec, fresh.RootKeys...).Bytes()}
		})},
		{"targets that never expire", record.CodeExpiresTooLate, s.targetsSpec(func(spec *tuf.TargetsSpec) { spec.Expires = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) })},
		{"root that never expires", record.CodeExpiresTooLate, s.rootSpec(func(spec *tuf.RootSpec) { spec.Expires = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) })},

		{"targets without signatures", record.CodeThreshold, s.withTargets(p.SignTargets(p.TargetsSpec(2, nil)).Bytes())},
		{"root signed by its new key only", record.CodeThreshold, s.rootSpec(func(spec *tuf.RootSpec) {
			spec.Keys = append(spec.Keys, stranger.PublicKey())
			spec.Roles.Root.KeyIDs = []keys.ID{stranger.ID()}
			spec.Keys = slices.DeleteFunc(spec.Keys, p.RootKeys[0].PublicKey().Equal)
		}, stranger)},
		{"root signed by its old key only", record.CodeThreshold, s.rootSpec(func(spec *tuf.RootSpec) {
			spec.Keys = append(spec.Keys, stranger.PublicKey())
			spec.Roles.Root.KeyIDs = []keys.ID{stranger.ID()}
			spec.Keys = slices.DeleteFunc(spec.Keys, p.RootKeys[0].PublicKey().Equal)
		})},
		{"root below its own threshold", record.CodeThreshold, s.rootSpec(func(spec *tuf.RootSpec) {
			spec.Keys = append(spec.Keys, stranger.PublicKey())
			spec.Roles.Root.KeyIDs = append(spec.Roles.Root.KeyIDs, stranger.ID())
			spec.Roles.Root.Threshold = 2
		})},
		{"first root without signatures", record.CodeThreshold, edit(register(), func(tx *fixture.Transaction) {
			tx.Message = &proto.RegisterRepository{Root: fresh.SignRoot(fresh.RootSpec(1)).Bytes()}
		})},

		{"targets signed by a stranger", record.CodeUnknownKey, s.targetsSpec(none, stranger)},
		{"targets signed by a stranger too", record.CodeUnknownKey, s.targetsSpec(none, p.TaggingKeys[0], stranger)},
		{"targets signed by the root key", record.CodeUnknownKey, s.targetsSpec(none, p.RootKeys...)},
		{"targets signed by a notary key", record.CodeUnknownKey, s.targetsSpec(none, op[0].Notary)},
		{"root signed by a stranger too", record.CodeUnknownKey, s.rootSpec(func(*tuf.RootSpec) {}, p.RootKeys[0], stranger)},

		{"targets with a bad signature", record.CodeBadSignature, s.withTargets(flipSignature(p.Targets(2, nil).Bytes()))},
		{"root with a bad signature", record.CodeBadSignature, s.withRoot(flipSignature(p.Root(2).Bytes()))},
		{"first root with a bad signature", record.CodeBadSignature, edit(register(), func(tx *fixture.Transaction) {
			tx.Message = &proto.RegisterRepository{Root: flipSignature(fresh.Root(1).Bytes())}
		})},

		{"root sent as targets", record.CodeWrongRole, s.withTargets(p.Root(2).Bytes())},
		{"targets sent as root", record.CodeWrongRole, s.withRoot(p.Targets(2, nil).Bytes())},

		{"root without an operator's notary key", record.CodeNotaryKeys, s.rootSpec(func(spec *tuf.RootSpec) {
			spec.Keys = slices.DeleteFunc(spec.Keys, op[0].Notary.PublicKey().Equal)
			without := slices.DeleteFunc(slices.Clone(spec.Roles.Snapshot.KeyIDs), func(id keys.ID) bool { return id == op[0].Notary.ID() })
			spec.Roles.Snapshot = tuf.Role{KeyIDs: without, Threshold: 3}
			spec.Roles.Timestamp = spec.Roles.Snapshot
		})},
		{"root with a low notary threshold", record.CodeNotaryKeys, s.rootSpec(func(spec *tuf.RootSpec) { spec.Roles.Timestamp.Threshold = 2 })},
		{"root with a high notary threshold", record.CodeNotaryKeys, s.rootSpec(func(spec *tuf.RootSpec) { spec.Roles.Snapshot.Threshold = 4 })},
		{"first root with the publisher's key as snapshot", record.CodeNotaryKeys, edit(register(), func(tx *fixture.Transaction) {
			spec := fresh.RootSpec(1)
			spec.Roles.Snapshot = spec.Roles.Root
			tx.Message = &proto.RegisterRepository{Root: fresh.SignRoot(spec, fresh.RootKeys...).Bytes()}
		})},

		{"1001 tags", record.CodeTooManyChanges, s.targetsSpec(func(spec *tuf.TargetsSpec) {
			spec.Targets = nil
			for i := range record.MaxChanges - 1 { // and two are withdrawn
				spec.Targets = append(spec.Targets, tuf.Target{Tag: reference.MustParseTag(fmt.Sprintf("t%04d", i)), Digest: fixture.Digest("x"), Length: 1})
			}
		})},
	}
	list = append(list, s.badStatements()...)
	for kind := record.KindVeto; kind <= record.KindGovernance; kind++ {
		list = append(list, badTransaction{"kind " + kind.String(), record.CodeNotActive, edit(publish(), func(tx *fixture.Transaction) { tx.Kind = kind })})
	}
	return list
}

// flipSignature changes the first signature of a file.
func flipSignature(file []byte) []byte {
	file = slices.Clone(file)
	at := bytes.Index(file, []byte(`"sig":"`)) + len(`"sig":"`)
	digit := byte('0')
	if file[at] == '0' {
		digit = '1'
	}
	file[at] = digit
	return file
}

// replaceSignature returns a transaction with the signature of another.
func replaceSignature(tx, other []byte) []byte {
	tx = slices.Clone(tx)
	copy(tx[len(tx)-keys.FixedSize:], other[len(other)-keys.FixedSize:])
	return tx
}

// highS replaces the P-256 signature of a transaction by its twin.
func highS(tx []byte) []byte {
	tx = slices.Clone(tx)
	order, _ := new(big.Int).SetString("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16)
	half := tx[len(tx)-keys.FixedSize/2:]
	new(big.Int).Sub(order, new(big.Int).SetBytes(half)).FillBytes(half)
	return tx
}

// Test that every bad transaction is refused with its code and leaves nothing.
func TestRejections(t *testing.T) {
	s := newStage(t)
	seen := make(map[record.Code]bool)
	for _, bad := range s.badTransactions() {
		t.Run(bad.name, func(t *testing.T) {
			s.t = t
			s.rejects(bad.code, bad.tx)
		})
		seen[bad.code] = true
	}
	s.t = t
	// What was made bad is good when left alone.
	s.commit(s.publish().Bytes(), s.withRoot(s.p.Root(2).Bytes()), s.q.Publish(1, nil))
	s.check()

	elsewhere := map[record.Code]string{
		record.CodeQuota:            "TestQuota",
		record.CodeWork:             "TestWork",
		record.CodeRoleNotEffective: "TestExpiredRoot",
		record.CodeTagHeld:          "TestBadDelegations",
		record.CodeTagNotDelegated:  "TestBadDelegations",
		record.CodeRoleConflict:     "TestBadDelegations",
		record.CodeStaleBase:        "TestBadDeltas",
		record.CodeRevoked:          "TestRevoke",
		record.CodeAlreadyRevoked:   "TestRevoke",
		record.CodeNotRevoked:       "TestRevoke",
		record.CodeMetadataTooLarge: "no whole file in a transaction is that large",
	}
	for code := record.CodeMalformed; code.Name() != fmt.Sprintf("code-%d", code); code++ {
		if _, ok := elsewhere[code]; seen[code] == ok {
			t.Errorf("code %s: tested here %v, elsewhere %v", code.Name(), seen[code], ok)
		}
	}
}

// Test that a key without a fixed-width signature submits nothing, though the
// root lists it.
func TestRSASubmitter(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, keys.MinRSABits)
	if err != nil {
		t.Fatal(err)
	}
	s := newStage(t)
	fresh := s.c.NewPublisher("registry.example.com/fresh")
	fresh.TaggingKeys = []*fixture.Key{fixture.KeyOf(t, private)}
	tx := s.c.NewPublish(fresh.TaggingKeys[0], targets(fresh.Targets(1, nil)))
	tx.Signature = new([keys.FixedSize]byte)
	s.commit(fresh.Register(s.c.Operators[0]))
	s.rejects(record.CodeMalformed, tx.Bytes())
	s.commit(s.c.Relay(s.c.Operators[3], targets(fresh.Targets(1, nil))))
	s.check()
}

// Test that tuf's errors that no transaction can cause have their code too.
func TestRejectMetadata(t *testing.T) {
	for _, tt := range []struct {
		err  error
		code record.Code
	}{
		{tuf.ErrTooLarge, record.CodeMetadataTooLarge},
		{fmt.Errorf("couldn't parse: %w", tuf.ErrTooLarge), record.CodeMetadataTooLarge},
		{tuf.ErrPath, record.CodeInvalidMetadata},
		{tuf.ErrLimit, record.CodeInvalidMetadata},
	} {
		if code, _ := record.CodeOf(ledger.RejectMetadata(tt.err)); code != tt.code {
			t.Errorf("%v: code %d, want %d", tt.err, code, tt.code)
		}
	}
}

// TestDamagedFile: a stored file that is damaged is this node's trouble. The delta that
// meets it is not refused, and no verdict on it is remembered.
func TestDamagedFile(t *testing.T) {
	tr := newTree(t)
	tr.publish(tr.file("", fixture.Tags{"1.0": "one", "2.0": "two"}))
	old := tr.files[role("")]
	tx := tr.c.Publish(tr.p.TaggingKeys[0], tr.deltas(tr.file("", fixture.Tags{"1.0": "other", "2.0": "two"})))
	repo := tr.repository(tr.p)
	state, _ := repo.Role(role(""))
	for _, part := range []string{`"hashes"`, `"sha256"`, `"length"`} {
		tr.l.Damage(state.FileDigest, bytes.Replace(old.Bytes(), []byte(part), []byte(`"`+strings.Repeat("x", len(part)-2)+`"`), 1))
		s := tr.begin()
		_, err := s.Apply(tx, keys.Direct{})
		if _, rejected := record.CodeOf(err); !errors.Is(err, tuf.ErrStored) || rejected {
			t.Errorf("%s is damaged: %v", part, err)
		}
		s.Close()
	}
	tr.l.Damage(state.FileDigest, old.Bytes())
	tr.commit(tx)
}

// Test that what was made for one ledger, repository or role is good for no
// other that knows the same keys.
func TestReplay(t *testing.T) {
	s := newStage(t)
	other := fixture.NewConsortium(t, 4)
	other.Name = "other"
	there := newChain(t, other)
	twin := other.NewPublisher("registry.example.com/app") // the same keys
	there.commit(twin.Register(other.Operators[0]), twin.Publish(1, nil))

	there.rejects(record.CodeWrongChain, s.publish().Bytes())
	file := s.p.Targets(2, fixture.Tags{"1.0": "new"})
	there.rejects(record.CodeWrongBinding, other.Publish(twin.TaggingKeys[0], targets(file)))
	there.rejects(record.CodeWrongBinding, other.Publish(twin.RootKeys[0], roots(s.p.Root(2))))

	// One publisher with the same keys for two repositories and both roles.
	a, b := s.c.NewPublisher("registry.example.com/a"), s.c.NewPublisher("registry.example.com/b")
	a.TaggingKeys, b.RootKeys, b.TaggingKeys = a.RootKeys, a.RootKeys, a.RootKeys
	s.commit(a.Register(s.c.Operators[0]), b.Register(s.c.Operators[0]))
	tx := s.c.NewPublish(b.RootKeys[0], targets(b.Targets(1, nil)))
	body(tx).Updates[0].Roles[0].Content = &proto.RoleUpdate_File{File: a.Targets(1, nil).Bytes()}
	s.rejects(record.CodeWrongBinding, tx.Bytes())
	s.commit(a.Publish(1, nil))
	s.rejects(record.CodeStaleScope, a.Publish(1, nil))
	s.check()
}
