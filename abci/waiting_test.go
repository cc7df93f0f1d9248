package abci

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	cmtabci "github.com/cometbft/cometbft/abci/types"

	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/record"
	"hullmark/tuf"
)

const smallPool = 50 // transactions; 40 of them ordinary

// crowded is a node with a small mempool that is full of ordinary transactions.
type crowded struct {
	*node
	pool *pool
	// idle are publishers with nothing in the mempool.
	idle []*fixture.Publisher
}

func newCrowded(t testing.TB) *crowded {
	t.Helper()
	c := fixture.NewConsortium(t, 4)
	c.Params.Quotas, c.Params.OperatorQuota = [3]record.Quota{}, record.Quota{}
	n := newNode(t, c)
	n.app.maxTxs = smallPool
	flooder := c.NewPublisher(appName)
	register := [][]byte{flooder.Register(c.Operators[0])}
	cr := &crowded{node: n}
	for i := range 3 {
		p := c.NewPublisher(fmt.Sprintf("localhost:5000/idle-%d", i))
		cr.idle = append(cr.idle, p)
		register = append(register, p.Register(c.Operators[1]))
	}
	n.next(register...)
	cr.pool = newPool(n)
	for v := uint64(1); ; v++ {
		code := <-cr.pool.offer(flooder.Publish(v, nil))
		if uint32(code) == CodeFull {
			break
		}
		if code != 0 || v > smallPool {
			t.Fatalf("version %d: %s", v, code.Name())
		}
	}
	if want := smallPool * ordinaryPercent / 100; cr.pool.Size() != want {
		t.Fatalf("%d ordinary transactions wait, want %d", cr.pool.Size(), want)
	}
	return cr
}

// rotate is a transaction that rotates the root of a repository to a version.
func (cr *crowded) rotate(p *fixture.Publisher, version uint64) []byte {
	return cr.c.Publish(p.RootKeys[0], fixture.Update{Roots: []*tuf.Root{p.Root(version)}})
}

// reap is what the mempool offers a proposal with room for few transactions.
func (cr *crowded) reap() [][]byte { return cr.pool.ReapMaxTxs(3).ToSliceOfBytes() }

// TestEmergenciesFindRoom: a mempool that ordinary transactions have filled takes
// rotations, and the next block holds them, though the mempool would offer others
// first.
func TestEmergenciesFindRoom(t *testing.T) {
	cr := newCrowded(t)
	if code := <-cr.pool.offer(cr.idle[0].Publish(1, nil)); uint32(code) != CodeFull {
		t.Fatalf("an ordinary transaction: code %d", code)
	}
	first, second := cr.rotate(cr.idle[0], 2), cr.rotate(cr.idle[1], 2)
	for _, tx := range [][]byte{first, second} {
		if code := <-cr.pool.offer(tx); code != 0 {
			t.Fatalf("a rotation is refused: code %d", code)
		}
	}
	block := cr.prepare(plenty, cr.reap()...)
	if len(block) != 42 || !bytes.Equal(block[0], first) || !bytes.Equal(block[1], second) {
		t.Fatalf("a block of %d transactions, the rotations not first", len(block))
	}
	if !cr.process(block...) {
		t.Fatal("it is refused")
	}
	// A block of another proposer leaves them out. They still wait, and come first.
	cr.pool.commit(cr.node, cr.reap()...)
	if block = cr.prepare(plenty, cr.reap()...); !bytes.Equal(block[0], first) || !bytes.Equal(block[1], second) {
		t.Error("recheck forgot the emergencies")
	}
	cr.pool.commit(cr.node, block...)
	if rest := cr.node.app.nowWaiting(); rest.emergencies.len() != 0 || rest.all.txs != cr.pool.Size() || rest.all.bytes != cr.pool.SizeBytes() {
		t.Errorf("%d emergencies and %+v left, the mempool has %d", rest.emergencies.len(), rest.all, cr.pool.Size())
	}
	// Blocks have made room for ordinary ones.
	if code := <-cr.pool.offer(cr.idle[2].Publish(1, nil)); code != 0 {
		t.Errorf("an ordinary transaction after it: code %d", code)
	}
}

// TestEmergenciesAreBounded: they fill what is kept for them and no more, and
// claiming to be one gives nothing to who cannot sign it.
func TestEmergenciesAreBounded(t *testing.T) {
	cr := newCrowded(t)
	forged := cr.c.NewPublish(cr.idle[1].RootKeys[0], fixture.Update{Roots: []*tuf.Root{cr.idle[1].Root(2)}})
	forged.Signature = new([64]byte)
	for range smallPool {
		if code := <-cr.pool.offer(forged.Bytes()); code != record.CodeSubmitterSignature {
			t.Fatalf("code %d", code)
		}
	}
	// A publish of two repositories that rotates one of them only.
	half := cr.c.Publish(cr.idle[1].RootKeys[0], fixture.Update{Roots: []*tuf.Root{cr.idle[1].Root(2)}},
		fixture.Update{Targets: cr.idle[2].Targets(1, nil)})
	if code := <-cr.pool.offer(half); code == 0 {
		t.Error("an ordinary transaction came in behind a rotation")
	}
	p := cr.idle[0]
	for v := uint64(2); cr.pool.Size() < smallPool; v++ {
		if code := <-cr.pool.offer(cr.rotate(p, v)); code != 0 {
			t.Fatalf("rotation %d: code %d with %d waiting", v, code, cr.pool.Size())
		}
	}
	// The mempool refuses by itself now; asked directly, so does the application.
	if r := cr.check(cr.rotate(cr.idle[1], 2), cmtabci.CheckTxType_New); r.Code != CodeFull || r.Codespace != NodeCodespace {
		t.Errorf("code %d %q when everything is full", r.Code, r.Log)
	}
	if cr.node.app.nowWaiting().emergencies.len() != smallPool/5 {
		t.Errorf("%d emergencies wait", cr.node.app.nowWaiting().emergencies.len())
	}
}

// TestEmergenciesInTurn: one repository's rotations do not keep another's waiting,
// and their order holds.
func TestEmergenciesInTurn(t *testing.T) {
	cr := newCrowded(t)
	var want [][]byte
	of := make([][][]byte, 3)
	for i, count := range []int{4, 1, 2} {
		for v := range uint64(count) {
			tx := cr.rotate(cr.idle[i], v+2)
			of[i] = append(of[i], tx)
			if code := <-cr.pool.offer(tx); code != 0 {
				t.Fatalf("code %d", code)
			}
		}
	}
	want = append(want, of[0][0], of[1][0], of[2][0], of[0][1], of[2][1], of[0][2], of[0][3])
	if got := cr.prepare(plenty); len(got) != len(want)+40 || !slices.EqualFunc(got[:len(want)], want, bytes.Equal) {
		t.Error("not in turn, or not before all others")
	}
	// With little room the first of them go in.
	if got := cr.prepare(int64(len(want[0])+len(want[1])+8), cr.reap()...); !slices.EqualFunc(got, want[:2], bytes.Equal) {
		t.Errorf("%d transactions in room for two", len(got))
	}
}

// TestEmergencyRoom: emergencies leave the rest of a block to others.
func TestEmergencyRoom(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	c.Params.Quotas, c.Params.OperatorQuota = [3]record.Quota{}, record.Quota{}
	n := newNode(t, c)
	app := c.NewPublisher(appName)
	n.next(app.Register(c.Operators[0]))
	ordinary := app.Publish(1, fixture.Tags{"1.0": "one"})
	n.expectCheck(ordinary, 0)
	// As many rotations at once as fit a transaction make it large.
	var all [][]byte
	size := 0
	for version := uint64(2); size < 2*emergencyBytes; version += record.MaxRotations {
		var roots []*tuf.Root
		for i := range uint64(record.MaxRotations) {
			roots = append(roots, app.Root(version+i))
		}
		tx := c.Publish(app.RootKeys[0], fixture.Update{Roots: roots})
		n.expectCheck(tx, 0)
		all = append(all, tx)
		size += len(tx)
	}
	block := n.prepare(plenty, ordinary)
	total := 0
	for _, tx := range block[:len(block)-1] {
		total += len(tx)
	}
	if !bytes.Equal(block[len(block)-1], ordinary) || total > emergencyBytes || total < emergencyBytes-2*len(all[0]) {
		t.Errorf("%d bytes of emergencies in a block of %d transactions", total, len(block))
	}
	// What the mempool offers besides goes in behind it.
	if got := n.prepare(plenty, append([][]byte{ordinary}, all...)...); len(got) != len(all)+1 {
		t.Errorf("%d of %d transactions with room for all", len(got), len(all)+1)
	}
}

// TestEmergencyAfterOrdinary: one that builds on an ordinary transaction is taken
// behind it.
func TestEmergencyAfterOrdinary(t *testing.T) {
	n := newNode(t, fixture.NewConsortium(t, 4))
	fresh := n.c.NewPublisherOf(appName, keys.KeytypeEd25519, keys.KeytypeEd25519)
	register := fresh.Register(n.c.Operators[0])
	rotation := n.c.Publish(fresh.RootKeys[0], fixture.Update{Roots: []*tuf.Root{fresh.Root(2)}})
	n.expectCheck(register, 0)
	n.expectCheck(rotation, 0)
	if got := n.prepare(plenty, register, rotation); !slices.EqualFunc(got, [][]byte{register, rotation}, bytes.Equal) {
		t.Errorf("%d transactions are proposed", len(got))
	}
}

// TestRefusedLeaveNoTrace: what the mempool has no room for holds no version.
func TestRefusedLeaveNoTrace(t *testing.T) {
	cr := newCrowded(t)
	tx := cr.idle[0].Publish(1, nil)
	for range 2 {
		if code := <-cr.pool.offer(tx); uint32(code) != CodeFull {
			t.Fatalf("code %d", code)
		}
	}
	cr.pool.commit(cr.node, cr.reap()...)
	if code := <-cr.pool.offer(tx); code != 0 {
		t.Errorf("code %d when there is room", code)
	}
	w := &waiting{metrics: NewMetrics(nil), maxTxs: 10, maxBytes: 1000}
	header := func(urgent bool) *record.Header {
		if urgent {
			return &record.Header{Kind: record.KindRevoke}
		}
		return &record.Header{Kind: record.KindPublish}
	}
	for _, step := range []struct {
		name   string
		urgent bool
		size   int
		want   bool
	}{
		{"ordinary", false, 800, true},
		{"ordinary, no bytes left", false, 1, false},
		{"urgent", true, 200, true},
		{"urgent, no bytes left", true, 1, false},
	} {
		if _, err := w.reserve(header(step.urgent), step.size); (err == nil) != step.want {
			t.Errorf("%s: %v", step.name, err)
		}
	}
	w.place(header(false), 500) // what waits in the mempool has its place
	if w.all != (load{3, 1500}) || w.ordinary != (load{2, 1300}) {
		t.Errorf("%+v, %+v of it ordinary", w.all, w.ordinary)
	}
}
