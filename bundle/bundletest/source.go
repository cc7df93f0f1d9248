package bundletest

import (
	"slices"

	dbm "github.com/cosmos/cosmos-db"

	"github.com/cometbft/cometbft/types"

	"hullmark/internal/fixture"
	"hullmark/ledger"
	"hullmark/lookup"
	"hullmark/merkle"
	"hullmark/merkle/store"
	"hullmark/proto"
	"hullmark/query"
	"hullmark/record"
)

// Source is a state and the block that proves it: what answers are made from.
type Source struct {
	chain *Chain
	state lookup.State
	Block *types.LightBlock
	// honest is the state that a doctored one was made of.
	honest *Source
}

// Source returns the state of a height. The block after it must exist.
func (c *Chain) Source(height uint64) *Source {
	c.tb.Helper()
	v, err := c.ledger.View(height)
	if err != nil {
		c.tb.Fatalf("couldn't read state %d: %v", height, err)
	}
	c.tb.Cleanup(v.Close)
	return c.source(v, ledger.ValidatorChanges(v), c.Block(height+1))
}

func (c *Chain) source(v lookup.View, changes []uint64, block *types.LightBlock) *Source {
	return &Source{chain: c, Block: block, state: lookup.State{
		Ledger: c.ledger.ID(), View: v, Block: block, Blocks: c, ValidatorChanges: changes,
	}}
}

// Newest returns the newest state that is proven.
func (c *Chain) Newest() *Source {
	c.tb.Helper()
	return c.Source(c.Height() - 1)
}

// Doctored returns the state of a height with changes of the map that no honest
// state machine makes, in a block that all validators of that height sign
// nevertheless, with contents added.
func (c *Chain) Doctored(height uint64, contents [][]byte, changes ...merkle.Change) *Source {
	c.tb.Helper()
	honest := c.Source(height)
	st, err := store.Open(dbm.NewMemDB(), store.Options{})
	if err != nil {
		c.tb.Fatal(err)
	}
	var all []merkle.Change
	view, ok := honest.state.View.(*store.View)
	if !ok {
		c.tb.Fatal("an honest state is doctored")
	}
	if err := view.Walk(func(key, value []byte) error {
		all = append(all, merkle.Change{Key: key, Value: value})
		return nil
	}); err != nil {
		c.tb.Fatal(err)
	}
	staged, err := st.Stage(height, store.Changes{Map: append(all, changes...), Contents: contents, Meta: view.State().Meta})
	if err != nil {
		c.tb.Fatal(err)
	}
	if err := st.Commit(staged); err != nil {
		c.tb.Fatal(err)
	}
	v, err := st.View(height)
	if err != nil {
		c.tb.Fatal(err)
	}
	c.tb.Cleanup(v.Close)
	header := *honest.Block.Header
	hash := v.State().AppHash()
	header.AppHash = hash[:]
	signers := c.keysOf(honest.Block.ValidatorSet)
	s := c.source(doctored{v, honest}, honest.state.ValidatorChanges, c.Sign(&header, signers, signers...))
	s.honest = honest
	return s
}

// doctored is a map that no honest state machine makes, over the log and the contents of
// the honest state.
type doctored struct {
	*store.View
	honest *Source
}

// Content implements lookup.View.
func (d doctored) Content(digest [32]byte) ([]byte, error) {
	if b, err := d.View.Content(digest); err == nil {
		return b, nil
	}
	return d.honest.content(digest)
}

// Record implements lookup.View.
func (d doctored) Record(index uint64) ([]byte, error) { return d.honest.state.View.Record(index) }

// keysOf returns the private keys of validators.
func (c *Chain) keysOf(set *types.ValidatorSet) []*fixture.Key {
	var out []*fixture.Key
	for _, k := range c.everybody {
		if set.HasAddress(pubKey(k).Address()) && !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	return out
}

// Value returns the value of a key in the state; the key must have one.
func (s *Source) Value(key []byte) []byte {
	s.chain.tb.Helper()
	v, ok, err := s.state.View.Get(key)
	if err != nil || !ok {
		s.chain.tb.Fatalf("couldn't read key %x: %v", key, err)
	}
	return v
}

// Prove returns the entry of a key, present or absent.
func (s *Source) Prove(key []byte) *proto.MapEntry {
	s.chain.tb.Helper()
	value, proof, err := s.state.View.Prove(key)
	if err != nil {
		s.chain.tb.Fatalf("couldn't prove key %x: %v", key, err)
	}
	return &proto.MapEntry{Value: value, Proof: proof}
}

// Bundle returns the bundle that answers a question, for a reader who trusts the first
// block and holds nothing. Like BundleFor it returns a new one each time: lies about the
// answer are told by changing it.
func (s *Source) Bundle(q query.Resolve) *proto.Bundle {
	s.chain.tb.Helper()
	return s.BundleFor(q, query.Known{TrustedHeight: s.chain.InitialHeight})
}

// BundleFor returns the bundle with which a node answers from the state. Where the state
// was doctored so that no answer can be made of it, the bundle is that of the honest state
// with the entries of the doctored one.
func (s *Source) BundleFor(q query.Resolve, k query.Known) *proto.Bundle {
	s.chain.tb.Helper()
	b, err := s.state.Resolve(q, k)
	if err == nil {
		return b
	}
	if s.honest == nil {
		s.chain.tb.Fatalf("couldn't answer about %s: %v", q, err)
	}
	b = s.honest.BundleFor(q, k)
	s.sign(b, q)
	return b
}

// sign puts what the doctored state says into the answer of another.
func (s *Source) sign(b *proto.Bundle, q query.Resolve) {
	s.chain.tb.Helper()
	state := s.state.View.State()
	b.State.LightBlock = Encode(s.chain.tb, s.Block)
	b.State.AppState = &proto.AppState{LogSize: state.Log.Size, LogRoot: state.Log.Root[:], MapRoot: state.Map[:], Meta: state.Meta}
	b.Repository = s.Prove(record.RepositoryKey(q.Repository))
	if _, err := record.DecodeRepository(b.GetRepository().GetValue()); err != nil {
		b.Roots, b.LastRoot, b.Targets, b.Held = nil, nil, nil, nil // no role has a file
	}
	b.Statements, b.StatementRoot = nil, nil // the doctored state names one that nobody has, or none
	digest := q.Digest
	if !q.Tag.IsZero() {
		b.Tag = s.Prove(record.TagKey(q.Repository, q.Tag))
		tag, err := record.DecodeImageTag(b.GetTag().GetValue())
		if err != nil {
			b.Image = nil // nobody can say which
			return
		}
		digest = tag.Digest
	}
	if !digest.IsZero() {
		b.Image = s.Prove(record.VoucherKey(digest, q.Repository))
	}
}

// Content returns a content of the state, or of the newest one.
func (s *Source) Content(digest [32]byte) []byte {
	s.chain.tb.Helper()
	b, err := s.content(digest)
	if err != nil {
		s.chain.tb.Fatal(err)
	}
	return b
}

func (s *Source) content(digest [32]byte) ([]byte, error) {
	if b, err := s.state.View.Content(digest); err == nil {
		return b, nil
	}
	latest := s.chain.ledger.Latest()
	defer latest.Close()
	return latest.Content(digest)
}

// Receipt returns what a node answers about a committed transaction, nil if it is not.
func (c *Chain) Receipt(tx []byte) *proto.TransactionResponse {
	c.tb.Helper()
	for height, txs := range c.txs {
		i := txs.IndexByHash(types.Tx(tx).Hash())
		if i < 0 {
			continue
		}
		r, err := lookup.Receipt(txs, i, height)
		if err != nil {
			c.tb.Fatal(err)
		}
		return r
	}
	return nil
}
