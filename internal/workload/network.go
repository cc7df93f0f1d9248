package workload

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	cmtabci "github.com/cometbft/cometbft/abci/types"
	cmtcfg "github.com/cometbft/cometbft/config"
	cmtlog "github.com/cometbft/cometbft/libs/log"
	"github.com/cometbft/cometbft/node"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/privval"
	"github.com/cometbft/cometbft/proxy"
	rpchttp "github.com/cometbft/cometbft/rpc/client/http"
	cmttypes "github.com/cometbft/cometbft/types"
	"github.com/spf13/viper"

	"hullmark/app"
	"hullmark/internal/fixture"
	"hullmark/internal/testnet"
	"hullmark/query"
	"hullmark/record"
)

// NetworkOptions are what differs between networks.
type NetworkOptions struct {
	// Accepting runs an application that takes everything instead of the ledger.
	Accepting bool
	// TimeoutCommit is the engine's pause after a block.
	TimeoutCommit time.Duration
	// EmptyBlocks is the pause between blocks when nothing happens; zero for the
	// product's.
	EmptyBlocks time.Duration
}

// Network is a consortium of validators in this process, on loopback, with real
// P2P, real databases and one engine configuration. Its application is the ledger,
// or one that accepts everything.
type Network struct {
	tb    testing.TB
	C     *fixture.Consortium
	homes []app.Home
	RPC   []*rpchttp.HTTP
	// Nodes of the ledger; none in a network that accepts everything.
	Nodes []*app.Node
	// Committed counts transactions in blocks of the first node.
	Committed func() int
}

// NewNetwork starts n validators and waits until each has made blocks.
func NewNetwork(tb testing.TB, n int, o NetworkOptions) *Network {
	tb.Helper()
	nw := &Network{tb: tb, C: fixture.NewConsortium(tb, n)}
	nw.C.Time = time.Now().UTC().Truncate(time.Second).Add(-time.Second)
	nw.C.Params.Quotas, nw.C.Params.OperatorQuota = [3]record.Quota{}, record.Quota{}
	first, err := testnet.ReservePorts(testnet.FirstPort)
	if err != nil {
		tb.Fatal(err)
	}
	var addresses, rpc []string
	for i := range n {
		h := app.Home(filepath.Join(tb.TempDir(), "home"))
		p2pPort, rpcPort := first+2*i, first+2*i+1
		config := app.DefaultConfig()
		config.HTTP.Address, config.HTTP.MetricsAddress = "127.0.0.1:0", ""
		config.HTTP.RequestsPerSecond, config.HTTP.Places = 0, 0 // one address has all of it
		if _, err := app.Init(h, app.InitOptions{Moniker: fmt.Sprint("bench-", i), Config: config, Engine: func(c *cmtcfg.Config) {
			c.P2P.ListenAddress = fmt.Sprintf("tcp://127.0.0.1:%d", p2pPort)
			c.P2P.AllowDuplicateIP, c.P2P.AddrBookStrict = true, false
			c.RPC.ListenAddress = fmt.Sprintf("tcp://127.0.0.1:%d", rpcPort)
			c.Consensus.TimeoutCommit = o.TimeoutCommit
			if o.EmptyBlocks > 0 {
				c.Consensus.CreateEmptyBlocksInterval = o.EmptyBlocks
			}
			c.Instrumentation.Prometheus = false
		}}); err != nil {
			tb.Fatal(err)
		}
		key := privval.LoadFilePV(nw.path(h, "config/priv_validator_key.json"), nw.path(h, "data/priv_validator_state.json"))
		nw.C.Operators[i].Validator = fixture.KeyOf(tb, ed25519.PrivateKey(key.Key.PrivKey.Bytes()))
		nodeKey, err := p2p.LoadNodeKey(nw.path(h, "config/node_key.json"))
		if err != nil {
			tb.Fatal(err)
		}
		nw.homes = append(nw.homes, h)
		addresses = append(addresses, fmt.Sprintf("%s@127.0.0.1:%d", nodeKey.ID(), p2pPort))
		rpc = append(rpc, fmt.Sprintf("http://127.0.0.1:%d", rpcPort))
	}
	doc, err := app.EncodeGenesis(nw.C.Genesis())
	if err != nil {
		tb.Fatal(err)
	}
	for i, h := range nw.homes {
		if _, err := app.InstallGenesis(h, doc); err != nil {
			tb.Fatal(err)
		}
		others := slices.Concat(addresses[:i], addresses[i+1:])
		nw.edit(h, `persistent_peers = ""`, fmt.Sprintf("persistent_peers = %q", strings.Join(others, ",")))
		if !o.Accepting {
			nw.startLedger(h)
		} else {
			nw.startAccepting(h, i == 0)
		}
		client, err := rpchttp.New(rpc[i], "/websocket")
		if err != nil {
			tb.Fatal(err)
		}
		nw.RPC = append(nw.RPC, client)
	}
	if !o.Accepting {
		nw.Committed = func() int { return int(nw.Nodes[0].Status().GetLogSize()) }
	}
	for i := range nw.homes {
		nw.Until("blocks are made", func() bool {
			s, err := nw.RPC[i].Status(context.Background())
			return err == nil && s.SyncInfo.LatestBlockHeight >= 2
		})
	}
	return nw
}

func (nw *Network) path(h app.Home, name string) string { return filepath.Join(string(h), name) }

func (nw *Network) edit(h app.Home, from, to string) {
	nw.tb.Helper()
	path := nw.path(h, "config/config.toml")
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), from) {
		nw.tb.Fatalf("couldn't edit %s: %v", path, err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), from, to, 1)), 0o600); err != nil {
		nw.tb.Fatal(err)
	}
}

func (nw *Network) startLedger(h app.Home) {
	nw.tb.Helper()
	config, err := app.LoadConfig(h)
	if err != nil {
		nw.tb.Fatal(err)
	}
	n, err := app.Open(h, app.Options{Config: config, Version: "bench", Log: io.Discard})
	if err == nil {
		err = n.Start()
	}
	if err != nil {
		nw.tb.Fatal(err)
	}
	nw.Nodes = append(nw.Nodes, n)
	nw.tb.Cleanup(func() { _ = n.Stop() })
}

func (nw *Network) startAccepting(h app.Home, counts bool) {
	nw.tb.Helper()
	v := viper.New()
	v.SetConfigFile(nw.path(h, "config/config.toml"))
	config := cmtcfg.DefaultConfig()
	if err := v.ReadInConfig(); err != nil {
		nw.tb.Fatal(err)
	}
	if err := v.Unmarshal(config); err != nil {
		nw.tb.Fatal(err)
	}
	config.SetRoot(string(h))
	nodeKey, err := p2p.LoadNodeKey(config.NodeKeyFile())
	if err != nil {
		nw.tb.Fatal(err)
	}
	a := new(accepting)
	n, err := node.NewNode(config, privval.LoadFilePV(config.PrivValidatorKeyFile(), config.PrivValidatorStateFile()), nodeKey,
		proxy.NewConnSyncLocalClientCreator(a),
		func() (*cmttypes.GenesisDoc, error) { return cmttypes.GenesisDocFromFile(config.GenesisFile()) },
		app.OpenEngineDB, node.DefaultMetricsProvider(config.Instrumentation), cmtlog.NewNopLogger())
	if err == nil {
		err = n.Start()
	}
	if err != nil {
		nw.tb.Fatal(err)
	}
	if counts {
		nw.Committed = func() int { return int(a.count.Load()) }
	}
	nw.tb.Cleanup(func() { _ = n.Stop(); n.Wait() })
}

// Until waits for a condition, two minutes at most.
func (nw *Network) Until(what string, condition func() bool) {
	nw.tb.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			nw.tb.Fatalf("waited too long until %s", what)
		}
	}
}

// send offers transactions of one sender in their order over the engine's RPC; when
// there is no room it waits for some.
func (nw *Network) send(client *rpchttp.HTTP, txs [][]byte) error {
	for _, tx := range txs {
		for attempt := 0; ; attempt++ {
			r, err := client.BroadcastTxSync(context.Background(), tx)
			if err == nil && r.Code == 0 {
				break
			}
			full := err != nil && strings.Contains(err.Error(), "full") || err == nil && r.Code >= cmtabci.CodeTypeRetry
			if !full || attempt > 1000 {
				return fmt.Errorf("couldn't send: %w, %v", err, r)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	return nil
}

// Commit sends transactions, each sender's in order, and returns how long it took
// until the first node has all of them in blocks.
func (nw *Network) Commit(bySender [][][]byte) time.Duration {
	nw.tb.Helper()
	want := nw.Committed()
	for _, txs := range bySender {
		want += len(txs)
	}
	began := time.Now()
	failures := make([]error, len(bySender))
	var wg sync.WaitGroup
	for i, txs := range bySender {
		wg.Go(func() {
			failures[i] = nw.send(nw.RPC[i%len(nw.RPC)], txs)
		})
	}
	wg.Wait()
	if failed := errors.Join(failures...); failed != nil {
		nw.tb.Fatal(failed)
	}
	nw.Until("everything is committed", func() bool { return nw.Committed() >= want })
	return time.Since(began)
}

// Post sends a transaction to a node's HTTP API, and returns when it is in a block.
func (nw *Network) Post(node int, tx []byte) {
	nw.tb.Helper()
	resp, err := http.Post("http://"+nw.Nodes[node].Address()+query.PathSubmit, "application/octet-stream", strings.NewReader(string(tx)))
	if err != nil {
		nw.tb.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
		nw.tb.Fatalf("status %d: %s", resp.StatusCode, body)
	}
}

// Height returns the height of the newest block of the first node.
func (nw *Network) Height() int64 {
	nw.tb.Helper()
	s, err := nw.RPC[0].Status(context.Background())
	if err != nil {
		nw.tb.Fatal(err)
	}
	return s.SyncInfo.LatestBlockHeight
}
