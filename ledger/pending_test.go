package ledger_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/ledger"
	"hullmark/record"
)

func (ch *chain) pending() *ledger.Pending {
	ch.t.Helper()
	p, err := ch.l.BeginPending()
	if err != nil {
		ch.t.Fatal(err)
	}
	ch.t.Cleanup(p.Close)
	return p
}

// admitted applies transactions all at once and returns how many are admitted;
// the others must be refused with the code.
func admitted(t *testing.T, p *ledger.Pending, txs [][]byte, refusal record.Code) int {
	t.Helper()
	var ok atomic.Int64
	var wg sync.WaitGroup
	for _, tx := range txs {
		wg.Go(func() {
			_, err := p.Apply(tx, keys.Direct{})
			if err == nil {
				ok.Add(1)
			} else if code, _ := record.CodeOf(err); code != refusal {
				t.Errorf("refused with %v, want %v", err, refusal)
			}
		})
	}
	wg.Wait()
	return int(ok.Load())
}

// TestPendingIsSerial: what is judged at once is admitted as if it had been
// judged one after the other.
func TestPendingIsSerial(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	const tokens = 7
	c.Params.OperatorQuota = record.Quota{Capacity: tokens, Refill: 100}
	ch := newChain(t, c)
	shared := c.NewPublisher("localhost:5000/shared")
	ch.commit(shared.Register(c.Operators[1]))

	t.Run("one quota", func(t *testing.T) {
		var txs [][]byte
		for i := range 4 * tokens {
			txs = append(txs, c.NewPublisher(fmt.Sprintf("registry.example.com/app-%d", i)).Register(c.Operators[0]))
		}
		if n := admitted(t, ch.pending(), txs, record.CodeQuota); n != tokens {
			t.Errorf("%d registrations with %d tokens", n, tokens)
		}
	})
	t.Run("one version", func(t *testing.T) {
		var txs [][]byte
		for i := range 16 {
			txs = append(txs, shared.Publish(1, fixture.Tags{"1.0": fmt.Sprint(i)}))
		}
		p := ch.pending()
		if n := admitted(t, p, txs, record.CodeStaleScope); n != 1 {
			t.Errorf("%d transactions make version 1", n)
		}
		if _, err := p.Apply(shared.Publish(2, nil), keys.Direct{}); err != nil {
			t.Errorf("version 2 after it: %v", err)
		}
	})
	t.Run("apart", func(t *testing.T) {
		var txs [][]byte
		p := ch.pending()
		for i := range tokens - 1 {
			a := c.NewPublisher(fmt.Sprintf("registry.example.com/apart-%d", i))
			if _, err := p.Apply(a.Register(c.Operators[0]), keys.Direct{}); err != nil {
				t.Fatal(err)
			}
			// All vouch for one digest.
			txs = append(txs, a.Publish(1, fixture.Tags{"1.0": "same"}))
		}
		if n := admitted(t, p, txs, 0); n != len(txs) {
			t.Errorf("%d of %d admitted", n, len(txs))
		}
	})
	ch.check()
}

// movingVerifier admits another transaction while one is being judged.
type movingVerifier struct{ move func() }

// Verify implements keys.Verifier.
func (v movingVerifier) Verify(key keys.PublicKey, message, signature []byte) error {
	v.move()
	return keys.Direct{}.Verify(key, message, signature)
}

// TestPendingJudgesAgain: a verdict based on what has changed meanwhile does not
// count, be it good or bad, and judging ends however often that happens.
func TestPendingJudgesAgain(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	c.Params.OperatorQuota = record.Quota{Capacity: 100, Refill: 100}
	ch := newChain(t, c)
	p := ch.c.NewPublisher("registry.example.com/app")
	ch.commit(p.Register(ch.c.Operators[0]))

	overtaken := ch.pending()
	_, err := overtaken.Apply(p.Publish(1, fixture.Tags{"1.0": "slow"}), movingVerifier{sync.OnceFunc(func() {
		if _, err := overtaken.Apply(p.Publish(1, fixture.Tags{"1.0": "fast"}), keys.Direct{}); err != nil {
			t.Error(err)
		}
	})})
	if code, _ := record.CodeOf(err); code != record.CodeStaleScope {
		t.Errorf("the overtaken transaction: %v", err)
	}

	busy := ch.pending()
	var moves uint64
	_, err = busy.Apply(p.Publish(9, nil), movingVerifier{func() { t.Error("a signature is verified") }})
	if code, _ := record.CodeOf(err); code != record.CodeFutureScope {
		t.Errorf("a version that is not next: %v", err)
	}
	relayed := ch.c.Relay(ch.c.Operators[1], targets(p.Targets(1, nil)))
	if _, err := busy.Apply(relayed, movingVerifier{func() {
		if moves++; moves > 6 { // two signatures first; then the submitter's, each time
			return
		}
		// Another transaction takes of the same quota each time.
		other := ch.c.NewPublisher(fmt.Sprintf("localhost:5000/other-%d", moves))
		if _, err := busy.Apply(other.Register(ch.c.Operators[1]), keys.Direct{}); err != nil {
			t.Error(err)
		}
	}}); err != nil || moves != 7 {
		t.Errorf("a transaction that is disturbed each time: %v after %d signatures", err, moves)
	}
}

// TestPendingClosed: an engine that is being stopped may still ask.
func TestPendingClosed(t *testing.T) {
	ch := newChain(t, fixture.NewConsortium(t, 4))
	p := ch.pending()
	tx := ch.c.NewPublisher("registry.example.com/app").Register(ch.c.Operators[0])
	p.Close()
	p.Close()
	if _, err := p.Apply(tx, keys.Direct{}); !errors.Is(err, ledger.ErrClosed) {
		t.Errorf("applied to a closed state: %v", err)
	}
}
