package ledger_test

import (
	"errors"
	"fmt"
	"testing"

	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/ledger"
	"hullmark/merkle"
	"hullmark/merkle/store"
)

// TestBefore does every block of a chain once more on the state before it, the first
// one on that of the genesis, and expects the same app hashes.
func TestBefore(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	ch := newChain(t, c)
	pub := c.NewPublisher("registry.example.com/app")
	type done struct {
		block ledger.Block
		txs   [][]byte
		hash  merkle.Hash
	}
	var all []done
	block := func(txs ...[]byte) {
		b := ch.next()
		all = append(all, done{b, txs, ch.commit(txs...)})
	}
	block()
	block(pub.Register(c.Operators[0]))
	for v := range uint64(5) {
		block(pub.Publish(v+1, fixture.Tags{"1.0": fmt.Sprint(v)}))
	}
	for _, d := range all {
		before, err := ch.l.Before(d.block.Height)
		if err != nil {
			t.Fatal(err)
		}
		s, err := before.Begin(d.block)
		if err != nil {
			t.Fatal(err)
		}
		for _, tx := range d.txs {
			if _, err := s.Apply(tx, keys.Direct{}); err != nil {
				t.Fatal(err)
			}
		}
		staged, err := s.Stage()
		if err != nil {
			t.Fatal(err)
		}
		if got := staged.State().AppHash(); got != d.hash {
			t.Errorf("block %d once more makes %s, was %s", d.block.Height, got, d.hash)
		}
		if err := before.Commit(staged); !errors.Is(err, store.ErrStaleStage) {
			t.Errorf("block %d is committed once more: %v", d.block.Height, err)
		}
		s.Close()
	}
	// The store keeps to the ledger it began with.
	other := *c
	other.Name = "other"
	if _, err := ledger.New(other.Genesis(), storeOf(t, ch)); !errors.Is(err, store.ErrOtherOrigin) {
		t.Errorf("another ledger's genesis: %v", err)
	}
}

// storeOf opens the store of a chain once more.
func storeOf(t testing.TB, ch *chain) *store.Store {
	t.Helper()
	st, err := store.Open(ch.db, ch.options)
	if err != nil {
		t.Fatal(err)
	}
	return st
}
