package abci

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"testing"
	"time"

	cmtabci "github.com/cometbft/cometbft/abci/types"
	cmtcrypto "github.com/cometbft/cometbft/proto/tendermint/crypto"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	cmttypes "github.com/cometbft/cometbft/types"

	"hullmark/internal/fixture"
	"hullmark/record"
)

// initRequest is what CometBFT sends for a consortium's genesis.
func initRequest(t testing.TB, c *fixture.Consortium) *cmtabci.RequestInitChain {
	t.Helper()
	doc, err := GenesisDoc(c.Genesis())
	if err != nil {
		t.Fatal(err)
	}
	var validators []*cmttypes.Validator
	for _, v := range doc.Validators {
		validators = append(validators, cmttypes.NewValidator(v.PubKey, v.Power))
	}
	params := doc.ConsensusParams.ToProto()
	return &cmtabci.RequestInitChain{
		Time: doc.GenesisTime, ChainId: doc.ChainID, InitialHeight: doc.InitialHeight, AppStateBytes: doc.AppState,
		ConsensusParams: &params, Validators: cmttypes.TM2PB.ValidatorUpdates(cmttypes.NewValidatorSet(validators)),
	}
}

func TestInitChain(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	n := newNode(t, c)
	if i := n.info(); i.LastBlockHeight != 0 || len(i.LastBlockAppHash) != 0 || i.AppVersion != AppVersion {
		t.Errorf("before the first block: %+v", i)
	}
	var hashes [][]byte
	// CometBFT calls it after every restart until there is a block.
	for range 3 {
		resp, err := n.app.InitChain(context.Background(), initRequest(t, c))
		if err != nil {
			t.Fatal(err)
		}
		if len(resp.Validators) != 0 || resp.ConsensusParams != nil {
			t.Errorf("the answer changes validators or parameters: %+v", resp)
		}
		hashes = append(hashes, resp.AppHash)
		if i := n.info(); i.LastBlockHeight != 0 {
			t.Fatalf("height %d after InitChain", i.LastBlockHeight)
		}
		n.restart()
	}
	if len(hashes[0]) != 32 || !bytes.Equal(hashes[0], hashes[1]) || !bytes.Equal(hashes[1], hashes[2]) {
		t.Errorf("app hashes of one genesis: %X", hashes)
	}
	resp := n.next()
	n.restart()
	if i := n.info(); i.LastBlockHeight != 1 || !bytes.Equal(i.LastBlockAppHash, resp.AppHash) {
		t.Errorf("after block 1: %+v, app hash %X", i, resp.AppHash)
	}
}

// TestInitChainRefuses changes one thing about the genesis at a time.
func TestInitChainRefuses(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	other := fixture.NewConsortium(t, 4)
	other.Name = "other"
	stranger := fixture.NewConsortium(t, 5).Operators[4].Validator
	appState := func(change func(map[string]any)) func(*cmtabci.RequestInitChain) {
		return func(r *cmtabci.RequestInitChain) {
			var m map[string]any
			if err := json.Unmarshal(r.AppStateBytes, &m); err != nil {
				t.Fatal(err)
			}
			change(m)
			b, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			r.AppStateBytes = b
		}
	}
	tests := []struct {
		name   string
		change func(*cmtabci.RequestInitChain)
	}{
		{"no app state", func(r *cmtabci.RequestInitChain) { r.AppStateBytes = nil }},
		{"app state is no JSON", func(r *cmtabci.RequestInitChain) { r.AppStateBytes = []byte("{") }},
		{"app state with an unknown field", appState(func(m map[string]any) { m["surprise"] = true })},
		{"app state of another consortium", func(r *cmtabci.RequestInitChain) { r.AppStateBytes = other.Genesis().Encode() }},
		{"everything of another consortium", func(r *cmtabci.RequestInitChain) { *r = *initRequest(t, other) }},
		{"chain id", func(r *cmtabci.RequestInitChain) { r.ChainId = other.Ledger() }},
		{"chain id without the hash", func(r *cmtabci.RequestInitChain) { r.ChainId = "fixture" }},
		{"time", func(r *cmtabci.RequestInitChain) { r.Time = r.Time.Add(time.Second) }},
		{"initial height", func(r *cmtabci.RequestInitChain) { r.InitialHeight++ }},
		{"a validator less", func(r *cmtabci.RequestInitChain) { r.Validators = r.Validators[1:] }},
		{"a validator more", func(r *cmtabci.RequestInitChain) {
			r.Validators = append(r.Validators, cmtabci.Ed25519ValidatorUpdate(stranger.PublicKey().Std().(ed25519.PublicKey), 10))
		}},
		{"another validator", func(r *cmtabci.RequestInitChain) {
			r.Validators[2] = cmtabci.Ed25519ValidatorUpdate(stranger.PublicKey().Std().(ed25519.PublicKey), 10)
		}},
		{"a validator twice", func(r *cmtabci.RequestInitChain) { r.Validators[2] = r.Validators[1] }},
		{"power 1 for all", func(r *cmtabci.RequestInitChain) {
			for i := range r.Validators {
				r.Validators[i].Power = 1
			}
		}},
		{"power 11 for one", func(r *cmtabci.RequestInitChain) { r.Validators[3].Power = 11 }},
		{"power 0 for one", func(r *cmtabci.RequestInitChain) { r.Validators[0].Power = 0 }},
		{"key of another type", func(r *cmtabci.RequestInitChain) {
			r.Validators[0].PubKey = cmtcrypto.PublicKey{Sum: &cmtcrypto.PublicKey_Secp256K1{Secp256K1: make([]byte, 33)}}
		}},
		{"no consensus parameters", func(r *cmtabci.RequestInitChain) { r.ConsensusParams = nil }},
		{"size of blocks", func(r *cmtabci.RequestInitChain) { r.ConsensusParams.Block.MaxBytes++ }},
		{"work of blocks", func(r *cmtabci.RequestInitChain) { r.ConsensusParams.Block.MaxGas = -1 }},
		{"age of evidence", func(r *cmtabci.RequestInitChain) { r.ConsensusParams.Evidence.MaxAgeDuration = time.Hour }},
		{"vote extensions", func(r *cmtabci.RequestInitChain) {
			r.ConsensusParams.Abci = &cmtproto.ABCIParams{VoteExtensionsEnableHeight: 5}
		}},
		{"application version", func(r *cmtabci.RequestInitChain) { r.ConsensusParams.Version = &cmtproto.VersionParams{App: 2} }},
		{"key types", func(r *cmtabci.RequestInitChain) {
			r.ConsensusParams.Validator = &cmtproto.ValidatorParams{PubKeyTypes: []string{"ed25519", "secp256k1"}}
		}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			n := newNode(t, c)
			r := initRequest(t, c)
			tc.change(r)
			resp, err := n.app.InitChain(context.Background(), r)
			if !errors.Is(err, record.ErrGenesis) {
				t.Fatalf("answer %v, error %v; want record.ErrGenesis", resp, err)
			}
			if n.info().LastBlockHeight != 0 {
				t.Error("something was written")
			}
		})
	}
}
