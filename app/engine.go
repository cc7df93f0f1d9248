package app

import (
	"fmt"
	"maps"
	"slices"
	"time"

	cmtcfg "github.com/cometbft/cometbft/config"
	"github.com/spf13/viper"

	"hullmark/bundle"
	"hullmark/record"
	"hullmark/safefile"
)

// blockTimeTolerance is how far ahead of its own clock a node accepts a block's
// time. It equals the clock drift clients allow: a header the consortium accepts
// is never too far in the future for a client whose clock is right.
const blockTimeTolerance = bundle.DefaultMaxClockDrift

// emptyBlockInterval is the pause between blocks when nothing happens, and so
// the age an answer may have on an idle network.
const emptyBlockInterval = 5 * time.Second

// databaseBackend is what config.toml calls the engine's databases (package database).
const databaseBackend = "pebbledb"

// engineConfig returns CometBFT's configuration with the settings a Hullmark
// network needs (docs/design.md, "Engine settings").
func engineConfig(h Home, moniker string) *cmtcfg.Config {
	c := cmtcfg.DefaultConfig()
	c.Moniker = moniker
	c.DBBackend = databaseBackend
	c.RPC.ListenAddress = "tcp://127.0.0.1:26657"
	c.RPC.MaxOpenConnections = 100
	c.P2P.ListenAddress = "tcp://0.0.0.0:26656"
	c.P2P.PexReactor = false
	// Members are known by the genesis, and private addresses are as good as others.
	c.P2P.AddrBookStrict = false
	c.P2P.SendRate = 50 << 20
	c.P2P.RecvRate = 50 << 20
	c.Mempool.Type = cmtcfg.MempoolTypeFlood
	c.Mempool.Size = 5000
	c.Mempool.MaxTxsBytes = 64 << 20
	c.Mempool.MaxTxBytes = record.MaxTransactionSize
	c.Mempool.CacheSize = 20000
	// A refusal may be temporary (a version gap, a quota), so refused bytes must
	// be judged again when they come again.
	c.Mempool.KeepInvalidTxsInCache = false
	c.Mempool.Recheck = true
	c.Consensus.TimeoutCommit = time.Second
	c.Consensus.CreateEmptyBlocks = true
	c.Consensus.CreateEmptyBlocksInterval = emptyBlockInterval
	c.Consensus.PeerGossipSleepDuration = 50 * time.Millisecond
	c.Consensus.BlockTimeTolerance = blockTimeTolerance
	c.Consensus.DoubleSignCheckHeight = 0
	c.TxIndex.Indexer = "null"
	c.Storage.DiscardABCIResponses = true
	c.Instrumentation.Prometheus = true
	c.Instrumentation.PrometheusListenAddr = "127.0.0.1:26660"
	c.SetRoot(string(h))
	return c
}

// loadEngineConfig reads config.toml.
func loadEngineConfig(h Home) (*cmtcfg.Config, error) {
	if _, err := safefile.Check(h.engineConfigFile(), safefile.Trusted); err != nil {
		return nil, fmt.Errorf("couldn't read engine configuration: %w", err)
	}
	v := viper.New()
	v.SetConfigFile(h.engineConfigFile())
	if err := h.readTOML(v, h.engineConfigFile(), "`hullmarkd init --home DIRECTORY` writes a good one to compare with into a new home"); err != nil {
		return nil, err
	}
	c := cmtcfg.DefaultConfig()
	if err := checkEngineFile(v, engineValues(c)); err != nil {
		return nil, fmt.Errorf("couldn't read engine configuration %s: %w", h.engineConfigFile(), err)
	}
	if err := v.UnmarshalExact(c); err != nil {
		return nil, fmt.Errorf("couldn't read engine configuration %s: %w: %w", h.engineConfigFile(), ErrConfig, err)
	}
	c.SetRoot(string(h))
	if err := checkEngine(c); err != nil {
		return nil, fmt.Errorf("couldn't read engine configuration %s: %w: %w", h.engineConfigFile(), ErrConfig, err)
	}
	if err := c.ValidateBasic(); err != nil {
		return nil, fmt.Errorf("couldn't read engine configuration %s: %w: %w", h.engineConfigFile(), ErrConfig, err)
	}
	return c, nil
}

// checkEngineFile refuses keys the engine does not know, and durations without a unit,
// which the engine takes for nanoseconds.
func checkEngineFile(v *viper.Viper, values map[string]any) error {
	if err := checkKeys(v, slices.Sorted(maps.Keys(values))); err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if _, duration := values[key].(time.Duration); !duration || !v.InConfig(key) {
			continue
		}
		if _, text := v.Get(key).(string); !text {
			return fmt.Errorf("%w: %s must be a time with its unit, such as \"3s\"", ErrConfig, key)
		}
	}
	return nil
}
