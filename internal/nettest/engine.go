package nettest

import (
	"path/filepath"

	cmtcfg "github.com/cometbft/cometbft/config"
	rpchttp "github.com/cometbft/cometbft/rpc/client/http"
	"github.com/spf13/viper"
)

// EngineConfig returns the engine's configuration of a node.
func (n *Network) EngineConfig(i int) *cmtcfg.Config {
	n.T.Helper()
	home := string(n.Nodes[i].Home)
	v := viper.New()
	v.SetConfigFile(filepath.Join(home, "config", "config.toml"))
	c := cmtcfg.DefaultConfig()
	err := v.ReadInConfig()
	if err == nil {
		err = v.Unmarshal(c)
	}
	if err != nil {
		n.T.Fatalf("couldn't read the engine's configuration of node %d: %v", i, err)
	}
	return c.SetRoot(home)
}

// RPC returns a client of a node's engine, which knows blocks and evidence.
func (n *Network) RPC(i int) *rpchttp.HTTP {
	n.T.Helper()
	c, err := rpchttp.New(n.EngineConfig(i).RPC.ListenAddress, "/websocket")
	if err != nil {
		n.T.Fatal(err)
	}
	return c
}
