package abci

import (
	"bytes"
	"context"
	"fmt"

	cmtabci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/crypto/ed25519"
	cmttypes "github.com/cometbft/cometbft/types"

	"hullmark/record"
)

// Info reports the last committed height: what Commit wrote, nothing later.
func (a *Application) Info(context.Context, *cmtabci.RequestInfo) (*cmtabci.ResponseInfo, error) {
	defer a.guard("Info")
	v := a.ledger.Latest()
	defer v.Close()
	r := &cmtabci.ResponseInfo{
		Data: "hullmark", Version: a.version, AppVersion: AppVersion,
		LastBlockHeight: int64(v.Version()),
	}
	if v.Version() > 0 {
		h := v.State().AppHash()
		r.LastBlockAppHash = h[:]
	}
	return r, nil
}

// InitChain checks that the chain starts from the genesis this node has, and
// answers the app hash before the first block. CometBFT calls it again after
// every restart until the first block is committed; it writes nothing.
func (a *Application) InitChain(_ context.Context, req *cmtabci.RequestInitChain) (*cmtabci.ResponseInitChain, error) {
	defer a.guard("InitChain")
	if err := a.checkGenesis(req); err != nil {
		return nil, fmt.Errorf("couldn't start the chain: %w", err)
	}
	h, err := a.ledger.GenesisHash()
	if err != nil {
		return nil, fmt.Errorf("couldn't start the chain: %w", err)
	}
	a.log.Info("chain starts", "ledger", a.ledger.ID(), "app_hash", h.String(), "validators", len(req.Validators))
	return &cmtabci.ResponseInitChain{AppHash: h[:]}, nil
}

func (a *Application) checkGenesis(req *cmtabci.RequestInitChain) error {
	g, err := record.DecodeGenesis(req.AppStateBytes)
	if err != nil {
		return err
	}
	want, err := GenesisDoc(g)
	if err != nil {
		return err
	}
	switch {
	case !bytes.Equal(g.Encode(), a.genesis.Encode()):
		return fmt.Errorf("%w: app_state is not this node's genesis", record.ErrGenesis)
	case req.ChainId != want.ChainID:
		return fmt.Errorf("%w: chain id %q, its content makes %q", record.ErrGenesis, req.ChainId, want.ChainID)
	case !req.Time.Equal(want.GenesisTime) || req.InitialHeight != want.InitialHeight:
		return fmt.Errorf("%w: time or initial height differ from app_state", record.ErrGenesis)
	case len(req.Validators) != len(want.Validators):
		return fmt.Errorf("%w: %d validators, app_state has %d", record.ErrGenesis, len(req.Validators), len(want.Validators))
	}
	powers := make(map[string]int64)
	for _, v := range req.Validators {
		powers[string(v.PubKey.GetEd25519())] = v.Power
	}
	for _, v := range want.Validators {
		if powers[string(v.PubKey.Bytes())] != record.ValidatorPower {
			return fmt.Errorf("%w: validator %q is missing or has not power %d", record.ErrGenesis, v.Name, record.ValidatorPower)
		}
	}
	params := want.ConsensusParams.ToProto()
	if req.ConsensusParams == nil || !params.Equal(req.ConsensusParams) {
		return fmt.Errorf("%w: consensus parameters are not those app_state makes", record.ErrGenesis)
	}
	return nil
}

// maxBlockBytes is the size of a block. It is part of the genesis.
const maxBlockBytes = 4 << 20

// GenesisDoc returns CometBFT's genesis for a consortium: a pure function of g,
// so that one ledger id stands for both.
func GenesisDoc(g *record.Genesis) (*cmttypes.GenesisDoc, error) {
	if err := g.Validate(); err != nil {
		return nil, err
	}
	p := cmttypes.DefaultConsensusParams()
	p.Block.MaxBytes = maxBlockBytes
	p.Block.MaxGas = int64(g.Params.MaxBlockWork)
	// Whoever signed a block that somebody still trusts must still be punishable:
	// evidence outlives the trusting period by half. At a block a second, its age
	// in blocks is its age in seconds.
	p.Evidence.MaxAgeDuration = g.Params.TrustingPeriod * 3 / 2
	p.Evidence.MaxAgeNumBlocks = int64(p.Evidence.MaxAgeDuration.Seconds())
	p.Validator.PubKeyTypes = []string{cmttypes.ABCIPubKeyTypeEd25519}
	p.Version.App = AppVersion
	doc := &cmttypes.GenesisDoc{
		ChainID:         g.LedgerID(),
		GenesisTime:     g.Time,
		InitialHeight:   int64(g.InitialHeight),
		ConsensusParams: p,
		AppState:        g.Encode(),
	}
	for _, o := range g.Operators {
		key := ed25519.PubKey(o.ValidatorKey[:])
		doc.Validators = append(doc.Validators, cmttypes.GenesisValidator{
			Address: key.Address(), PubKey: key, Power: record.ValidatorPower, Name: o.ID,
		})
	}
	if err := doc.ValidateAndComplete(); err != nil {
		return nil, fmt.Errorf("couldn't make genesis: %w", err)
	}
	return doc, nil
}
