package abci

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	cmtabci "github.com/cometbft/cometbft/abci/types"
	cmtcfg "github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/mempool"
	"github.com/cometbft/cometbft/proxy"
	cmttypes "github.com/cometbft/cometbft/types"

	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/record"
)

var _ proxy.ClientCreator = (*ClientCreator)(nil)

// pool is CometBFT's mempool in front of an application.
type pool struct {
	*mempool.CListMempool
	t      testing.TB
	checks *checkQueue
}

func newPool(n *node) *pool {
	n.t.Helper()
	creator := NewClientCreator(n.app)
	client, err := creator.NewABCIClient()
	if err != nil {
		n.t.Fatal(err)
	}
	cfg := cmtcfg.DefaultMempoolConfig()
	cfg.KeepInvalidTxsInCache = false
	p := &pool{mempool.NewCListMempool(cfg, proxy.NewAppConnMempool(client, proxy.NopMetrics()), 0), n.t, creator.checks}
	n.app.Follow(p)
	return p
}

// offer sends a transaction and returns where its answer will be.
func (p *pool) offer(tx []byte) <-chan record.Code {
	p.t.Helper()
	answer := make(chan record.Code, 1)
	if err := p.CheckTx(tx, func(r *cmtabci.ResponseCheckTx) { answer <- record.Code(r.Code) }, mempool.TxInfo{}); err != nil {
		p.t.Error(err)
		close(answer)
	}
	return answer
}

// commit makes a block of transactions in the order of calls of CometBFT.
func (p *pool) commit(n *node, txs ...[]byte) {
	n.t.Helper()
	p.commitAnd(n, func() {}, txs...)
}

// commitAnd is commit that does something between the commit and the recheck.
func (p *pool) commitAnd(n *node, then func(), txs ...[]byte) {
	n.t.Helper()
	b := decided{n.nextHeight(), txs}
	resp := n.finalize(b)
	p.Lock()
	defer p.Unlock()
	if err := p.FlushAppConn(); err != nil {
		n.t.Fatal(err)
	}
	n.blocks.add(b, resp.AppHash)
	n.commit()
	then()
	if err := p.Update(int64(b.height), cmttypes.ToTxs(txs), resp.TxResults, nil, nil); err != nil {
		n.t.Fatal(err)
	}
}

// TestMempoolKeepsOrder: versions of many repositories, sent in a row without
// waiting for any answer, are all admitted, and stand in a row in the mempool.
func TestMempoolKeepsOrder(t *testing.T) {
	const repositories, versions = 8, 12
	c := fixture.NewConsortium(t, 4)
	n := newNode(t, c)
	var register [][]byte
	var ps []*fixture.Publisher
	for i := range repositories {
		p := c.NewPublisherOf(fmt.Sprintf("registry.example.com/app-%d", i), keys.KeytypeECDSA, keys.KeytypeEd25519)
		ps = append(ps, p)
		register = append(register, p.Register(c.Operators[0]))
	}
	n.next(register...)
	m := newPool(n)
	var answers []<-chan record.Code
	for v := range uint64(versions) {
		for _, p := range ps {
			answers = append(answers, m.offer(p.Publish(v+1, fixture.Tags{"v": fmt.Sprint(v)})))
		}
	}
	for i, a := range answers {
		if code := <-a; code != 0 {
			t.Errorf("transaction %d is refused with %s", i, code.Name())
		}
	}
	// All wait in an order in which a block takes them all; half of them, in the
	// mempool's order, go into the first, and recheck keeps the rest.
	for want := repositories * versions; want > 0; want -= repositories * versions / 2 {
		txs := m.ReapMaxTxs(repositories * versions / 2).ToSliceOfBytes()
		if m.Size() != want || len(n.prepare(plenty, txs...)) != want || !n.process(txs...) {
			t.Fatalf("%d of %d wait, %d are proposed, the mempool's order of %d is accepted: %v",
				m.Size(), want, len(n.prepare(plenty, txs...)), len(txs), n.process(txs...))
		}
		m.commit(n, txs...)
	}
	if m.Size() != 0 {
		t.Errorf("%d transactions are left", m.Size())
	}
}

// TestBurst: as many versions as a quota lets through at once are all admitted, though
// none of them has been checked when the last comes; strangers behind them are few.
func TestBurst(t *testing.T) {
	const versions = 110
	p := newPublished(t, newNode(t, fixture.NewConsortium(t, 4)))
	m := newPool(p.node)
	hang := make(chan struct{})
	p.node.app.accounts.now = func() time.Time { <-hang; return time.Time{} }
	var answers []<-chan record.Code
	for v := range uint64(versions) {
		answers = append(answers, m.offer(p.app.Publish(v+2, fixture.Tags{"v": fmt.Sprint(v)})))
	}
	stranger := fixture.NewKey(t, keys.KeytypeEd25519, "stranger")
	var strangers []<-chan record.Code
	for i := range 2 * maxUnknown {
		strangers = append(strangers, m.offer(p.c.Publish(stranger, fixture.Update{Targets: p.app.Targets(2, fixture.Tags{"s": fmt.Sprint(i)})})))
	}
	close(hang)
	for i, a := range answers {
		if code := <-a; code != 0 {
			t.Fatalf("version %d: %s", i+2, code.Name())
		}
	}
	counts := make(map[uint32]int)
	for _, a := range strangers {
		counts[uint32(<-a)]++
	}
	if counts[CodeBusy] != maxUnknown || counts[uint32(record.CodeUnknownSubmitter)] != maxUnknown {
		t.Errorf("answers to strangers by code: %v", counts)
	}
}

// TestChecksBesideCommits sends from several routines while blocks are made, one directly
// after the other. A check during which one block after the other is committed ends with
// CodeBusy, and its sender sends again.
func TestChecksBesideCommits(t *testing.T) {
	const senders, versions = 4, 25
	c := fixture.NewConsortium(t, 4)
	n := newNode(t, c)
	var register [][]byte
	var ps []*fixture.Publisher
	for i := range senders {
		ps = append(ps, c.NewPublisher(fmt.Sprintf("registry.example.com/app-%d", i)))
		register = append(register, ps[i].Register(c.Operators[0]))
	}
	n.next(register...)
	m := newPool(n)
	var wg sync.WaitGroup
	var sent atomic.Int64
	for _, p := range ps {
		var txs [][]byte // made here: a fixture is for one routine
		for v := range uint64(versions) {
			txs = append(txs, p.Publish(v+1, nil))
		}
		wg.Go(func() {
			for v, tx := range txs {
				code := <-m.offer(tx)
				for uint32(code) == CodeBusy {
					code = <-m.offer(tx)
				}
				if code != 0 {
					t.Errorf("version %d: %s", v+1, code.Name())
				}
				sent.Add(1)
				_ = m.CheckTx(tx, nil, mempool.TxInfo{}) // a peer sends it too
			}
		})
	}
	for sent.Load() < senders*versions && !t.Failed() {
		m.commit(n, n.prepare(plenty, m.ReapMaxTxs(-1).ToSliceOfBytes()...)...)
	}
	wg.Wait()
	m.commit(n, m.ReapMaxTxs(-1).ToSliceOfBytes()...)
	for _, p := range ps {
		n.expectCheck(p.Publish(versions, nil), record.CodeStaleScope)
		n.expectCheck(p.Publish(versions+1, nil), 0)
	}
	if n.fatal.count() > 0 {
		t.Errorf("fatal: %v", n.fatal.list)
	}
}

// TestRefusedIsReported: whoever waits for a transaction hears when it is refused, from
// whomever it came, and when it is dropped after a block; nothing is said of a copy of
// what waits.
func TestRefusedIsReported(t *testing.T) {
	p := newPublished(t, newNode(t, fixture.NewConsortium(t, 4)))
	m := newPool(p.node)
	reports := make(map[[32]byte]record.Code)
	p.node.app.onRefuse = func(hash [32]byte, r *cmtabci.ResponseCheckTx) {
		reports[hash] = record.Code(r.Code)
	}
	report := func(tx []byte) record.Code { return reports[sha256.Sum256(tx)] }
	future, loser, waits := p.app.Publish(9, nil), p.app.Publish(2, fixture.Tags{"1.0": "mine"}), p.other.Publish(1, nil)
	for tx, want := range map[string]record.Code{string(future): record.CodeFutureScope, string(loser): 0, string(waits): 0} {
		if code := <-m.offer([]byte(tx)); code != want || report([]byte(tx)) != want {
			t.Errorf("code %s, reported %s, want %s", code.Name(), report([]byte(tx)).Name(), want.Name())
		}
	}
	m.commit(p.node, p.app.Publish(2, fixture.Tags{"1.0": "theirs"}))
	if report(loser) != record.CodeStaleScope || report(waits) != 0 || m.Size() != 1 {
		t.Errorf("reported %s and %s, %d wait", report(loser).Name(), report(waits).Name(), m.Size())
	}
	// A copy that comes when the mempool has forgotten that it has it.
	p.node.app.refused(sha256.Sum256(waits), refuseStopping())
	if report(waits) != 0 {
		t.Error("what waits is reported as refused")
	}
}

// TestClientAnswersAlways: a check that panics, or an application that is closed,
// leaves nobody waiting.
func TestClientAnswersAlways(t *testing.T) {
	for name, spoil := range map[string]func(*Application){
		"panic":  func(a *Application) { a.waiting.pending = nil },
		"closed": (*Application).Close,
	} {
		t.Run(name, func(t *testing.T) {
			p := newPublished(t, newNode(t, fixture.NewConsortium(t, 4)))
			m := newPool(p.node)
			spoil(p.node.app)
			if code := <-m.offer(p.app.Publish(2, nil)); uint32(code) != CodeStopping {
				t.Errorf("code %d", code)
			}
			if err := m.FlushAppConn(); err != nil || m.Size() != 0 {
				t.Errorf("flush: %v, %d wait", err, m.Size())
			}
			if reported := p.fatal.count() == 1; reported != (name == "panic") {
				t.Errorf("%d fatal errors", p.fatal.count())
			}
		})
	}
}

// TestClientMethods: the other methods reach the application.
func TestClientMethods(t *testing.T) {
	n := newNode(t, fixture.NewConsortium(t, 4))
	c, err := NewClientCreator(n.app).NewABCIClient()
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if r, err := c.Echo(ctx, "hello"); err != nil || r.Message != "hello" || c.Error() != nil {
		t.Errorf("echo: %v, %v", r, err)
	}
	b := decided{1, nil}
	at := n.c.BlockTime(1)
	if _, err := c.InitChain(ctx, new(cmtabci.RequestInitChain)); err == nil {
		t.Error("a chain of another genesis starts")
	}
	if _, err := c.PrepareProposal(ctx, &cmtabci.RequestPrepareProposal{Height: 1, Time: at}); err != nil {
		t.Error(err)
	}
	if r, err := c.ProcessProposal(ctx, &cmtabci.RequestProcessProposal{Height: 1, Time: at}); err != nil || !r.IsAccepted() {
		t.Errorf("proposal: %v, %v", r, err)
	}
	r, err := c.FinalizeBlock(ctx, &cmtabci.RequestFinalizeBlock{Height: 1, Time: at})
	if err != nil {
		t.Fatal(err)
	}
	n.blocks.add(b, r.AppHash)
	if _, err := c.Commit(ctx, new(cmtabci.RequestCommit)); err != nil || n.ledger.Height() != 1 {
		t.Errorf("height %d: %v", n.ledger.Height(), err)
	}
}

// TestOneVerificationPerSignature follows transactions through every phase of two
// nodes: one that had them in its mempool, sent by several peers at once, and one
// that sees them in a proposal first.
func TestOneVerificationPerSignature(t *testing.T) {
	const repositories = 6
	run := func(t *testing.T, n *node, gossip bool) {
		var ps []*fixture.Publisher
		var register [][]byte
		for i := range repositories {
			ps = append(ps, n.c.NewPublisher(fmt.Sprintf("registry.example.com/app-%d", i)))
			register = append(register, ps[i].Register(n.c.Operators[0]))
		}
		n.next(register...)
		before := n.signatures("verified")
		var txs [][]byte
		for _, p := range ps {
			txs = append(txs, p.Publish(1, fixture.Tags{"1.0": "one"}), p.Publish(2, nil))
		}
		m := newPool(n)
		if gossip {
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					for _, tx := range txs {
						if err := m.CheckTx(tx, nil, mempool.TxInfo{}); err != nil && !errors.Is(err, mempool.ErrTxInCache) {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			m.checks.finish()
			m.commit(n) // an empty block: all are rechecked
			if m.Size() != len(txs) {
				t.Fatalf("%d of %d wait", m.Size(), len(txs))
			}
			txs = n.prepare(plenty, m.ReapMaxTxs(-1).ToSliceOfBytes()...)
		}
		if !n.process(txs...) {
			t.Fatal("refused")
		}
		m.commit(n, txs...)
		// An envelope and a file each.
		if got := n.signatures("verified") - before; got != 2*len(txs) || len(txs) != 2*repositories {
			t.Errorf("%d verifications of %d signatures", got, 2*len(txs))
		}
		if n.signatures("failed") != 0 {
			t.Error("a signature failed")
		}
	}
	t.Run("gossiped", func(t *testing.T) { run(t, newNode(t, fixture.NewConsortium(t, 4)), true) })
	t.Run("proposed", func(t *testing.T) { run(t, newNode(t, fixture.NewConsortium(t, 4)), false) })
}

// TestPreverify: a block nobody has seen is verified before it is judged, and bad
// transactions in it change no verdict.
func TestPreverify(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4)) // one core alone has nobody to share with
	p := newPublished(t, newNode(t, fixture.NewConsortium(t, 4)))
	good := [][]byte{p.app.Publish(2, nil), p.other.Publish(1, fixture.Tags{"a": "b"}), p.app.Publish(3, nil)}
	before := p.signatures("verified")
	p.node.app.preverify(int64(p.nextHeight()), p.c.BlockTime(p.nextHeight()), good)
	verified := p.signatures("verified")
	if verified-before != 2*len(good) {
		t.Errorf("%d signatures verified, want %d", verified-before, 2*len(good))
	}
	if !p.process(good...) || p.signatures("verified") != verified {
		t.Error("judged otherwise than verified")
	}
	for _, tc := range p.bad() {
		if p.process(append([][]byte{tc.tx}, good...)...) {
			t.Errorf("accepted: %s", tc.name)
		}
	}
	verified = p.signatures("verified")
	p.next(good...)
	if p.signatures("verified") != verified {
		t.Error("verified again")
	}
}

// TestSharedVerification: whoever asks for a signature that is being verified gets
// that verdict.
func TestSharedVerification(t *testing.T) {
	n := newNode(t, fixture.NewConsortium(t, 4))
	key := fixture.NewKey(t, keys.KeytypeECDSA, "shared")
	message := []byte("message")
	signature, err := key.Sign(message)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name      string
		signature []byte
		want      error
	}{{"good", signature, nil}, {"bad", signature[:len(signature)-1], keys.ErrSignature}} {
		t.Run(tc.name, func(t *testing.T) {
			var wg sync.WaitGroup
			for range 32 {
				wg.Go(func() {
					if err := n.app.cache.Verify(key.PublicKey(), message, tc.signature); !errors.Is(err, tc.want) || tc.want == nil && err != nil {
						t.Errorf("verdict %v, want %v", err, tc.want)
					}
				})
			}
			wg.Wait()
		})
	}
	if n.signatures("verified") != 1 || len(n.app.cache.inFlight) != 0 {
		t.Errorf("%d verifications, %d still running", n.signatures("verified"), len(n.app.cache.inFlight))
	}
}
