package app

import (
	"testing"

	cmtcfg "github.com/cometbft/cometbft/config"
)

// TestCheckEngine refuses settings under which a node would not do its part.
func TestCheckEngine(t *testing.T) {
	if err := checkEngine(engineConfig("home", "node")); err != nil {
		t.Fatalf("what init writes: %v", err)
	}
	for name, change := range map[string]func(*cmtcfg.Config){
		"tolerance":          func(c *cmtcfg.Config) { c.Consensus.BlockTimeTolerance *= 6 },
		"no empty blocks":    func(c *cmtcfg.Config) { c.Consensus.CreateEmptyBlocks = false },
		"rare empty blocks":  func(c *cmtcfg.Config) { c.Consensus.CreateEmptyBlocksInterval *= 10 },
		"application's pool": func(c *cmtcfg.Config) { c.Mempool.Type = cmtcfg.MempoolTypeApp },
		"no recheck":         func(c *cmtcfg.Config) { c.Mempool.Recheck = false },
		"invalid kept":       func(c *cmtcfg.Config) { c.Mempool.KeepInvalidTxsInCache = true },
		"larger transaction": func(c *cmtcfg.Config) { c.Mempool.MaxTxBytes++ },
		"adaptive sync":      func(c *cmtcfg.Config) { c.BlockSync.AdaptiveSync = true },
		"libp2p":             func(c *cmtcfg.Config) { c.P2P.LibP2PConfig.Enabled = true },
		"public RPC":         func(c *cmtcfg.Config) { c.RPC.ListenAddress = "tcp://0.0.0.0:26657" },
		"RPC on a name":      func(c *cmtcfg.Config) { c.RPC.ListenAddress = "tcp://node.example.com:26657" },
	} {
		t.Run(name, func(t *testing.T) {
			c := engineConfig("home", "node")
			change(c)
			if checkEngine(c) == nil {
				t.Error("accepted")
			}
		})
	}
	for _, address := range []string{"", "unix:///run/node.sock", "tcp://localhost:1", "tcp://[::1]:1"} {
		c := engineConfig("home", "node")
		c.RPC.ListenAddress = address
		if err := checkEngine(c); err != nil {
			t.Errorf("RPC on %q: %v", address, err)
		}
	}
}
