package app

import (
	"bytes"
	"errors"
	"fmt"

	cmtdb "github.com/cometbft/cometbft-db"
	cmtjson "github.com/cometbft/cometbft/libs/json"
	cmtstate "github.com/cometbft/cometbft/state"
	cmtstore "github.com/cometbft/cometbft/store"
	cmttypes "github.com/cometbft/cometbft/types"
)

// ErrOtherData is returned when a home's data is of another ledger than its
// genesis.json: a node that went on would run one ledger's blocks on another's state.
var ErrOtherData = errors.New("genesis.json is not that of the ledger this data belongs to")

// ErrDamagedData is returned for a database of the engine that cannot be read.
var ErrDamagedData = errors.New("the node's data is damaged")

// genesisDocKey is where CometBFT keeps, in its state database, the genesis that a node
// was started with first. It goes on with that one whatever genesis.json says.
var genesisDocKey = []byte("genesisDoc")

// checkEngineData compares one of the engine's databases with the genesis, before the
// engine sees it. CometBFT's stores panic over what they cannot decode.
func checkEngineData(name string, db cmtdb.DB, doc *cmttypes.GenesisDoc) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("couldn't read the %s database: %w: %v", name, ErrDamagedData, p)
		}
	}()
	switch name {
	case "state":
		return checkEngineState(db, doc)
	case "blockstore":
		blocks := cmtstore.NewBlockStore(db)
		if meta := blocks.LoadBlockMeta(blocks.Height()); meta != nil && meta.Header.ChainID != doc.ChainID {
			return otherData("blocks", meta.Header.ChainID, doc)
		}
	}
	return nil
}

func checkEngineState(db cmtdb.DB, doc *cmttypes.GenesisDoc) error {
	b, err := db.Get(genesisDocKey)
	if err != nil {
		return fmt.Errorf("couldn't read the engine's state: %w", err)
	}
	if len(b) > 0 {
		stored := new(cmttypes.GenesisDoc)
		if err := cmtjson.Unmarshal(b, stored); err != nil {
			return fmt.Errorf("couldn't read the engine's state: %w: %w", ErrDamagedData, err)
		}
		if stored.ChainID != doc.ChainID || !bytes.Equal(stored.AppState, doc.AppState) {
			return otherData("the engine's genesis", stored.ChainID, doc)
		}
	}
	state, err := cmtstate.NewStore(db, cmtstate.StoreOptions{}).Load()
	if err != nil {
		return fmt.Errorf("couldn't read the engine's state: %w: %w", ErrDamagedData, err)
	}
	if state.ChainID != "" && state.ChainID != doc.ChainID {
		return otherData("the engine's state", state.ChainID, doc)
	}
	return nil
}

func otherData(what, chain string, doc *cmttypes.GenesisDoc) error {
	return fmt.Errorf("%w: %s is of %s, genesis.json of %s", ErrOtherData, what, chain, doc.ChainID)
}
