package bundletest

import (
	"bytes"
	"slices"

	dbm "github.com/cosmos/cosmos-db"

	"github.com/cometbft/cometbft/types"

	"hullmark/bundle"
	"hullmark/internal/fixture"
	"hullmark/merkle"
	"hullmark/merkle/store"
	"hullmark/proto"
	"hullmark/query"
	"hullmark/record"
	"hullmark/reference"
)

// Source is a state and the block that proves it: what bundles are made from.
type Source struct {
	chain *Chain
	view  *store.View
	Block *types.LightBlock
}

// Source returns the state of a height. The block after it must exist.
func (c *Chain) Source(height uint64) *Source {
	c.tb.Helper()
	v, err := c.ledger.View(height)
	if err != nil {
		c.tb.Fatalf("couldn't read state %d: %v", height, err)
	}
	c.tb.Cleanup(v.Close)
	return &Source{chain: c, view: v, Block: c.Block(height + 1)}
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
	if err := honest.view.Walk(func(key, value []byte) error {
		all = append(all, merkle.Change{Key: key, Value: value})
		return nil
	}); err != nil {
		c.tb.Fatal(err)
	}
	staged, err := st.Stage(height, store.Changes{Map: append(all, changes...), Contents: contents, Meta: honest.view.State().Meta})
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
	return &Source{chain: c, view: v, Block: c.Sign(&header, signers, signers...)}
}

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
	v, ok, err := s.view.Get(key)
	if err != nil || !ok {
		s.chain.tb.Fatalf("couldn't read key %x: %v", key, err)
	}
	return v
}

// Prove returns the entry of a key, present or absent.
func (s *Source) Prove(key []byte) *proto.MapEntry {
	s.chain.tb.Helper()
	value, proof, err := s.view.Prove(key)
	if err != nil {
		s.chain.tb.Fatalf("couldn't prove key %x: %v", key, err)
	}
	return &proto.MapEntry{Value: value, Proof: proof}
}

// Query says what a bundle is about and what its reader knows.
type Query struct {
	query.Resolve
	// TrustedHeight is the height of a block the reader trusts.
	TrustedHeight uint64
	// RootVersion is the newest root the reader has.
	RootVersion uint64
}

// Bundle returns the bundle that answers a request, for a reader who knows
// nothing.
func (s *Source) Bundle(r query.Resolve) *proto.Bundle {
	s.chain.tb.Helper()
	return s.BundleFor(Query{Resolve: r})
}

// BundleFor returns the bundle that answers a query.
func (s *Source) BundleFor(q Query) *proto.Bundle {
	s.chain.tb.Helper()
	state := s.view.State()
	b := &proto.Bundle{
		Version: bundle.FormatVersion, Profile: uint32(record.ProfileTUF), Ledger: s.chain.ledger.ID(),
		LightBlock: Encode(s.chain.tb, s.Block),
		State: &proto.AppState{
			LogSize: state.Log.Size, LogRoot: state.Log.Root[:], MapRoot: state.Map[:], Meta: state.Meta,
		},
		Repository: s.Prove(record.RepositoryKey(q.Repository)),
	}
	b.Bridge = s.bridge(q.TrustedHeight)
	if len(b.Repository.GetValue()) == 0 {
		return b
	}
	digest := q.Digest
	if !q.Tag.IsZero() {
		digest = reference.Digest{}
		b.Tag = s.Prove(record.TagKey(q.Repository, q.Tag))
		if len(b.Tag.GetValue()) > 0 {
			if tag, err := record.DecodeImageTag(b.Tag.GetValue()); err == nil {
				digest = tag.Digest
			}
		}
	}
	if !digest.IsZero() {
		b.Image = s.Prove(record.VoucherKey(digest, q.Repository))
	}
	if q.Assurance == query.LedgerAssurance {
		return b
	}
	repository, err := record.DecodeRepository(b.Repository.GetValue())
	if err != nil {
		return b // doctored
	}
	root, _ := repository.Role(record.RoleRoot)
	for v := q.RootVersion + 1; v <= root.Version; v++ {
		f, err := record.DecodeRootFile(s.Value(record.RootKey(q.Repository, v)))
		if err != nil {
			s.chain.tb.Fatal(err)
		}
		b.Roots = append(b.Roots, s.Content(f.FileDigest))
	}
	s.addTargets(b, q, repository)
	s.addStatement(b, q, root.Version)
	return b
}

// addTargets adds the targets file, and those that lead from it to the role that
// holds the tag, lists the digest or is asked for; all that are effective if none
// lists the digest.
func (s *Source) addTargets(b *proto.Bundle, q Query, repository *record.Repository) {
	s.chain.tb.Helper()
	role := q.Role
	if tag, err := record.DecodeImageTag(b.Tag.GetValue()); err == nil {
		role = tag.Role
	} else if voucher, err := record.DecodeVoucher(b.Image.GetValue()); err == nil && voucher.Published() {
		all := s.effective(repository)
		i := slices.IndexFunc(all, func(t record.RoleState) bool {
			return bytes.Contains(s.Content(t.FileDigest), []byte(q.Digest.Hex()))
		})
		if i < 0 && len(all) > 0 {
			for _, t := range all {
				b.Targets = append(b.Targets, s.Content(t.FileDigest))
			}
			return
		}
		if i >= 0 {
			role = all[i].Name
		}
	}
	var chain []record.RoleState
	for t, ok := repository.Role(role); ok && !t.TopLevel() && len(chain) < record.MaxRoles; t, ok = repository.Role(t.Parent) {
		chain = append(chain, t)
	}
	if t, ok := repository.Role(record.RoleTargets); ok {
		chain = append(chain, t)
	}
	for _, t := range slices.Backward(chain) {
		if t.Version > 0 {
			b.Targets = append(b.Targets, s.Content(t.FileDigest))
		}
	}
}

// effective returns the roles that are effective at the header's time, delegators
// first, but for the root.
func (s *Source) effective(repository *record.Repository) []record.RoleState {
	var out []record.RoleState
	if t, ok := repository.Role(record.RoleTargets); ok && repository.Effective(t.Name, s.Block.Time) {
		out = append(out, t)
	}
	for i := 0; i < len(out); i++ {
		for _, t := range repository.Roles {
			if t.Parent == out[i].Name && repository.Effective(t.Name, s.Block.Time) {
				out = append(out, t)
			}
		}
	}
	return out
}

// addStatement adds the statement the image's value names, if the ledger has it,
// and the root it was judged by.
func (s *Source) addStatement(b *proto.Bundle, q Query, current uint64) {
	s.chain.tb.Helper()
	voucher, err := record.DecodeVoucher(b.Image.GetValue())
	if err != nil {
		return // no image, or doctored
	}
	r := voucher.Ruling()
	if r == nil || r.Statement == [32]byte{} || r.RootVersion > current {
		return // no statement, or doctored
	}
	b.Statements = [][]byte{s.Content(r.Statement)}
	if r.RootVersion != current {
		f, err := record.DecodeRootFile(s.Value(record.RootKey(q.Repository, r.RootVersion)))
		if err != nil {
			s.chain.tb.Fatal(err)
		}
		b.StatementRoot = s.Content(f.FileDigest)
	}
}

// Content returns a content of the state, or of the honest ledger.
func (s *Source) Content(digest [32]byte) []byte {
	s.chain.tb.Helper()
	b, err := s.view.Content(digest)
	if err != nil {
		latest := s.chain.ledger.Latest()
		defer latest.Close()
		if b, err = latest.Content(digest); err != nil {
			s.chain.tb.Fatal(err)
		}
	}
	return b
}

// bridge returns the blocks around every change of validators from a trusted
// height up to the block.
func (s *Source) bridge(trusted uint64) [][]byte {
	s.chain.tb.Helper()
	c := s.chain
	if trusted == 0 {
		trusted = c.InitialHeight
	}
	var out [][]byte
	var last uint64
	for h := trusted + 1; h <= uint64(s.Block.Height); h++ {
		if string(c.Block(h).ValidatorsHash) == string(c.Block(h-1).ValidatorsHash) {
			continue
		}
		for _, b := range []uint64{h - 1, h} {
			if b > trusted && b > last && b < uint64(s.Block.Height) {
				out = append(out, c.EncodedBlock(b))
				last = b
			}
		}
	}
	return out
}

// Receipt returns what a node answers about a committed transaction.
func (c *Chain) Receipt(tx []byte) *proto.TransactionResponse {
	c.tb.Helper()
	for height, txs := range c.txs {
		for i, t := range txs {
			if string(t) != string(tx) {
				continue
			}
			proof := txs.Proof(i)
			pb := proof.ToProto()
			b, err := pb.Marshal()
			if err != nil {
				c.tb.Fatal(err)
			}
			return &proto.TransactionResponse{Hash: types.Tx(tx).Hash(), Height: height, Index: uint32(i), Proof: b}
		}
	}
	return nil
}
