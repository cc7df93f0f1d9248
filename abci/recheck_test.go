package abci

import (
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	cmtabci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/mempool"
	cmttypes "github.com/cometbft/cometbft/types"

	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/record"
	"hullmark/reference"
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
// its mempool locked: a block that touches nothing that waits, one that takes in a
// transaction of every repository, one with a transaction that this node had not seen of
// the operator who pays for all that wait, and one after which all are judged again with
// what is remembered.
func BenchmarkRecheck(b *testing.B) {
	const repositories, waiting = 50, 5000
	for _, bb := range []struct {
		name           string
		taken          int
		relayed, again bool
	}{
		{"left alone", 0, false, false}, {"one of each taken", repositories, false, false},
		{"paid for by an operator who paid for others", 0, true, false}, {"judged again", 0, false, true},
	} {
		b.Run(bb.name, func(b *testing.B) {
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
			other := c.NewPublisherOf("registry.example.com/other", keys.KeytypeEd25519, keys.KeytypeEd25519)
			n.next(append(register, other.Register(c.Operators[0]))...)
			m := newPool(n)
			versions := make([]uint64, repositories)
			publish := func(i int) []byte {
				versions[i]++
				file := ps[i].Targets(versions[i], fixture.Tags{"latest": fmt.Sprint(i, " ", versions[i])})
				if bb.relayed {
					return c.Relay(c.Operators[1], fixture.Update{Targets: file})
				}
				return c.Publish(ps[i].TaggingKeys[0], fixture.Update{Targets: file})
			}
			strangers, postponed := uint64(0), 0
			var cpu time.Duration
			for range b.N {
				b.StopTimer()
				for i := 0; m.Size() < waiting; i++ {
					if code := <-m.offer(publish(i % repositories)); code != 0 {
						b.Fatal(code.Name())
					}
				}
				txs := m.ReapMaxTxs(bb.taken).ToSliceOfBytes()
				if bb.relayed {
					strangers++
					txs = append(txs, c.Relay(c.Operators[1], fixture.Update{Targets: other.Targets(strangers, nil)}))
				}
				block := decided{n.nextHeight(), txs}
				resp := n.finalize(block)
				m.Lock()
				if err := m.FlushAppConn(); err != nil {
					b.Fatal(err)
				}
				n.blocks.add(block, resp.AppHash)
				n.commit()
				if bb.again {
					forget(n)
				}
				runtime.GC()
				before := processorTime()
				b.StartTimer()
				err := m.Update(int64(block.height), cmttypes.ToTxs(txs), resp.TxResults, nil, nil)
				b.StopTimer()
				cpu += processorTime() - before
				m.Unlock()
				if err != nil {
					b.Fatal(err)
				}
				back := waiting - m.Size() - bb.taken // what there was no time for
				postponed += back
				for m.Size() < waiting-bb.taken {
					m.checks.finish()
				}
				if !bb.again && back != 0 {
					b.Fatalf("%d were put off", back)
				}
			}
			b.ReportMetric(float64(cpu.Microseconds())/1000/float64(b.N), "ms-cpu/op")
			b.ReportMetric(float64(postponed)/float64(b.N), "put-off/op")
		})
	}
}

// forget makes that nothing of what waited can be taken over as it was.
func forget(n *node) {
	n.t.Helper()
	w := n.app.nowWaiting()
	w.pending.Close()
	var err error
	if w.pending, err = n.ledger.BeginPending(); err != nil {
		n.t.Fatal(err)
	}
}

// processorTime is the time that this process has computed.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestRecheckEnds: what a recheck has no time for leaves the mempool, with all that came
// after it about the same, and comes back in its order, however much of it there is.
// Nobody is told that it was refused.
func TestRecheckEnds(t *testing.T) {
	const versions = 400 // more than may stand in a line
	c := fixture.NewConsortium(t, 4)
	c.Params.Quotas, c.Params.OperatorQuota = [3]record.Quota{}, record.Quota{}
	p := newPublished(t, newNode(t, c))
	m := newPool(p.node)
	var refused atomic.Int64
	p.node.app.onRefuse = func([32]byte, *cmtabci.ResponseCheckTx) { refused.Add(1) }
	p.node.app.maxAgain = 5 * scopeBytes // for less than five
	var txs [][]byte
	for v := range uint64(versions) {
		tx := c.Relay(c.Operators[1], fixture.Update{Targets: p.other.Targets(v+1, fixture.Tags{"1.0": fmt.Sprint(v)})})
		if code := <-m.offer(tx); code != 0 {
			t.Fatal(code.Name())
		}
		txs = append(txs, tx)
	}
	apart := p.app.Publish(2, nil) // about something else
	if code := <-m.offer(apart); code != 0 {
		t.Fatal(code.Name())
	}
	txs = append(txs, apart)
	m.commitAnd(p.node, func() { forget(p.node) })
	if again := p.node.app.nowWaiting().again; again < p.node.app.maxAgain || again > 2*p.node.app.maxAgain {
		t.Errorf("%d bytes were judged again", again)
	}
	for m.Size() < len(txs) {
		m.checks.finish()
	}
	if n := refused.Load(); n != 0 {
		t.Errorf("%d are reported as refused", n)
	}
	got := m.ReapMaxTxs(-1).ToSliceOfBytes()
	if !p.process(got...) {
		t.Error("they do not wait in their order")
	}
}

// TestEntriesAreBounded: what an entry takes beside its transaction.
func TestEntriesAreBounded(t *testing.T) {
	var scopes []record.Scope
	for i := range record.MaxScopes {
		name := fmt.Sprintf("registry.example.com/%0*d", 230, i)
		scopes = append(scopes, record.RoleScope(reference.MustParseRepository(name), "targets/"+strings.Repeat("r", tuf.MaxRoleNameSize), 1))
	}
	key := fixture.NewKey(t, keys.KeytypeECDSA, "submitter").PublicKey()
	tx := record.EncodeEnvelope(record.NewHeader("ledger", record.KindPublish, key, "operator", nil, scopes...), nil, [keys.FixedSize]byte{})
	const count = 1000
	kept := make([]*record.Envelope, count)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range kept {
		var err error
		if kept[i], err = record.ReadEnvelope(tx); err != nil {
			t.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if each := (int(after.HeapAlloc) - int(before.HeapAlloc)) / count; each > entrySize {
		t.Errorf("an entry takes %d bytes, at most %d", each, entrySize)
	} else {
		t.Logf("%d bytes, the transaction has %d", each, len(tx))
	}
	runtime.KeepAlive(kept)
}
