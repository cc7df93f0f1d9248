// Package bundletest makes a whole ledger in memory for tests of proofs and
// clients: a real state machine on a real store, blocks signed by validators whose
// keys are at hand, and bundles about any of it. Lies are made by changing a
// bundle, by signing a block nobody agreed on (Chain.Sign), or by having the
// validators agree on a state no honest machine makes (Chain.Doctored), of which a
// node's own read side (package lookup) makes the answer.
//
// A function that cannot do what it is asked ends the test it was given.
package bundletest

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	dbm "github.com/cosmos/cosmos-db"

	cmted25519 "github.com/cometbft/cometbft/crypto/ed25519"
	cmtversion "github.com/cometbft/cometbft/proto/tendermint/version"
	"github.com/cometbft/cometbft/types"
	"github.com/cometbft/cometbft/version"

	"hullmark/bundle"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/ledger"
	"hullmark/lookup"
	"hullmark/merkle"
	"hullmark/merkle/store"
	"hullmark/query"
	"hullmark/record"
	"hullmark/reference"
)

// Chain is a ledger and its blocks.
type Chain struct {
	*fixture.Consortium

	tb     testing.TB
	ledger *ledger.Ledger
	blocks []*types.LightBlock
	txs    map[uint64]types.Txs
	// current and next are the validators of the block to be made and of the one
	// after it.
	current, next []*fixture.Key
	// everybody who ever was a validator.
	everybody []*fixture.Key
	appHash   merkle.Hash
}

// NewChain starts the ledger of a consortium. There are no blocks yet.
func NewChain(tb testing.TB, c *fixture.Consortium) *Chain {
	tb.Helper()
	st, err := store.Open(dbm.NewMemDB(), store.Options{})
	if err != nil {
		tb.Fatalf("couldn't open store: %v", err)
	}
	l, err := ledger.New(c.Genesis(), st)
	if err != nil {
		tb.Fatalf("couldn't start ledger: %v", err)
	}
	chain := &Chain{Consortium: c, tb: tb, ledger: l, txs: make(map[uint64]types.Txs)}
	if chain.appHash, err = l.GenesisHash(); err != nil {
		tb.Fatalf("couldn't start ledger: %v", err)
	}
	for _, o := range c.Operators {
		chain.current = append(chain.current, o.Validator)
	}
	chain.next, chain.everybody = chain.current, chain.current
	return chain
}

// SetValidators changes the validators of the block after the next one.
func (c *Chain) SetValidators(set ...*fixture.Key) {
	c.next = set
	c.everybody = append(c.everybody[:len(c.everybody):len(c.everybody)], set...)
}

// Validators returns the keys of the validators of the next block.
func (c *Chain) Validators() []*fixture.Key { return c.current }

// StateMachine returns the ledger itself, for what makes answers from it.
func (c *Chain) StateMachine() *ledger.Ledger { return c.ledger }

// Tip implements lookup.Blocks.
func (c *Chain) Tip() uint64 { return c.ledger.Height() }

// LightBlock implements lookup.Blocks.
func (c *Chain) LightBlock(height uint64) (*types.LightBlock, error) {
	if height < c.InitialHeight || height > c.Height() {
		return nil, fmt.Errorf("%w: block %d", lookup.ErrNotFound, height)
	}
	return c.Block(height), nil
}

// Transactions implements lookup.Blocks.
func (c *Chain) Transactions(height uint64) (types.Txs, error) {
	if height < c.InitialHeight || height > c.Height() {
		return nil, fmt.Errorf("%w: block %d", lookup.ErrNotFound, height)
	}
	return c.txs[height], nil
}

// Reader returns the read side of an honest node that has the chain.
func (c *Chain) Reader() *lookup.Reader { return lookup.New(c.ledger, c, nil) }

// Height returns the height of the newest block.
func (c *Chain) Height() uint64 { return c.ledger.Height() }

// Commit makes the next block from transactions, which must be valid, and
// returns its height. The state after it is proven by the block after it.
func (c *Chain) Commit(txs ...[]byte) uint64 {
	c.tb.Helper()
	if rejections := c.TryCommit(txs...); len(rejections) > 0 {
		c.tb.Fatalf("couldn't commit: %v", rejections[0])
	}
	return c.Height()
}

// TryCommit makes the next block from those of the transactions that are valid and
// returns why the others are not.
func (c *Chain) TryCommit(txs ...[]byte) []error {
	c.tb.Helper()
	height := c.InitialHeight + uint64(len(c.blocks))
	blockTime := c.BlockTime(height)
	state, err := c.ledger.Begin(ledger.Block{Height: height, Time: blockTime})
	if err != nil {
		c.tb.Fatalf("couldn't begin block %d: %v", height, err)
	}
	defer state.Close()
	var rejections []error
	var included types.Txs
	for _, tx := range txs {
		if _, err := state.Apply(tx, keys.Direct{}); err != nil {
			rejections = append(rejections, err)
			continue
		}
		included = append(included, tx)
	}
	state.SetNextValidators(ValidatorSet(c.next).Hash())
	staged, err := state.Stage()
	if err != nil {
		c.tb.Fatalf("couldn't stage block %d: %v", height, err)
	}
	if err := c.ledger.Commit(staged); err != nil {
		c.tb.Fatalf("couldn't commit block %d: %v", height, err)
	}
	header := &types.Header{
		Version:            cmtversion.Consensus{Block: version.BlockProtocol},
		ChainID:            c.ledger.ID(),
		Height:             int64(height),
		Time:               blockTime,
		DataHash:           included.Hash(),
		ValidatorsHash:     ValidatorSet(c.current).Hash(),
		NextValidatorsHash: ValidatorSet(c.next).Hash(),
		ConsensusHash:      hash("consensus"),
		AppHash:            bytes.Clone(c.appHash[:]),
		LastResultsHash:    hash("results"),
		EvidenceHash:       hash("evidence"),
		LastCommitHash:     hash("commit"),
		ProposerAddress:    ValidatorSet(c.current).Proposer.Address,
	}
	if n := len(c.blocks); n > 0 {
		header.LastBlockID = c.blocks[n-1].Commit.BlockID
	}
	c.txs[height] = included
	c.blocks = append(c.blocks, c.Sign(header, c.current, c.current...))
	c.appHash = staged.State().AppHash()
	c.current = c.next
	return rejections
}

// Block returns a copy of the light block of a height.
func (c *Chain) Block(height uint64) *types.LightBlock {
	c.tb.Helper()
	if height < c.InitialHeight || height >= c.InitialHeight+uint64(len(c.blocks)) {
		c.tb.Fatalf("no block %d", height)
	}
	lb := c.blocks[height-c.InitialHeight]
	header := *lb.Header
	return &types.LightBlock{
		SignedHeader: &types.SignedHeader{Header: &header, Commit: lb.Commit},
		ValidatorSet: lb.ValidatorSet.Copy(),
	}
}

// EncodedBlock returns the light block of a height as bundles carry it.
func (c *Chain) EncodedBlock(height uint64) []byte {
	c.tb.Helper()
	return Encode(c.tb, c.Block(height))
}

// Encode returns the bytes of a light block.
func Encode(tb testing.TB, lb *types.LightBlock) []byte {
	tb.Helper()
	b, err := bundle.EncodeLightBlock(lb)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// Sign returns the light block of a header, with a set of validators of whom some
// sign. Whether the set is the header's is the caller's business.
func (c *Chain) Sign(header *types.Header, set []*fixture.Key, signers ...*fixture.Key) *types.LightBlock {
	c.tb.Helper()
	vals := ValidatorSet(set)
	commit := &types.Commit{
		Height: header.Height,
		BlockID: types.BlockID{
			Hash:          header.Hash(),
			PartSetHeader: types.PartSetHeader{Total: 1, Hash: hash("parts")},
		},
		Signatures: make([]types.CommitSig, len(vals.Validators)),
	}
	for i, v := range vals.Validators {
		commit.Signatures[i] = types.NewCommitSigAbsent()
		for _, k := range signers {
			if !v.PubKey.Equals(pubKey(k)) {
				continue
			}
			commit.Signatures[i] = types.CommitSig{
				BlockIDFlag:      types.BlockIDFlagCommit,
				ValidatorAddress: v.Address,
				Timestamp:        header.Time.Add(time.Second),
			}
			sig, err := k.Private().Sign(nil, commit.VoteSignBytes(header.ChainID, int32(i)), crypto.Hash(0))
			if err != nil {
				c.tb.Fatalf("couldn't sign block %d: %v", header.Height, err)
			}
			commit.Signatures[i].Signature = sig
		}
	}
	return &types.LightBlock{SignedHeader: &types.SignedHeader{Header: header, Commit: commit}, ValidatorSet: vals}
}

// ValidatorSet returns the validators with the given Ed25519 keys.
func ValidatorSet(set []*fixture.Key) *types.ValidatorSet {
	var vals []*types.Validator
	for _, k := range set {
		vals = append(vals, types.NewValidator(pubKey(k), record.ValidatorPower))
	}
	return types.NewValidatorSet(vals)
}

func hash(text string) []byte {
	h := sha256.Sum256([]byte(text))
	return h[:]
}

// Anchor returns the trust anchor with the block of a height.
func (c *Chain) Anchor(height uint64) *bundle.Anchor {
	a := &bundle.Anchor{Ledger: c.ledger.ID(), Block: c.Block(height), TrustingPeriod: c.Params.TrustingPeriod}
	for _, o := range c.Operators {
		a.Operators = append(a.Operators, bundle.AnchorOperator{ID: o.ID, Key: o.Governance.PublicKey(), Since: c.InitialHeight, NotaryKey: o.Notary.PublicKey()})
	}
	return a
}

// Now returns a moment shortly after the newest block.
func (c *Chain) Now() time.Time { return c.BlockTime(c.Height()).Add(2 * time.Second) }

// Request returns the question a reference asks, at publisher assurance.
func Request(ref string) query.Resolve {
	return query.Of(reference.MustParseReference(ref))
}

// RepositoryRequest returns the question about a repository.
func RepositoryRequest(name string) query.Resolve {
	return query.Resolve{Repository: reference.MustParseRepository(name)}
}

func pubKey(k *fixture.Key) cmted25519.PubKey {
	std, ok := k.PublicKey().Std().(ed25519.PublicKey)
	if !ok {
		panic("bundletest: validator key is not Ed25519")
	}
	return cmted25519.PubKey(std)
}
