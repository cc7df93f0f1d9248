package app

import (
	"errors"
	"fmt"
	"net"
	"strings"
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

// engineConfig returns CometBFT's configuration with the settings a Hullmark
// network needs (docs/design.md, "Engine settings").
func engineConfig(h Home, moniker string) *cmtcfg.Config {
	c := cmtcfg.DefaultConfig()
	c.Moniker = moniker
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
	if err := v.ReadInConfig(); err != nil {
		return nil, fmt.Errorf("couldn't read engine configuration: %w", err)
	}
	c := cmtcfg.DefaultConfig()
	if err := v.Unmarshal(c); err != nil {
		return nil, fmt.Errorf("couldn't read engine configuration %s: %w: %w", h.engineConfigFile(), ErrConfig, err)
	}
	c.SetRoot(string(h))
	if err := c.ValidateBasic(); err != nil {
		return nil, fmt.Errorf("couldn't read engine configuration %s: %w: %w", h.engineConfigFile(), ErrConfig, err)
	}
	if err := checkEngine(c); err != nil {
		return nil, fmt.Errorf("couldn't read engine configuration %s: %w: %w", h.engineConfigFile(), ErrConfig, err)
	}
	return c, nil
}

// checkEngine refuses settings with which a node would run and not do what others
// rely on. What is a matter of taste or of the machine is left to the operator.
func checkEngine(c *cmtcfg.Config) error {
	must := func(ok bool, setting string, value any) error {
		if ok {
			return nil
		}
		return fmt.Errorf("%s must be %v", setting, value)
	}
	rpc := c.RPC.ListenAddress
	host, _, err := net.SplitHostPort(strings.TrimPrefix(rpc, "tcp://"))
	ip := net.ParseIP(host)
	private := rpc == "" || strings.HasPrefix(rpc, "unix://") || err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
	signer := c.PrivValidatorListenAddr
	scheme, _, _ := strings.Cut(signer, "://")
	return errors.Join(
		must(signer == "" || scheme == "tcp" || scheme == "unix" || scheme == "noise",
			"priv_validator_laddr", "tcp://HOST:PORT, unix://PATH or noise://PEER@HOST:PORT"),
		must(c.Consensus.BlockTimeTolerance == blockTimeTolerance, "consensus.block_time_tolerance", blockTimeTolerance),
		must(c.Consensus.CreateEmptyBlocks && c.Consensus.CreateEmptyBlocksInterval <= 2*emptyBlockInterval,
			"consensus.create_empty_blocks_interval", fmt.Sprintf("at most %s, or answers grow old", 2*emptyBlockInterval)),
		must(c.Mempool.Type == cmtcfg.MempoolTypeFlood, "mempool.type", cmtcfg.MempoolTypeFlood),
		must(c.Mempool.Recheck, "mempool.recheck", "true, or refused transactions stay for ever"),
		must(!c.Mempool.KeepInvalidTxsInCache, "mempool.keep-invalid-txs-in-cache", "false, or what was refused once is refused when it is right"),
		must(c.Mempool.MaxTxBytes == record.MaxTransactionSize, "mempool.max_tx_bytes", record.MaxTransactionSize),
		must(!c.BlockSync.AdaptiveSync, "blocksync.adaptive_sync", false),
		must(!c.P2P.LibP2PConfig.Enabled, "p2p.libp2p.enabled", false),
		must(private, "rpc.laddr", "on loopback; the HTTP API is the public face"),
	)
}
