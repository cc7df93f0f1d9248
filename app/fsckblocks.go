package app

import (
	"bytes"
	"errors"
	"fmt"

	cmtstate "github.com/cometbft/cometbft/state"
	cmtstore "github.com/cometbft/cometbft/store"
	cmttypes "github.com/cometbft/cometbft/types"

	"hullmark/ledger"
	"hullmark/merkle"
)

// ErrDisagree is returned when two parts of a node's data cannot both be right.
var ErrDisagree = errors.New("the parts of the node's data disagree")

// progressInterval is how many blocks are checked between two words of progress.
const progressInterval = 1000

// heights are how far the parts of a home have come.
type heights struct {
	ledger uint64
	hashes map[uint64]merkle.Hash // app hashes of the heights the ledger keeps

	base, store, state int64
	stateHash          []byte

	validator cmttypes.Address // empty without a validator key in the home
	signed    int64            // height the validator signed last
	commit    int64            // height of the last stored block whose commit it signed
}

// readLedger takes down what the ledger says.
func (h *heights) readLedger(l *ledger.Ledger) error {
	h.ledger, h.hashes = l.Height(), make(map[uint64]merkle.Hash)
	for height := l.Oldest(); height != 0 && height <= l.Height(); height++ {
		v, err := l.View(height)
		if err != nil {
			return err
		}
		h.hashes[height] = v.State().AppHash()
		v.Close()
	}
	return nil
}

// checkBlocks goes through all blocks: what they are made of, what they follow, who
// signed them, and which app hash they carry.
func (f *fsck) checkBlocks() (err error) {
	blockDB, err := f.home.openEngineReadOnly("blockstore")
	if err != nil {
		f.found("blocks", err, adviceResync)
		return nil
	}
	defer func() { _ = blockDB.Close() }()
	stateDB, err := f.home.openEngineReadOnly("state")
	if err != nil {
		f.found("blocks", err, adviceResync)
		return nil
	}
	defer func() { _ = stateDB.Close() }()
	// CometBFT's stores panic over entries that they cannot decode.
	defer func() {
		if p := recover(); p != nil {
			f.found("blocks", fmt.Errorf("couldn't read blocks: %v", p), adviceResync)
			err = nil
		}
	}()
	if err := checkEngineState(stateDB, f.doc); err != nil {
		advice := adviceResync
		if errors.Is(err, ErrOtherData) {
			advice = adviceOther
		}
		f.found("blocks", err, advice)
		return nil
	}
	states := cmtstate.NewStore(stateDB, cmtstate.StoreOptions{})
	state, err := states.Load()
	if err != nil {
		f.found("blocks", fmt.Errorf("couldn't read the engine's state: %w", err), adviceResync)
		return nil
	}
	blocks := cmtstore.NewBlockStore(blockDB)
	h := &f.heights
	h.base, h.store, h.state, h.stateHash = blocks.Base(), blocks.Height(), state.LastBlockHeight, state.AppHash
	c := chain{ledger: f.genesis.LedgerID(), blocks: blocks, states: states, heights: h}
	for height := h.base; height != 0 && height <= h.store; height++ {
		if err := f.ctx.Err(); err != nil {
			return err
		}
		if (height-h.base)%progressInterval == 0 {
			f.progress(fmt.Sprintf("checking block %d of %d", height, h.store))
		}
		if err := c.check(height); err != nil {
			f.found("blocks", fmt.Errorf("block %d: %w", height, err), adviceResync)
			return nil
		}
	}
	f.fine("blocks", "%d to %d, signed by more than two thirds each", h.base, h.store)
	return nil
}

// chain is the blocks of a node, checked one after the other.
type chain struct {
	ledger  string
	blocks  *cmtstore.BlockStore
	states  cmtstate.Store
	heights *heights
	last    *cmttypes.BlockID
}

func (c *chain) check(height int64) error {
	meta, block := c.blocks.LoadBlockMeta(height), c.blocks.LoadBlock(height)
	if meta == nil || block == nil {
		return fmt.Errorf("%w: it is missing", ErrDisagree)
	}
	if err := block.ValidateBasic(); err != nil {
		return err
	}
	if !bytes.Equal(block.Hash(), meta.BlockID.Hash) || block.ChainID != c.ledger || block.Height != height {
		return fmt.Errorf("%w: it is not the block that was signed", ErrDisagree)
	}
	if c.last != nil && !block.LastBlockID.Equals(*c.last) {
		return fmt.Errorf("%w: it does not follow the block before it", ErrDisagree)
	}
	c.last = &meta.BlockID
	commit := commitOf(c.blocks, height)
	if commit == nil {
		return fmt.Errorf("%w: its signatures are missing", ErrDisagree)
	}
	validators, err := validatorsAt(c.states, height)
	if err != nil {
		return err
	}
	if err := validators.VerifyCommitLight(c.ledger, meta.BlockID, height, commit); err != nil {
		return err
	}
	if signedBy(commit, c.heights.validator) {
		c.heights.commit = height
	}
	// A header carries the app hash of the height before.
	if want, ok := c.heights.hashes[uint64(height)-1]; ok && !bytes.Equal(want[:], block.AppHash) {
		return fmt.Errorf("%w: its header says app hash %X, the ledger has %X at height %d", ErrDisagree, []byte(block.AppHash), want[:], height-1)
	}
	return nil
}

// checkHeights compares how far the parts have come with what a crash can explain.
func (f *fsck) checkHeights() {
	const what = "agreement"
	h := f.heights
	bad := func(advice, format string, args ...any) {
		f.found(what, fmt.Errorf("%w: %s", ErrDisagree, fmt.Sprintf(format, args...)), advice)
	}
	app := int64(h.ledger)
	hash, kept := h.hashes[h.ledger]
	switch {
	case h.state > h.store || h.store > h.state+1:
		bad(adviceResync, "blocks reach %d, the engine's state %d", h.store, h.state)
	case app > h.store:
		bad(adviceResync, "the ledger is at height %d, blocks reach %d only", app, h.store)
	case app+1 < h.base:
		bad(adviceResync, "the ledger is at height %d, blocks begin with %d", app, h.base)
	case app == h.state && app != 0 && kept && !bytes.Equal(hash[:], h.stateHash):
		bad(adviceResync, "at height %d the engine expects app hash %X, the ledger has %X", app, h.stateHash, hash[:])
	case h.signed < h.commit:
		bad(adviceState, "priv_validator_state.json says height %d, but this validator signed block %d", h.signed, h.commit)
	case len(h.validator) > 0 && h.signed > h.store+1:
		bad(adviceState, "priv_validator_state.json says height %d, blocks reach %d; the validator signs nothing until the chain is there", h.signed, h.store)
	case app < h.store:
		f.fine(what, "the ledger replays blocks %d to %d at the next start", app+1, h.store)
	default:
		f.fine(what, "ledger, blocks and the engine's state are at height %d", app)
	}
}
