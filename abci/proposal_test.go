package abci

import (
	"errors"
	"fmt"
	"runtime"
	"testing"

	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/ledger"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// work is how many signatures were looked at with arithmetic.
func (n *node) work() int { return n.signatures("verified") + n.signatures("failed") }

// TestRefusedProposalCostsOneJudgement: a proposal ends at its first refusal, on all
// cores, wherever that is.
func TestRefusedProposalCostsOneJudgement(t *testing.T) {
	const size = 100
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	ch := newCharged(t)
	var txs [][]byte
	for range size {
		txs = append(txs, ch.refused(ch.app.TaggingKeys[0]))
	}
	failed := ch.signatures("failed")
	if ch.process(txs...) {
		t.Fatal("accepted")
	}
	// Only the first file was looked at.
	if got := ch.signatures("failed") - failed; got != 1 {
		t.Errorf("%d of %d files were judged", got, size)
	}
	// What is good before the first refusal is judged, nothing after it is.
	good := [][]byte{ch.app.Publish(2, nil), ch.app.Publish(3, nil)}
	failed = ch.signatures("failed")
	if ch.process(append(good, txs...)...) {
		t.Fatal("accepted")
	}
	if got := ch.signatures("failed") - failed; got != 0 { // stale by then
		t.Errorf("%d files were judged behind the first refusal", got)
	}
}

// TestForgedProposal: a submitter's signature that is wrong ends a proposal wherever it
// stands.
func TestForgedProposal(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	p := newPublished(t, newNode(t, fixture.NewConsortium(t, 4)))
	var txs [][]byte
	for v := range uint64(20) {
		txs = append(txs, p.app.Publish(v+2, nil))
	}
	forged := p.c.NewPublish(p.app.TaggingKeys[0], fixture.Update{Targets: p.app.Targets(22, nil)})
	forged.Signature = new([keys.FixedSize]byte)
	for range 20 {
		if p.process(append(txs, forged.Bytes())...) {
			t.Fatal("accepted")
		}
	}
	if !p.process(txs...) {
		t.Error("refused without it")
	}
}

// TestProposalOfJunk: four megabytes of what has a good form and comes from nobody cost
// no signature at all.
func TestProposalOfJunk(t *testing.T) {
	n := newNode(t, fixture.NewConsortium(t, 4))
	key := fixture.NewKey(t, keys.KeytypeEd25519, "nobody")
	scope := record.RoleScope(reference.MustParseRepository("a/b"), record.RoleTargets, 1)
	ledger := n.c.Ledger()
	var txs [][]byte
	for size := 0; size < 4<<20; {
		body := []byte(fmt.Sprint(len(txs)))
		h := record.NewHeader(ledger, record.KindPublish, key.PublicKey(), "", body, scope)
		tx := record.EncodeEnvelope(h, body, [keys.FixedSize]byte{})
		txs = append(txs, tx)
		size += len(tx)
	}
	before := n.work()
	if n.process(txs...) {
		t.Fatal("accepted")
	}
	if got := n.work() - before; got != 0 {
		t.Errorf("%d signatures of %d transactions were verified", got, len(txs))
	}
}

// TestProposerStopsAtRefusals: what waits and is refused for its content costs a proposer
// no more than one judgement of each repository, and the work of a block in all, as
// after rotations that take the keys from what waits.
func TestProposerStopsAtRefusals(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	c.Params.MaxBlockWork = 300
	ch := newChargedOf(t, c)
	good := [][]byte{ch.app.Publish(2, nil), ch.other.Publish(1, nil)}
	bad := ch.refused(ch.app.TaggingKeys[0])
	got := ch.prepare(plenty, bad, good[0], good[1])
	if len(got) != 1 || string(got[0]) != string(good[1]) {
		t.Errorf("%d transactions are proposed behind a refused one, want that of the other repository", len(got))
	}
	if got = ch.prepare(plenty, good...); len(got) != len(good) {
		t.Errorf("%d transactions are proposed without it", len(got))
	}
	var refused [][]byte
	for i := range 100 {
		p := ch.c.NewPublisher(fmt.Sprintf("registry.example.com/many-%d", i))
		ch.next(p.Register(ch.c.Operators[0]))
		file, err := tuf.NewTargets(p.TargetsSpec(1, nil))
		if err == nil {
			file, err = file.AddSignatures(tuf.Signature{KeyID: p.TaggingKeys[0].ID(), Sig: make([]byte, 64)})
		}
		if err != nil {
			t.Fatal(err)
		}
		refused = append(refused, ch.c.Publish(p.TaggingKeys[0], fixture.Update{Targets: file}))
	}
	most, work := 0, uint64(0) // the last one may exceed the bound
	for work <= c.Params.MaxBlockWork && most < len(refused) {
		work += ch.units(refused[most])
		most++
	}
	failed := ch.signatures("failed")
	ch.prepare(plenty, refused...)
	if n := ch.signatures("failed") - failed; n != most || most == len(refused) {
		t.Errorf("%d of %d refused transactions were judged, want %d", n, len(refused), most)
	}
}

// units is the work that a transaction counts.
func (ch *charged) units(tx []byte) (units uint64) {
	ch.t.Helper()
	env, err := record.DecodeEnvelope(tx)
	if err != nil {
		ch.t.Fatal(err)
	}
	_, err = ch.node.app.nowWaiting().pending.Check(env, ch.node.app.cache, func(d ledger.Admission) error {
		units = d.Work
		return errContent
	})
	if !errors.Is(err, errContent) {
		ch.t.Fatal(err)
	}
	return units
}
