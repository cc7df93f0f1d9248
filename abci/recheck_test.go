package abci

import (
	"fmt"
	"sync/atomic"
	"testing"

	cmtabci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/mempool"
	cmttypes "github.com/cometbft/cometbft/types"

	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/record"
	"hullmark/tuf"
)

// TestSameBytesAreChargedOnce: what was refused once costs no account anything when it
// comes again, from whomever.
func TestSameBytesAreChargedOnce(t *testing.T) {
	ch := newCharged(t)
	tx := ch.refused(ch.app.TaggingKeys[0])
	for range 3 * accountUnits {
		if code := <-ch.pool.offer(tx); code != record.CodeBadSignature {
			t.Fatalf("code %s", code.Name())
		}
	}
	if failed := ch.signatures("failed"); failed != 1 {
		t.Errorf("its file was judged %d times", failed)
	}
}

// TestRecheckPostpones: what waits while the keys above it change is judged anew, but not
// while the engine's mempool is locked: it leaves the mempool, with all that came after
// it about its repository, and comes back in its order. Nobody is told that it was
// refused. What does not hold any more is.
func TestRecheckPostpones(t *testing.T) {
	p := newPublished(t, newNode(t, fixture.NewConsortium(t, 4)))
	m := newPool(p.node)
	var refused atomic.Int64
	p.node.app.onRefuse = func([32]byte, *cmtabci.ResponseCheckTx) { refused.Add(1) }
	var txs [][]byte
	for v := range uint64(4) {
		txs = append(txs, p.app.Publish(v+2, fixture.Tags{"1.0": fmt.Sprint(v)}), p.other.Publish(v+1, fixture.Tags{"1.0": fmt.Sprint(v)}))
	}
	for _, tx := range txs {
		if code := <-m.offer(tx); code != 0 {
			t.Fatal(code.Name())
		}
	}
	// A root with another key beside the one that signed.
	grown := p.app.RotateRoot(2, nil, append([]*fixture.Key{fixture.NewKey(t, keys.KeytypeEd25519, "second")}, p.app.TaggingKeys...))
	rotation := p.c.Publish(p.app.RootKeys[0], fixture.Update{Roots: []*tuf.Root{grown}})
	verified := p.signatures("verified")
	m.commit(p.node, rotation)
	if got := p.signatures("verified") - verified; got > 2 {
		t.Errorf("%d signatures were verified while the mempool was locked", got)
	}
	for m.Size() < len(txs) { // they come back by themselves
		m.checks.finish()
	}
	if n := refused.Load(); n != 0 {
		t.Errorf("%d are reported as refused", n)
	}
	got := m.ReapMaxTxs(-1).ToSliceOfBytes()
	if !p.process(got...) || len(p.prepare(plenty)) != len(txs) {
		t.Error("they do not wait in their order")
	}
	// A root without the key that signed.
	gone := p.app.RotateRoot(3, nil, []*fixture.Key{fixture.NewKey(t, keys.KeytypeEd25519, "second")})
	m.commit(p.node, p.c.Publish(p.app.RootKeys[0], fixture.Update{Roots: []*tuf.Root{gone}}))
	for refused.Load() < 4 {
		m.checks.finish()
	}
	if m.Size() != 4 {
		t.Errorf("%d wait", m.Size())
	}
}

// TestOfferLate: what the mempool has no room for when it is offered anew is reported as
// refused; what came back by another way meanwhile is not, since its check is under way.
func TestOfferLate(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{mempool.ErrTxInCache, 0},
		{fmt.Errorf("offered: %w", mempool.ErrTxInCache), 0},
		{mempool.ErrMempoolIsFull{}, 1},
	} {
		n := newNode(t, fixture.NewConsortium(t, 4))
		refused := 0
		n.app.onRefuse = func([32]byte, *cmtabci.ResponseCheckTx) { refused++ }
		client, err := NewClientCreator(n.app).NewABCIClient()
		if err != nil {
			t.Fatal(err)
		}
		c := client.(*localClient)
		c.late = [][]byte{{1}}
		c.offerLate(answering{tt.err})
		if refused != tt.want || len(c.late) != 0 {
			t.Errorf("%v: %d are reported as refused, want %d", tt.err, refused, tt.want)
		}
	}
}

// answering is a mempool with one answer.
type answering struct{ err error }

func (answering) ReapMaxTxs(int) cmttypes.Txs { return nil }

func (a answering) CheckTx(cmttypes.Tx, func(*cmtabci.ResponseCheckTx), mempool.TxInfo) error {
	return a.err
}

// BenchmarkRecheck has a full mempool rechecked after a block, as the engine does it with
// its mempool locked: a block that touches nothing that waits, and one that takes in a
// transaction of every repository.
func BenchmarkRecheck(b *testing.B) {
	const repositories, waiting = 50, 5000
	c := fixture.NewConsortium(b, 4)
	c.Params.Quotas, c.Params.OperatorQuota = [3]record.Quota{}, record.Quota{}
	n := newNode(b, c)
	var ps []*fixture.Publisher
	var register [][]byte
	for i := range repositories {
		p := c.NewPublisherOf(fmt.Sprintf("registry.example.com/app-%d", i), keys.KeytypeEd25519, keys.KeytypeEd25519)
		ps, register = append(ps, p), append(register, p.Register(c.Operators[0]))
	}
	n.app.maxTxs = 2 * waiting
	n.next(register...)
	m := newPool(n)
	versions := make([]uint64, repositories)
	publish := func(i int) []byte {
		versions[i]++
		return ps[i].Publish(versions[i], fixture.Tags{"latest": fmt.Sprint(versions[i])})
	}
	fill := func() {
		for i := 0; m.Size() < waiting; i++ {
			if code := <-m.offer(publish(i % repositories)); code != 0 {
				b.Fatal(code.Name())
			}
		}
	}
	fill()
	for _, bb := range []struct {
		name string
		txs  int
	}{{"untouched", 0}, {"touched", repositories}} {
		b.Run(bb.name, func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				fill()
				txs := m.ReapMaxTxs(bb.txs).ToSliceOfBytes()
				block := decided{n.nextHeight(), txs}
				resp := n.finalize(block)
				m.Lock()
				if err := m.FlushAppConn(); err != nil {
					b.Fatal(err)
				}
				n.blocks.add(block, resp.AppHash)
				n.commit()
				b.StartTimer()
				err := m.Update(int64(block.height), cmttypes.ToTxs(txs), resp.TxResults, nil, nil)
				b.StopTimer()
				m.Unlock()
				if err != nil || m.Size() != waiting-bb.txs {
					b.Fatalf("%d wait: %v", m.Size(), err)
				}
			}
		})
	}
}
