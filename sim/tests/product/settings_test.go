// Package product compares what the simulator believes of the product with the
// product. The simulator itself links nothing that it simulates.
package product

import (
	"testing"

	cmtcfg "github.com/cometbft/cometbft/config"
	cmttypes "github.com/cometbft/cometbft/types"
	"github.com/google/go-cmp/cmp"

	"hullmark/abci"
	"hullmark/app"
	"hullmark/bundle"
	"hullmark/internal/fixture"
	"hullmark/record"
	"hullmark/sim/consensus"
)

// TestEngineSettings: the model's settings are those a new home gets.
func TestEngineSettings(t *testing.T) {
	var c cmtcfg.Config
	if _, err := app.Init(app.Home(t.TempDir()), app.InitOptions{
		Moniker: "settings", Config: app.DefaultConfig(), Engine: func(made *cmtcfg.Config) { c = *made },
	}); err != nil {
		t.Fatal(err)
	}
	cs := c.Consensus
	doc, err := abci.GenesisDoc(fixture.NewConsortium(t, 4).Genesis())
	if err != nil {
		t.Fatal(err)
	}
	want := consensus.Settings{
		TimeoutPropose: cs.TimeoutPropose, TimeoutProposeDelta: cs.TimeoutProposeDelta,
		TimeoutPrevote: cs.TimeoutPrevote, TimeoutPrevoteDelta: cs.TimeoutPrevoteDelta,
		TimeoutPrecommit: cs.TimeoutPrecommit, TimeoutPrecommitDelta: cs.TimeoutPrecommitDelta,
		TimeoutCommit: cs.TimeoutCommit, EmptyBlocks: cs.CreateEmptyBlocksInterval,
		GossipSleep: cs.PeerGossipSleepDuration, Flush: c.P2P.FlushThrottleTimeout,
		SendRate: int(c.P2P.SendRate), PartSize: int(cmttypes.BlockPartSizeBytes),
		BlockSize: int(doc.ConsensusParams.Block.MaxBytes), BlockWork: int(record.DefaultParams().MaxBlockWork),
		// Four fifths, docs/design.md; the rest is kept for emergencies.
		Waiting: c.Mempool.Size * 8 / 10,
	}
	if diff := cmp.Diff(want, consensus.Product()); diff != "" {
		t.Errorf("settings of the model (-product +model):\n%s", diff)
	}
	if c.P2P.RecvRate < c.P2P.SendRate {
		t.Error("what is received is limited more than what is sent, which the model leaves out")
	}
	if cs.SkipTimeoutCommit || !cs.CreateEmptyBlocks {
		t.Error("the model always waits for timeout_commit, and makes empty blocks")
	}
}

// TestMaxAge: clients refuse what the scenarios say they refuse.
func TestMaxAge(t *testing.T) {
	if got := bundle.DefaultPolicy().MaxAge; got.Seconds() != 60 {
		t.Errorf("max-age is %s, the scenarios say 60 s", got)
	}
}
