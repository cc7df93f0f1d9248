package ledger_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/ledger"
	"hullmark/record"
	"hullmark/tuf"
)

// Test that buckets are drawn on and refill by height, each on its own.
func TestQuota(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	c.Params.Quotas = [3]record.Quota{{Capacity: 2, Refill: 5}, {}, {Capacity: 1, Refill: 5}}
	c.Params.OperatorQuota = record.Quota{Capacity: 3, Refill: 100}
	ch := newChain(t, c)
	p := c.NewPublisher("registry.example.com/app")
	op := c.Operators

	ch.commit(p.Register(op[0]), p.Publish(1, nil), p.Publish(2, nil)) // height 1
	ch.rejects(record.CodeQuota, p.Publish(3, nil))
	// An operator pays for the ordinary things it carries.
	ch.commit(c.Relay(op[3], targets(p.Targets(3, nil))), c.Relay(op[3], targets(p.Targets(4, nil))), c.Relay(op[3], targets(p.Targets(5, nil))))
	ch.rejects(record.CodeQuota, c.Relay(op[3], targets(p.Targets(6, nil))))
	// Root rotations have a bucket of their own, whoever carries them and also when
	// targets come along.
	ch.commit(c.Relay(op[3], roots(p.Root(2)))) // height 3
	ch.rejects(record.CodeQuota, c.Relay(op[2], roots(p.Root(3))))
	ch.rejects(record.CodeQuota, c.Publish(p.RootKeys[0], fixture.Update{Roots: []*tuf.Root{p.Root(3)}, Targets: p.Targets(6, nil)}))
	ch.check()

	for ch.l.Height() < 5 {
		ch.rejects(record.CodeQuota, p.Publish(6, nil))
		ch.commit()
	}
	ch.commit(p.Publish(6, nil)) // height 6: one token came back
	ch.rejects(record.CodeQuota, p.Publish(7, nil))

	// Registration draws on the operator too.
	ch.commit(c.NewPublisher("registry.example.com/b").Register(op[0]), c.NewPublisher("registry.example.com/c").Register(op[0]))
	ch.rejects(record.CodeQuota, c.NewPublisher("registry.example.com/d").Register(op[0]))
	ch.check()
}

// Test that a rejected transaction takes no token.
func TestQuotaOfRejected(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	c.Params.Quotas[0] = record.Quota{Capacity: 1, Refill: 5}
	ch := newChain(t, c)
	p := c.NewPublisher("registry.example.com/app")
	ch.commit(p.Register(c.Operators[0]))
	s := ch.begin()
	for range 3 {
		ch.rejectsIn(s, record.CodeUnknownKey, c.Publish(p.TaggingKeys[0], targets(p.SignTargets(p.TargetsSpec(1, nil), newKeys(t, "x")...))))
	}
	if _, err := s.Apply(p.Publish(1, nil), keys.Direct{}); err != nil {
		t.Error(err)
	}
	ch.end(s)
	ch.check()
}

// Test buckets against one that is filled block by block.
func TestTakeToken(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		q := record.Quota{Capacity: 1 + rng.Uint32N(5), Refill: 1 + rng.Uint32N(6)}
		height := uint64(1)
		b := record.Bucket{Tokens: q.Capacity, Height: height}
		tokens, waited := q.Capacity, uint32(0) // the naive bucket
		for range 200 {
			for range rng.Uint64N(8) {
				height++
				if tokens == q.Capacity {
					continue
				}
				if waited++; waited == q.Refill {
					tokens, waited = tokens+1, 0
				}
			}
			next, ok := ledger.TakeToken(b, q, height)
			if ok != (tokens > 0) {
				t.Fatalf("quota %+v at height %d: took %v, %d tokens", q, height, ok, tokens)
			}
			if !ok {
				continue // a refused transaction leaves no trace
			}
			b = next
			tokens--
			if b.Tokens != tokens {
				t.Fatalf("quota %+v at height %d: %d tokens, want %d", q, height, b.Tokens, tokens)
			}
		}
	}
}

// Test that the work of a block is bounded, and that rejected transactions count
// nothing.
func TestWork(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	c.Params.MaxBlockWork = 100
	ch := newChain(t, c)
	p := c.NewPublisher("registry.example.com/app")
	ch.commit(p.Register(c.Operators[0]))

	s := ch.begin()
	var work uint64
	for version := uint64(1); ; version++ {
		tx := p.Publish(version, fixture.Tags{"1.0": fmt.Sprint(version)})
		ch.rejectsIn(s, record.CodeFutureScope, p.Publish(version+1, nil))
		outcome, err := s.Apply(tx, keys.Direct{})
		if err != nil {
			if version < 3 || work > 100 {
				t.Errorf("%d transactions of work %d fit", version-1, work)
			}
			ch.rejectsIn(s, record.CodeWork, tx)
			break
		}
		if work += outcome.Work; outcome.Work <= 4 {
			t.Errorf("work %d", outcome.Work)
		}
	}
	ch.end(s)

	// More than a block alone never enters.
	tags := fixture.Tags{}
	for i := range 40 {
		tags[fmt.Sprintf("t%03d", i)] = "x"
	}
	version := versionOf(ch, p) + 1
	ch.rejects(record.CodeWork, p.Publish(version, tags))
	// The pending state bounds each transaction, not all together.
	pending, err := ch.l.BeginPending()
	if err != nil {
		t.Fatal(err)
	}
	defer pending.Close()
	ch.rejectsIn(pending, record.CodeWork, p.Publish(version, tags))
	for i := range uint64(10) {
		if _, err := pending.Apply(p.Publish(version+i, nil), keys.Direct{}); err != nil {
			t.Fatal(err)
		}
	}
	ch.check()
}

// Test that the pending state is judged at the time of the last block.
func TestBeginPending(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	c.InitialHeight = 7
	ch := newChain(t, c)
	for _, want := range []ledger.Block{
		{Height: 7, Time: c.Time},
		{Height: 8, Time: c.BlockTime(7)},
		{Height: 9, Time: c.BlockTime(8)},
	} {
		s, err := ch.l.BeginPending()
		if err != nil {
			t.Fatal(err)
		}
		if b := s.Block(); b.Height != want.Height || !b.Time.Equal(want.Time) {
			t.Errorf("pending block %+v, want %+v", b, want)
		}
		s.Close()
		ch.commit()
	}
}

// Test which lists of notary keys roots may name after the consortium changed.
func TestNotaryKeys(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	ch := newChain(t, c)
	p := c.NewPublisher("registry.example.com/app")
	ch.commit(p.Register(c.Operators[0]))

	// A fifth operator's key joins, as governance will do it.
	changed := ch.next().Time
	fifth := newKeys(t, "fifth notary")[0]
	old, _ := get(ch, record.NotaryKey(), record.DecodeNotaryLists)
	current := record.NotaryList{Since: changed, Keys: record.SortKeyIDs(append(c.NotaryRole().KeyIDs, fifth.ID()))}
	s := ch.begin()
	s.Set(record.NotaryKey(), (&record.NotaryLists{Lists: append(old.Lists, current)}).Encode())
	ch.end(s)

	fresh := c.NewPublisher("registry.example.com/fresh")
	withFive := func(p *fixture.Publisher, version uint64) *tuf.Root {
		spec := p.RootSpec(version)
		spec.Keys = append(spec.Keys, fifth.PublicKey())
		spec.Roles.Snapshot = tuf.Role{KeyIDs: current.Keys, Threshold: 4}
		spec.Roles.Timestamp = spec.Roles.Snapshot
		return p.SignRoot(spec, p.RootKeys...)
	}
	accepts := func(tx []byte) {
		t.Helper()
		s := ch.begin()
		defer s.Close()
		if _, err := s.Apply(tx, keys.Direct{}); err != nil {
			t.Error(err)
		}
	}
	// Within the grace period both lists are good.
	ch.late = record.NotaryGrace - time.Hour
	accepts(c.Register(c.Operators[0], fresh.Root(1)))
	accepts(c.Register(c.Operators[0], withFive(fresh, 1)))
	// Behind it only the current one is, but what did not change is not refused.
	ch.late = record.NotaryGrace + time.Hour
	ch.rejects(record.CodeNotaryKeys, c.Register(c.Operators[0], fresh.Root(1)))
	accepts(c.Register(c.Operators[0], withFive(fresh, 1)))
	accepts(c.Publish(p.RootKeys[0], roots(p.Root(2))))
	accepts(c.Publish(p.RootKeys[0], roots(withFive(p, 2))))
	// There is no way back.
	ch.rejects(record.CodeNotaryKeys, c.Publish(p.RootKeys[0], roots(withFive(p, 2), p.Root(3))))

	// Half a change is a change.
	spec := withFive(p, 2).Spec()
	spec.Roles.Timestamp = c.NotaryRole()
	ch.rejects(record.CodeNotaryKeys, c.Publish(p.RootKeys[0], roots(p.SignRoot(spec, p.RootKeys...))))
	// The order of the keys is nobody's business.
	spec = p.RootSpec(2)
	ids := spec.Roles.Snapshot.KeyIDs
	spec.Roles.Snapshot.KeyIDs = []keys.ID{ids[3], ids[0], ids[2], ids[1]}
	accepts(c.Publish(p.RootKeys[0], roots(p.SignRoot(spec, p.RootKeys...))))
}
