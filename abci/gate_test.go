package abci

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	cmtabci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/mempool"
	cmttypes "github.com/cometbft/cometbft/types"

	"hullmark/internal/fixture"
	"hullmark/keys"
)

// TestGate: nobody enters a closed gate, closing waits for those inside only, and who
// opens it for a commit that is over does not open it for the next.
func TestGate(t *testing.T) {
	g := newGate()
	g.enter()
	closed := make(chan uint64)
	go func() { closed <- g.close() }()
	select {
	case <-closed:
		t.Fatal("closed while somebody is inside")
	default:
	}
	g.leave()
	first := <-closed
	entered := make(chan struct{})
	go func() {
		g.enter()
		close(entered)
	}()
	second := g.close() // waits for nobody: that one is outside
	g.openAfter(first)
	select {
	case <-entered:
		t.Fatal("a commit that is over opened the gate of the next")
	default:
	}
	g.openAfter(second)
	<-entered
	g.leave()
	g.close()
	g.open()
	g.enter()
	g.leave()
	g.end()
	if _, ok := g.look(); !ok {
		t.Error("the end keeps somebody out of an open gate")
	}
	g.close()
	if _, ok := g.enter(); ok {
		t.Error("somebody entered when nobody opens any more")
	}
}

// TestCommitsWaitForNoCheck: 64 checks that hang delay no commit. Those that come to an
// end while the engine commits and rechecks are answered afterwards, every one, with the
// real verdict: the engine ends the process at a first answer during a recheck.
func TestCommitsWaitForNoCheck(t *testing.T) {
	const hanging = 64
	c := fixture.NewConsortium(t, 4)
	n := newNode(t, c)
	var register [][]byte
	var ps []*fixture.Publisher
	for i := range hanging + 1 {
		p := c.NewPublisherOf(fmt.Sprintf("registry.example.com/app-%d", i), keys.KeytypeEd25519, keys.KeytypeEd25519)
		ps = append(ps, p)
		register = append(register, p.Register(c.Operators[0]))
	}
	n.next(register...)
	m := newPool(n)
	m.checks.workers = hanging
	// What waits already is rechecked.
	waits := ps[hanging]
	for v := range uint64(3) {
		if code := <-m.offer(waits.Publish(v+1, nil)); code != 0 {
			t.Fatal(code.Name())
		}
	}
	hang := make(chan struct{})
	n.app.accounts.now = func() time.Time { <-hang; return time.Time{} }
	var answers atomic.Int64
	var refused atomic.Int64
	verified, cached := n.signatures("verified"), n.signatures("cached")
	for _, p := range ps[:hanging] {
		err := m.CheckTx(p.Publish(1, fixture.Tags{"v": "one"}), func(r *cmtabci.ResponseCheckTx) {
			answers.Add(1)
			if r.Code != 0 {
				refused.Add(1)
			}
		}, mempool.TxInfo{})
		if err != nil {
			t.Fatal(err)
		}
	}
	until := func(result string, count int) {
		for n.signatures(result) < count {
			time.Sleep(time.Millisecond)
		}
	}
	until("cached", cached+hanging) // the submitter's, by each check
	m.commit(n)                     // returns although nothing was answered
	if answers.Load() != 0 || m.Size() != 3 {
		t.Fatalf("%d answers, %d wait", answers.Load(), m.Size())
	}

	// All of them come to an end in the middle of the next commit.
	b := decided{n.nextHeight(), nil}
	resp := n.finalize(b)
	m.Lock()
	if err := m.FlushAppConn(); err != nil {
		t.Fatal(err)
	}
	close(hang)
	until("verified", verified+2*hanging) // the submitter's and the file's
	n.blocks.add(b, resp.AppHash)
	n.commit()
	if err := m.Update(int64(b.height), cmttypes.Txs{}, resp.TxResults, nil, nil); err != nil {
		t.Fatal(err)
	}
	if answers.Load() != 0 {
		t.Errorf("%d answers while the engine rechecks", answers.Load())
	}
	m.Unlock()
	m.checks.finish()
	if answers.Load() != hanging || refused.Load() != 0 || m.Size() != hanging+3 {
		t.Errorf("%d answers of %d, %d of them refusals; %d wait", answers.Load(), hanging, refused.Load(), m.Size())
	}
	if got := n.prepare(plenty); len(got) != hanging+3 || !n.process(got...) {
		t.Errorf("%d of them can be proposed", len(got))
	}
}
