package ledger_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/record"
	"hullmark/tuf"
)

// TestCarry lets transactions wait through blocks that take them in their order, in
// another, or take others: what a pending state takes over from the one before is what
// a new one would find.
func TestCarry(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	ch := newChain(t, c)
	rng := rand.New(rand.NewPCG(5, 0))
	type publisher struct {
		*fixture.Publisher
		version uint64
	}
	var all []*publisher
	for i := range 4 {
		all = append(all, &publisher{registered(ch, fmt.Sprint("app-", i), nil), 0})
	}
	pending := ch.pending()
	var waiting [][]byte
	carried := 0
	for range 40 {
		for range rng.IntN(8) {
			p := all[rng.IntN(len(all))]
			q := all[rng.IntN(len(all))]
			u := targets(p.Targets(p.version+1, fixture.Tags{"1.0": fmt.Sprint(rng.IntN(9))}))
			var tx []byte
			switch {
			case rng.IntN(4) == 0 && p != q:
				tx = c.Relay(c.Operators[2], u, targets(q.Targets(q.version+1, nil)))
				q.version++
			case rng.IntN(4) == 0:
				tx = c.Relay(c.Operators[rng.IntN(2)], u)
			default:
				tx = c.Publish(p.TaggingKeys[0], u)
			}
			p.version++
			if _, err := pending.Apply(tx, keys.Direct{}); err != nil {
				t.Fatal(err)
			}
			waiting = append(waiting, tx)
		}
		// The block takes some of the first, or of them all, and now and then what
		// nobody has seen.
		s := ch.begin()
		var applied [][32]byte
		taken := make(map[[32]byte]bool)
		block := slices.Clone(waiting[:rng.IntN(len(waiting)+1)])
		if rng.IntN(3) == 0 {
			p := all[rng.IntN(len(all))]
			repo := ch.repository(p.Publisher)
			state, _ := repo.Role(record.RoleTargets)
			block = slices.Insert(block, 0, p.Publish(state.Version+1, fixture.Tags{"strange": "one"}))
		}
		for _, tx := range block {
			if _, err := s.Apply(tx, keys.Direct{}); err == nil {
				applied = append(applied, sha256.Sum256(tx))
				taken[sha256.Sum256(tx)] = true
			}
		}
		ch.end(s)
		waiting = slices.DeleteFunc(waiting, func(tx []byte) bool { return taken[sha256.Sum256(tx)] })
		next, err := pending.Next(applied)
		if err != nil {
			t.Fatal(err)
		}
		pending.Close()
		pending = next
		t.Cleanup(next.Close)
		fresh := ch.pending()
		waiting = slices.DeleteFunc(waiting, func(tx []byte) bool {
			_, want := fresh.Apply(tx, keys.Direct{})
			_, ok := pending.Readmit(sha256.Sum256(tx))
			if ok {
				carried++
			} else {
				_, err = pending.Apply(tx, keys.Direct{})
			}
			wanted, _ := record.CodeOf(want)
			if code, _ := record.CodeOf(err); !ok && code != wanted || ok && want != nil {
				t.Fatalf("taken over %v, judged again: %v; a new state says: %v", ok, err, want)
			}
			return want != nil
		})
		for _, p := range all { // the next versions, whatever fell out
			p.version = 0
			if state, ok := ch.repository(p.Publisher).Role(record.RoleTargets); ok {
				p.version = state.Version
			}
			for _, tx := range waiting {
				env, err := record.DecodeEnvelope(tx)
				if err != nil {
					t.Fatal(err)
				}
				for _, scope := range env.Header.Scopes {
					if scope.Repository == p.Repository {
						p.version++
					}
				}
			}
		}
	}
	if carried < 50 {
		t.Errorf("only %d were taken over", carried)
	}
	ch.check()
}

// TestReadmit: only what waited, once, and in order.
func TestReadmit(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	ch := newChain(t, c)
	p, q := registered(ch, "app", nil), registered(ch, "other", nil)
	before := ch.pending()
	var txs [][]byte
	for v := range uint64(3) {
		txs = append(txs, p.Publish(v+1, nil))
	}
	txs = append(txs, q.Publish(1, nil))
	for _, tx := range txs {
		if _, err := before.Apply(tx, keys.Direct{}); err != nil {
			t.Fatal(err)
		}
	}
	ch.commit(txs[0])
	readmit := func(applied [][32]byte, list ...int) (got []bool) {
		t.Helper()
		next, err := before.Next(applied)
		if err != nil {
			t.Fatal(err)
		}
		defer next.Close()
		for _, i := range list {
			_, ok := next.Readmit(sha256.Sum256(txs[i]))
			got = append(got, ok)
		}
		return got
	}
	first := [][32]byte{sha256.Sum256(txs[0])}
	for _, tt := range []struct {
		name    string
		applied [][32]byte
		list    []int
		want    []bool
	}{
		{"in order", first, []int{1, 2, 3}, []bool{true, true, true}},
		{"the other first", first, []int{3, 1, 2}, []bool{true, true, true}},
		{"one left out", first, []int{2, 3}, []bool{false, true}},
		{"twice", first, []int{1, 1}, []bool{true, false}},
		{"in the block", first, []int{0}, []bool{false}},
		{"a block that this node did not follow", nil, []int{1, 2, 3}, []bool{false, false, true}},
	} {
		if got := readmit(tt.applied, tt.list...); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestReadmitPaid: what an operator pays for is taken over whoever else he has paid for
// in the block, as long as his tokens last; then it is refused as in a new state.
func TestReadmitPaid(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	c.Params.OperatorQuota = record.Quota{Capacity: 8, Refill: 1000}
	ch := newChain(t, c)
	op := c.Operators[1]
	p, q, other := registered(ch, "app", nil), registered(ch, "rotates", nil), registered(ch, "other", nil)
	before := ch.pending()
	const waiting = 6
	var txs [][]byte
	for v := range uint64(waiting) {
		tx := c.Relay(op, targets(p.Targets(v+1, nil)))
		if _, err := before.Apply(tx, keys.Direct{}); err != nil {
			t.Fatal(err)
		}
		txs = append(txs, tx)
	}
	// An emergency takes from the repository's own bucket.
	rotation := c.Relay(op, roots(q.Root(2)))
	if _, err := before.Apply(rotation, keys.Direct{}); err != nil {
		t.Fatal(err)
	}
	txs = append(txs, rotation)
	ch.commit(c.Relay(op, targets(other.Targets(1, nil))), c.Relay(op, targets(other.Targets(2, nil))), c.Relay(op, targets(other.Targets(3, nil))))
	next, err := before.Next(nil) // this node has seen none of these
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	fresh := ch.pending()
	for i, tx := range txs {
		_, want := fresh.Apply(tx, keys.Direct{})
		_, ok := next.Readmit(sha256.Sum256(tx))
		if ok != (i < 8-3 || i == waiting) || ok != (want == nil) {
			t.Errorf("number %d is taken over: %v; a new state says: %v", i, ok, want)
		}
		if ok {
			continue
		}
		_, got := next.Apply(tx, keys.Direct{})
		code, _ := record.CodeOf(got)
		if wanted, _ := record.CodeOf(want); code != wanted {
			t.Errorf("number %d: %v; a new state says: %v", i, got, want)
		}
	}
	got, _, err1 := next.Get(record.OperatorKey(op.ID))
	want, _, err2 := fresh.Get(record.OperatorKey(op.ID))
	if err := errors.Join(err1, err2); err != nil || !bytes.Equal(got, want) {
		t.Errorf("operator value %x, in a new state %x: %v", got, want, err)
	}
}

// TestReadmitEntry: a role that enters in a pending state does so at an index that the
// next block makes too low. So the transaction is judged again, with all behind it, and
// a tag that the role before it set is free.
func TestReadmitEntry(t *testing.T) {
	tr := newTree(t)
	other := registered(tr.chain, "other", nil)
	tr.publish(tr.file("", nil, tr.to("a", "*"), tr.to("b", "*")))
	tr.publish(tr.file("a", nil))
	file := func(short string, v uint64, tags fixture.Tags, to ...fixture.Delegation) []byte {
		by, d := tr.p.TaggingKeys[0], (*tuf.Delegations)(nil)
		if short != "" {
			by = tr.key(short)
		} else {
			d = fixture.Delegate(to...)
		}
		f := tr.p.RoleFile(role(short), v, tags, d, by)
		if short == "" {
			return tr.c.Publish(tr.p.TaggingKeys[0], targets(f))
		}
		return tr.c.Publish(tr.p.TaggingKeys[0], fixture.Update{Delegated: []*tuf.Targets{f}})
	}
	sets := file("a", 2, fixture.Tags{"t": "one"})
	waiting := [][]byte{
		file("", 2, nil, tr.to("b", "*")),
		file("", 3, nil, tr.to("a", "*"), tr.to("b", "*")),
		file("a", 3, nil),
	}
	takes := file("b", 3, fixture.Tags{"t": "two"})
	before := tr.pending()
	for _, tx := range append([][]byte{sets}, waiting...) {
		if _, err := before.Apply(tx, keys.Direct{}); err != nil {
			t.Fatal(err)
		}
	}
	var block [][]byte
	for v := range uint64(5) { // before the one that waited
		block = append(block, other.Publish(v+1, nil))
	}
	tr.commit(append(block, sets)...)
	next, err := before.Next([][32]byte{sha256.Sum256(sets)})
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	fresh := tr.pending()
	for i, want := range []bool{true, false, false} {
		tx := waiting[i]
		_, got := next.Readmit(sha256.Sum256(tx))
		if got != want {
			t.Errorf("number %d is taken over: %v, want %v", i, got, want)
		}
		if !got {
			if _, err := next.Apply(tx, keys.Direct{}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := fresh.Apply(tx, keys.Direct{}); err != nil {
			t.Fatal(err)
		}
	}
	_, want := fresh.Apply(takes, keys.Direct{})
	if _, got := next.Apply(takes, keys.Direct{}); want != nil || got != nil {
		t.Errorf("the tag is taken: %v, in a new state %v", got, want)
	}
}

// BenchmarkRecheck takes 5,000 transactions over a block, of 50 publishers who have 100
// in a row each, one of which the block took: as they are, and judged again with what
// is remembered.
func BenchmarkRecheck(b *testing.B) {
	const publishers, each = 50, 101
	c := fixture.NewConsortium(b, 4)
	c.Params.Quotas[record.QuotaOrdinary] = record.Quota{}
	ch := newChain(b, c)
	pending, err := ch.l.BeginPending()
	if err != nil {
		b.Fatal(err)
	}
	var waiting [][]byte
	var envs []*record.Envelope
	var applied [][32]byte
	s := ch.begin()
	var setup [][]byte
	for i := range publishers {
		setup = append(setup, c.NewPublisher(fmt.Sprint("registry.example.com/app-", i)).Register(c.Operators[0]))
	}
	s.Close()
	ch.commit(setup...)
	pending.Close()
	if pending, err = ch.l.BeginPending(); err != nil {
		b.Fatal(err)
	}
	block := ch.begin()
	for i := range publishers {
		p := c.NewPublisher(fmt.Sprint("registry.example.com/app-", i))
		var file *tuf.Targets
		for v := range uint64(each) {
			u := fixture.Update{Targets: p.Targets(v+1, fixture.Tags{"latest": fmt.Sprint(v)})}
			if file != nil {
				u.Bases = []*tuf.Targets{file}
			}
			file = u.Targets
			tx := c.Publish(p.TaggingKeys[0], u)
			if _, err := pending.Apply(tx, keys.Direct{}); err != nil {
				b.Fatal(err)
			}
			if v == 0 {
				if _, err := block.Apply(tx, keys.Direct{}); err != nil {
					b.Fatal(err)
				}
				applied = append(applied, sha256.Sum256(tx))
				continue
			}
			env, err := record.DecodeEnvelope(tx)
			if err != nil {
				b.Fatal(err)
			}
			waiting, envs = append(waiting, tx), append(envs, env)
		}
	}
	ch.end(block)
	b.Run("as they are", func(b *testing.B) {
		began := processorTime()
		for b.Loop() {
			next, err := pending.Next(applied)
			if err != nil {
				b.Fatal(err)
			}
			for _, tx := range waiting {
				if _, ok := next.Readmit(sha256.Sum256(tx)); !ok {
					b.Fatal("not taken over")
				}
			}
			next.Close()
		}
		b.ReportMetric(float64((processorTime()-began).Microseconds())/float64(b.N*len(waiting)), "us-cpu/tx")
	})
	b.Run("judged again", func(b *testing.B) {
		began := processorTime()
		for b.Loop() {
			next, err := ch.l.BeginPending()
			if err != nil {
				b.Fatal(err)
			}
			for _, env := range envs {
				if _, err := next.ApplyEnvelope(env, verified{}); err != nil {
					b.Fatal(err)
				}
			}
			next.Close()
		}
		b.ReportMetric(float64((processorTime()-began).Microseconds())/float64(b.N*len(envs)), "us-cpu/tx")
	})
}

// verified takes every signature for good.
type verified struct{}

// Verify implements keys.Verifier.
func (verified) Verify(keys.PublicKey, []byte, []byte) error { return nil }
