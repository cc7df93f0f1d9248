package abci

import (
	"context"
	"slices"
	"testing"

	cmtabci "github.com/cometbft/cometbft/abci/types"

	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/proto"
	"hullmark/record"
	"hullmark/tuf"
)

const (
	appName   = "registry.example.com/app"
	otherName = "localhost:5000/other"
)

// published is a node whose ledger holds app with root 1 and targets 1, and other
// with root 1.
type published struct {
	*node
	app, other *fixture.Publisher
}

func newPublished(t testing.TB, n *node) *published {
	t.Helper()
	p := &published{node: n, app: n.c.NewPublisher(appName), other: n.c.NewPublisher(otherName)}
	n.next(p.app.Register(n.c.Operators[0]), p.other.Register(n.c.Operators[1]))
	n.next(p.app.Publish(1, fixture.Tags{"1.0": "one"}))
	return p
}

// named is a transaction no state of published takes, and its code.
type named struct {
	name string
	code record.Code
	tx   []byte
}

// bad returns a transaction for each way in which a block can be bad. That every
// rule has a transaction which breaks it is tested in package ledger.
func (p *published) bad() []named {
	c, app := p.c, p.app
	publish := func() *fixture.Transaction {
		return c.NewPublish(app.TaggingKeys[0], fixture.Update{Targets: app.Targets(2, fixture.Tags{"1.0": "two"})})
	}
	edit := func(change func(*fixture.Transaction)) []byte {
		tx := publish()
		change(tx)
		return tx.Bytes()
	}
	good := publish().Bytes()
	file := func(t *tuf.Targets) []byte {
		return edit(func(tx *fixture.Transaction) {
			tx.Message.(*proto.Publish).Updates[0].Roles[0].Content = &proto.RoleUpdate_File{File: t.Bytes()}
		})
	}
	expired := app.TargetsSpec(2, fixture.Tags{"1.0": "two"})
	expired.Expires = c.Time
	foreign := app.TargetsSpec(2, nil)
	foreign.Binding.Repository = p.other.Repository
	forged, err := tuf.NewTargets(app.TargetsSpec(2, fixture.Tags{"1.0": "evil"}))
	if err == nil {
		forged, err = forged.AddSignatures(tuf.Signature{KeyID: app.TaggingKeys[0].ID(), Sig: make([]byte, 64)})
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return []named{
		{"empty", record.CodeMalformed, nil},
		{"random bytes", record.CodeMalformed, []byte("HMTX but nothing else of it")},
		{"cut short", record.CodeMalformed, good[:len(good)-1]},
		{"a byte left over", record.CodeMalformed, append(slices.Clone(good), 0)},
		{"too large", record.CodeTooLarge, make([]byte, record.MaxTransactionSize+1)},
		{"another ledger", record.CodeWrongChain, edit(func(tx *fixture.Transaction) { tx.ChainID = "other-0123456789abcdef" })},
		{"stranger", record.CodeUnknownSubmitter, edit(func(tx *fixture.Transaction) { tx.Submitter = c.Operators[0].Notary })},
		{"forged envelope", record.CodeSubmitterSignature, edit(func(tx *fixture.Transaction) { tx.Signature = new([64]byte) })},
		{"version that is there", record.CodeStaleScope, app.Publish(1, fixture.Tags{"1.0": "one"})},
		{"other content of a version that is there", record.CodeStaleScope, app.Publish(1, fixture.Tags{"1.0": "evil"})},
		{"version left out", record.CodeFutureScope, app.Publish(3, nil)},
		{"repository that is there", record.CodeRepositoryExists, app.Register(c.Operators[0])},
		{"repository that is not there", record.CodeUnknownRepository, c.NewPublisher("registry.example.com/none").Publish(1, nil)},
		{"namespace of another operator", record.CodeNotOwner, c.NewPublisher("registry.example.com/new").Register(c.Operators[1])},
		{"forged targets", record.CodeBadSignature, file(forged)},
		{"targets of another key", record.CodeUnknownKey, file(app.SignTargets(app.TargetsSpec(2, nil), p.other.TaggingKeys...))},
		{"expired targets", record.CodeExpired, file(app.SignTargets(expired, app.TaggingKeys...))},
		{"targets of another repository", record.CodeWrongBinding, file(app.SignTargets(foreign, app.TaggingKeys...))},
	}
}

func TestCheckTxRefuses(t *testing.T) {
	p := newPublished(t, newNode(t, fixture.NewConsortium(t, 4)))
	for _, tc := range p.bad() {
		t.Run(tc.name, func(t *testing.T) {
			for range 2 { // what was refused once is judged again
				r := p.check(tc.tx, cmtabci.CheckTxType_New)
				if record.Code(r.Code) != tc.code || r.Codespace != record.Codespace || r.Log == "" {
					t.Errorf("code %d %q %q, want %d", r.Code, r.Codespace, r.Log, tc.code)
				}
			}
		})
	}
	// None of them left anything behind.
	p.expectCheck(p.app.Publish(2, fixture.Tags{"1.0": "two"}), 0)
}

// TestCheckTxPipelines admits versions that follow each other before any of them
// is in a block.
func TestCheckTxPipelines(t *testing.T) {
	p := newPublished(t, newNode(t, fixture.NewConsortium(t, 4)))
	two, three, four := p.app.Publish(2, fixture.Tags{"2": "a"}), p.app.Publish(3, nil), p.app.Publish(4, nil)
	p.expectCheck(three, record.CodeFutureScope)
	p.expectCheck(two, 0)
	p.expectCheck(two, record.CodeStaleScope) // sent twice
	p.expectCheck(p.app.Publish(2, fixture.Tags{"2": "b"}), record.CodeStaleScope)
	p.expectCheck(three, 0)
	p.expectCheck(four, 0)
	// A block with the first only: the others still wait, in order.
	p.next(two)
	for _, tx := range [][]byte{three, four} {
		if r := p.check(tx, cmtabci.CheckTxType_Recheck); r.Code != 0 {
			t.Fatalf("recheck: %s", r.Log)
		}
	}
	p.expectCheck(two, record.CodeStaleScope)
	p.next(three, four)
	for _, tx := range [][]byte{two, three, four} {
		p.expectCheck(tx, record.CodeStaleScope)
	}
	// A repository registered and used before any block.
	fresh := p.c.NewPublisher("registry.example.com/fresh")
	p.expectCheck(fresh.Publish(1, nil), record.CodeUnknownRepository)
	p.expectCheck(fresh.Register(p.c.Operators[0]), 0)
	p.expectCheck(fresh.Publish(1, nil), 0)
	// What waited and was not rechecked is gone after a block.
	p.next()
	p.expectCheck(fresh.Publish(1, nil), record.CodeUnknownRepository)
}

// TestRecheckVerifiesNoSignature counts the arithmetic.
func TestRecheckVerifiesNoSignature(t *testing.T) {
	p := newPublished(t, newNode(t, fixture.NewConsortium(t, 4)))
	tx := p.app.Publish(2, fixture.Tags{"1.0": "two"})
	before := p.signatures("verified")
	p.expectCheck(tx, 0)
	verified := p.signatures("verified")
	if verified != before+2 { // the envelope's and the file's
		t.Errorf("CheckTx verified %d signatures, want 2", verified-before)
	}
	p.next()
	cached := p.signatures("cached")
	if r := p.check(tx, cmtabci.CheckTxType_Recheck); r.Code != 0 {
		t.Fatalf("recheck: %s", r.Log)
	}
	if p.signatures("verified") != verified || p.signatures("cached") != cached {
		t.Error("recheck looked at signatures")
	}
	// The block's verdict comes from what CheckTx verified.
	if !p.process(tx) {
		t.Fatal("refused")
	}
	if p.signatures("verified") != verified || p.signatures("cached") != cached+1 { // the submitter's; the content is remembered
		t.Error("ProcessProposal verified what CheckTx had verified")
	}
}

// TestRecheckDropsOvertaken: state decides again after each block, without
// signatures.
func TestRecheckDropsOvertaken(t *testing.T) {
	p := newPublished(t, newNode(t, fixture.NewConsortium(t, 4)))
	mine := p.app.Publish(2, fixture.Tags{"1.0": "mine"})
	p.expectCheck(mine, 0)
	oldKey := p.app.TaggingKeys[0]
	rotation := p.app.RotateRoot(2, nil, []*fixture.Key{fixture.NewKey(t, keys.KeytypeEd25519, "new tagging")})
	p.next(p.c.Publish(p.app.RootKeys[0], fixture.Update{Roots: []*tuf.Root{rotation}}))
	if r := p.check(mine, cmtabci.CheckTxType_Recheck); record.Code(r.Code) != record.CodeUnknownSubmitter {
		t.Errorf("signed and sent by a key that was rotated away: code %d %s", r.Code, r.Log)
	}
	carried := p.c.Relay(p.c.Operators[2], fixture.Update{Targets: p.app.SignTargets(p.app.TargetsSpec(2, nil), oldKey)})
	p.expectCheck(carried, record.CodeUnknownKey)
	p.expectCheck(p.app.Publish(2, fixture.Tags{"1.0": "theirs"}), 0)
}

// TestCheckTxBeforeFirstBlock: the genesis state is there before any block.
func TestCheckTxBeforeFirstBlock(t *testing.T) {
	n := newNode(t, fixture.NewConsortium(t, 4))
	app := n.c.NewPublisher(appName)
	n.expectCheck(app.Publish(1, nil), record.CodeUnknownRepository)
	n.expectCheck(app.Register(n.c.Operators[0]), 0)
	n.expectCheck(app.Publish(1, nil), 0)
}

// TestCheckTxWhenClosed: an engine that is being stopped may still ask.
func TestCheckTxWhenClosed(t *testing.T) {
	n := newNode(t, fixture.NewConsortium(t, 4))
	n.app.Close()
	n.app.Close()
	tx := n.c.NewPublisher(appName).Register(n.c.Operators[0])
	if _, err := n.app.CheckTx(context.Background(), &cmtabci.RequestCheckTx{Tx: tx}); err == nil {
		t.Error("no error")
	}
}

// FuzzCheckTx: no bytes make the application panic or report a fatal error, and
// what it admits a block may hold.
func FuzzCheckTx(f *testing.F) {
	p := newPublished(f, newNode(f, fixture.NewConsortium(f, 4)))
	f.Add(p.app.Publish(2, fixture.Tags{"1.0": "two"}))
	for _, tc := range p.bad() {
		if len(tc.tx) < 1<<12 {
			f.Add(tc.tx)
		}
	}
	f.Fuzz(func(t *testing.T, tx []byte) {
		p.node.t = t
		p.c.Use(t)
		if err := p.node.app.resetWaiting(); err != nil {
			t.Fatal(err)
		}
		r := p.check(tx, cmtabci.CheckTxType_New)
		if ok := p.process(tx); ok != (r.Code == 0) {
			t.Errorf("CheckTx says %d %q, ProcessProposal %v", r.Code, r.Log, ok)
		}
		if p.fatal.count() > 0 {
			t.Fatalf("fatal: %v", p.fatal.list)
		}
	})
}
