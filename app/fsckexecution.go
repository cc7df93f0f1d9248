package app

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"

	cmtabci "github.com/cometbft/cometbft/abci/types"
	cmtstore "github.com/cometbft/cometbft/store"
	cmttypes "github.com/cometbft/cometbft/types"

	"hullmark/abci"
	"hullmark/merkle/store"
)

// errNoBlock says that the block of the ledger's height is not kept.
var errNoBlock = errors.New("its block is not kept")

// checkExecution does the ledger's newest block once more on the state before it. The
// engine believes whatever app hash this node has given for that block; the next one,
// which would contradict a wrong one, may never come.
func (f *fsck) checkExecution() {
	const what = "newest block"
	height := f.heights.ledger
	if height == 0 {
		f.fine(what, "none yet")
		return
	}
	switch hash, err := f.execute(int64(height)); {
	case errors.Is(err, store.ErrPruned), errors.Is(err, errNoBlock):
		f.fine(what, "couldn't execute block %d again: %v", height, err)
	case err != nil:
		f.found(what, fmt.Errorf("couldn't execute block %d again: %w", height, err), adviceResync)
	default:
		if want, ok := f.heights.hashes[height]; ok && !bytes.Equal(want[:], hash) {
			f.found(what, fmt.Errorf("%w: block %d executed again makes app hash %X, the ledger has %X", ErrDisagree, height, hash, want[:]), adviceResync)
			return
		}
		f.fine(what, "block %d executed again makes the same app hash", height)
	}
}

// execute does a block on the state before it and returns the app hash it makes.
func (f *fsck) execute(height int64) (hash []byte, err error) {
	blockDB, err := f.home.openEngineReadOnly("blockstore")
	if err != nil {
		return nil, err
	}
	defer func() { _ = blockDB.Close() }()
	// The engine's store panics over what it cannot decode, the application over what
	// it cannot go on with.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", ErrDamagedData, p)
		}
	}()
	block := cmtstore.NewBlockStore(blockDB).LoadBlock(height)
	if block == nil {
		return nil, errNoBlock
	}
	db, err := f.home.openLedgerReadOnly()
	if err != nil {
		return nil, err
	}
	defer func() { _ = db.Close() }()
	st, err := store.Open(db, store.Options{})
	if err != nil {
		return nil, err
	}
	l, err := openLedger(f.genesis, st)
	if err != nil {
		return nil, err
	}
	before, err := l.Before(uint64(height))
	if err != nil {
		return nil, err
	}
	app, err := abci.New(f.genesis, before, abci.Options{Log: slog.New(slog.DiscardHandler), Fatal: func(error) {}})
	if err != nil {
		return nil, err
	}
	defer app.Close()
	resp, err := app.FinalizeBlock(f.ctx, finalize(block))
	if err != nil {
		return nil, err
	}
	return resp.AppHash, nil
}

// finalize is the request with which the engine has a block executed. Misbehavior is
// only logged.
func finalize(b *cmttypes.Block) *cmtabci.RequestFinalizeBlock {
	return &cmtabci.RequestFinalizeBlock{
		Txs: b.Txs.ToSliceOfBytes(), Hash: b.Hash(), Height: b.Height, Time: b.Time,
		NextValidatorsHash: b.NextValidatorsHash, ProposerAddress: b.ProposerAddress,
	}
}
