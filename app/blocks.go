package app

import (
	"fmt"

	rpccore "github.com/cometbft/cometbft/rpc/core"
	cmtstate "github.com/cometbft/cometbft/state"
	cmttypes "github.com/cometbft/cometbft/types"

	"hullmark/lookup"
)

// blocks reads what the engine has stored. It implements lookup.Blocks.
type blocks struct{ env *rpccore.Environment }

// Tip implements lookup.Blocks.
func (b blocks) Tip() uint64 { return uint64(max(b.env.BlockStore.Height(), 0)) }

// LightBlock implements lookup.Blocks. For the newest block the commit is the
// one this node has seen; every commit of a block has more than two thirds.
func (b blocks) LightBlock(height uint64) (*cmttypes.LightBlock, error) {
	h := int64(height)
	meta := b.env.BlockStore.LoadBlockMeta(h)
	if meta == nil {
		return nil, fmt.Errorf("%w: block %d", lookup.ErrNotFound, height)
	}
	commit := b.env.BlockStore.LoadBlockCommit(h)
	if commit == nil {
		commit = b.env.BlockStore.LoadSeenCommit(h)
	}
	if commit == nil {
		return nil, fmt.Errorf("%w: commit of block %d", lookup.ErrNotFound, height)
	}
	validators, err := validatorsAt(b.env.StateStore, h)
	if err != nil {
		return nil, fmt.Errorf("couldn't load validators of height %d: %w", height, err)
	}
	return &cmttypes.LightBlock{
		SignedHeader: &cmttypes.SignedHeader{Header: &meta.Header, Commit: commit},
		ValidatorSet: validators,
	}, nil
}

// validatorsAt returns the validators of a height. Whose turn it is to propose is as of when
// they were stored, which nothing here rests on: to know it for the height itself the engine
// goes through all heights since, up to 100,000, and does so again each time.
func validatorsAt(states cmtstate.Store, height int64) (*cmttypes.ValidatorSet, error) {
	stored, ok := states.(interface {
		LoadValidatorsFast(height int64) (*cmttypes.ValidatorSet, error)
	})
	if !ok {
		return states.LoadValidators(height)
	}
	return stored.LoadValidatorsFast(height)
}

// Transactions implements lookup.Blocks.
func (b blocks) Transactions(height uint64) (cmttypes.Txs, error) {
	meta := b.env.BlockStore.LoadBlockMeta(int64(height))
	if meta == nil {
		return nil, fmt.Errorf("%w: block %d", lookup.ErrNotFound, height)
	}
	if meta.NumTxs == 0 {
		return nil, nil
	}
	block := b.env.BlockStore.LoadBlock(int64(height))
	if block == nil {
		return nil, fmt.Errorf("%w: block %d", lookup.ErrNotFound, height)
	}
	return block.Txs, nil
}
