package abci

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	cmttypes "github.com/cometbft/cometbft/types"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/google/go-cmp/cmp"
	lru "github.com/hashicorp/golang-lru/v2"

	cmtabci "github.com/cometbft/cometbft/abci/types"

	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/ledger"
	"hullmark/merkle/store"
	"hullmark/tuf"
)

const plenty = 4 << 20

// TestProcessProposalRefuses puts each bad transaction into an otherwise good
// block.
func TestProcessProposalRefuses(t *testing.T) {
	p := newPublished(t, newNode(t, fixture.NewConsortium(t, 4)))
	good := p.other.Publish(1, fixture.Tags{"1.0": "x"})
	next := p.app.Publish(2, nil)
	if !p.process() || !p.process(good) || !p.process(good, next) {
		t.Fatal("good blocks are refused")
	}
	type block struct {
		name string
		txs  [][]byte
	}
	blocks := []block{
		{"a transaction twice", [][]byte{good, next, good}},
		{"successor first", [][]byte{p.app.Publish(3, nil), next}},
		{"two contents of one version", [][]byte{next, p.app.Publish(2, fixture.Tags{"1.0": "evil"})}},
	}
	for _, tc := range p.bad() {
		blocks = append(blocks, block{tc.name, [][]byte{good, tc.tx}}, block{tc.name + " first", [][]byte{tc.tx, good}})
	}
	for _, b := range blocks {
		t.Run(b.name, func(t *testing.T) {
			if p.process(b.txs...) {
				t.Error("accepted")
			}
			// Its own proposal leaves the bad one out and keeps the rest.
			if got := p.prepare(plenty, b.txs...); len(got) >= len(b.txs) || !p.process(got...) {
				t.Errorf("a proposal of %d transactions", len(got))
			}
		})
	}
	if p.fatal.count() > 0 {
		t.Errorf("fatal: %v", p.fatal.list)
	}
}

// TestProposalsAreAccepted: whatever waits, an honest proposal is within its
// bounds, acceptable to every other node, and leaves out nothing that fits.
func TestProposalsAreAccepted(t *testing.T) {
	for seed := range uint64(25) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			proposer := newPublished(t, newNode(t, fixture.NewConsortium(t, 4)))
			other := newPublished(t, newNode(t, fixture.NewConsortium(t, 4)))
			var txs [][]byte
			for v := range uint64(6) {
				txs = append(txs, proposer.app.Publish(v+2, fixture.Tags{"1.0": fmt.Sprint(v)}),
					proposer.app.Publish(v+2, fixture.Tags{"1.0": "rival"}), proposer.other.Publish(v+1, nil))
			}
			for _, b := range proposer.bad() {
				txs = append(txs, b.tx)
			}
			junk := make([]byte, 300)
			for i := range junk {
				junk[i] = byte(r.Uint32())
			}
			txs = append(txs, junk)
			r.Shuffle(len(txs), func(i, j int) { txs[i], txs[j] = txs[j], txs[i] })
			for range 4 {
				limit := int64(r.IntN(6000))
				block := proposer.prepare(limit, txs...)
				if err := cmttypes.ToTxs(block).Validate(limit); err != nil {
					t.Fatalf("the engine refuses the proposal: %v", err)
				}
				if !other.process(block...) {
					t.Fatal("another node refuses the proposal")
				}
				for _, n := range []*published{proposer, other} {
					n.next(block...)
				}
				if !bytes.Equal(proposer.info().LastBlockAppHash, other.info().LastBlockAppHash) {
					t.Fatal("app hashes differ")
				}
			}
		})
	}
}

// TestProposalSize: a transaction that just fits with its framing is taken, one
// byte less room leaves it out.
func TestProposalSize(t *testing.T) {
	p := newPublished(t, newNode(t, fixture.NewConsortium(t, 4)))
	a, b := p.app.Publish(2, nil), p.other.Publish(1, nil)
	both := cmttypes.ComputeProtoSizeForTxs([]cmttypes.Tx{a, b})
	if got := p.prepare(both, a, b); len(got) != 2 {
		t.Errorf("%d of 2 transactions in just enough room", len(got))
	}
	if got := p.prepare(both-1, a, b); len(got) != 1 {
		t.Errorf("%d transactions in one byte less", len(got))
	}
	if got := p.prepare(0, a, b); len(got) != 0 {
		t.Errorf("%d transactions in no room", len(got))
	}
}

// TestBlockWork: the proposer stops at the bound on work, a block beyond it is
// refused, and what waits may be more than a block.
func TestBlockWork(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	c.Params.MaxBlockWork = 60
	p := newPublished(t, newNode(t, c))
	var txs [][]byte
	for v := range uint64(8) {
		tx := p.app.Publish(v+2, nil)
		p.expectCheck(tx, 0)
		txs = append(txs, tx)
	}
	if p.process(txs...) {
		t.Error("a block beyond the bound is accepted")
	}
	block := p.prepare(plenty, txs...)
	if len(block) == 0 || len(block) == len(txs) || !p.process(block...) {
		t.Fatalf("%d of %d transactions are proposed", len(block), len(txs))
	}
	resp := p.next(block...)
	var work int64
	for _, r := range resp.TxResults {
		if r.GasUsed != r.GasWanted || r.GasUsed <= 0 {
			t.Errorf("gas %d of %d", r.GasUsed, r.GasWanted)
		}
		work += r.GasUsed
	}
	if work > 60 {
		t.Errorf("work of the block is %d", work)
	}
	for rest := txs[len(block):]; len(rest) > 0; {
		block := p.prepare(plenty, rest...)
		if len(block) == 0 {
			t.Fatal("nothing is proposed")
		}
		p.next(block...)
		rest = rest[len(block):]
	}
	// Alone too much for any block: it never enters.
	large := make(fixture.Tags)
	for i := range 300 {
		large[fmt.Sprintf("t%d", i)] = "x"
	}
	if r := p.check(p.app.Publish(10, large), cmtabci.CheckTxType_New); r.Code == 0 {
		t.Error("a transaction no block can hold is admitted")
	}
}

// story is a chain of blocks with something of everything.
func story(t testing.TB, c *fixture.Consortium) []decided {
	app, other := c.NewPublisher(appName), c.NewPublisher(otherName)
	op := c.Operators
	blocks := [][][]byte{
		{app.Register(op[0])},
		{other.Register(op[1]), app.Publish(1, fixture.Tags{"1.0": "one", "latest": "one"})},
		nil,
		{app.Publish(2, fixture.Tags{"1.0": "one", "latest": "two"}), other.Publish(1, fixture.Tags{"a": "one"})},
	}
	rotation := app.RotateRoot(2, nil, []*fixture.Key{fixture.NewKey(t, keys.KeytypeECDSA, "rotated")})
	blocks = append(blocks,
		[][]byte{c.Publish(app.RootKeys[0], fixture.Update{Roots: []*tuf.Root{rotation}})},
		[][]byte{app.Publish(3, fixture.Tags{"latest": "three"}), other.Publish(2, nil)},
	)
	var out []decided
	for i, txs := range blocks {
		out = append(out, decided{uint64(i + 1), txs})
	}
	return out
}

// TestCrashes stops a node at each step of a block and replays it, as CometBFT
// does, against a node that was never stopped.
func TestCrashes(t *testing.T) {
	points := []struct {
		name  string
		crash func(t *testing.T, n *node, db *faultyDB, b decided)
		after int // how many heights the crash has kept
	}{
		{"before FinalizeBlock", func(*testing.T, *node, *faultyDB, decided) {}, 0},
		{"after FinalizeBlock", func(_ *testing.T, n *node, _ *faultyDB, b decided) { n.finalize(b) }, 0},
		{"FinalizeBlock twice", func(_ *testing.T, n *node, _ *faultyDB, b decided) {
			first, second := n.finalize(b), n.finalize(b)
			if !bytes.Equal(first.AppHash, second.AppHash) {
				n.t.Error("two answers to one block")
			}
		}, 0},
		{"at the write, nothing written", func(_ *testing.T, n *node, db *faultyDB, b decided) {
			n.finalize(b)
			db.fail(nil, errDisk)
			_ = n.fatally(n.commit)
			db.fail(nil, nil)
		}, 0},
		{"at the write, all written", func(_ *testing.T, n *node, db *faultyDB, b decided) {
			n.finalize(b)
			db.afterwards = true
			db.fail(nil, errDisk)
			_ = n.fatally(n.commit)
			db.fail(nil, nil)
			db.afterwards = false
		}, 1},
		{"after Commit", func(_ *testing.T, n *node, _ *faultyDB, b decided) {
			n.finalize(b)
			n.commit()
		}, 1},
	}
	for _, tc := range points {
		t.Run(tc.name, func(t *testing.T) {
			c := fixture.NewConsortium(t, 4)
			steady := newNode(t, c)
			db := &faultyDB{DB: dbm.NewMemDB()}
			crashing := openNode(t, c, db, store.Options{})
			for _, b := range story(t, c) {
				want := steady.run(b)
				tc.crash(t, crashing, db, b)
				crashing.restart()
				got := crashing.info()
				if int(got.LastBlockHeight) != int(b.height)-1+tc.after {
					t.Fatalf("height %d after a crash in block %d", got.LastBlockHeight, b.height)
				}
				if tc.after == 0 {
					if diff := cmp.Diff(want, crashing.run(b)); diff != "" {
						t.Fatalf("block %d replayed (-want +got):\n%s", b.height, diff)
					}
				}
				if !bytes.Equal(crashing.info().LastBlockAppHash, want.AppHash) {
					t.Fatalf("app hash after block %d differs", b.height)
				}
			}
			if err := ledger.Check(crashing.ledger); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestSettingsDoNotMatter: nodes that differ in everything an operator can choose,
// and in what their mempools saw, agree on every result.
func TestSettingsDoNotMatter(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	tiny, err := lru.New[[32]byte, struct{}](1)
	if err != nil {
		t.Fatal(err)
	}
	configurations := []struct {
		name    string
		options store.Options
		prepare func(n *node, b decided)
	}{
		{"plain", store.Options{}, func(*node, decided) {}},
		{"no node cache", store.Options{CacheBytes: -1}, func(*node, decided) {}},
		{"small node cache", store.Options{CacheBytes: 1 << 10, KeepRecent: 100}, func(*node, decided) {}},
		{"small signature cache", store.Options{}, func(n *node, _ decided) { n.app.cache.facts = tiny }},
		{"mempool saw all", store.Options{}, func(n *node, b decided) {
			for _, tx := range b.txs {
				n.expectCheck(tx, 0)
			}
		}},
		{"mempool saw it backwards, and more", store.Options{}, func(n *node, b decided) {
			for _, tx := range slices.Backward(b.txs) {
				n.check(tx, cmtabci.CheckTxType_New)
				n.check(tx[:len(tx)-1], cmtabci.CheckTxType_New)
			}
		}},
		{"proposes and judges", store.Options{}, func(n *node, b decided) {
			n.prepare(plenty, b.txs...)
			if !n.process(b.txs...) {
				n.t.Errorf("block %d is refused", b.height)
			}
		}},
		{"restarts before every block", store.Options{}, func(n *node, _ decided) { n.restart() }},
	}
	var want []*cmtabci.ResponseFinalizeBlock
	for _, config := range configurations {
		t.Run(config.name, func(t *testing.T) {
			n := openNode(t, c, dbm.NewMemDB(), config.options)
			var got []*cmtabci.ResponseFinalizeBlock
			for _, b := range story(t, c) {
				config.prepare(n, b)
				got = append(got, n.run(b))
			}
			if want == nil {
				want = got
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("results (-plain +%s):\n%s", config.name, diff)
			}
		})
	}
}

// TestFinalizeBlockKeepsBadTransactionsOut: if two thirds are faulty, what they
// let through changes nothing, and costs no node its life.
func TestFinalizeBlockKeepsBadTransactionsOut(t *testing.T) {
	p := newPublished(t, newNode(t, fixture.NewConsortium(t, 4)))
	before := p.info().LastBlockAppHash
	var txs [][]byte
	bad := p.bad()
	for _, b := range bad {
		txs = append(txs, b.tx)
	}
	b := decided{p.nextHeight(), txs}
	resp := p.finalize(b)
	for i, r := range resp.TxResults {
		if r.Code != uint32(bad[i].code) || r.Data != nil || r.GasUsed != 0 || len(r.Events) != 0 {
			t.Errorf("%s: %+v", bad[i].name, r)
		}
	}
	p.commit()
	if !bytes.Equal(resp.AppHash, before) {
		t.Error("the state has changed")
	}
	if p.fatal.count() > 0 {
		t.Errorf("fatal: %v", p.fatal.list)
	}
}
