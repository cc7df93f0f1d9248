package bench

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
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
	"hullmark/record"
)

// Sizes of the load. A run is long enough to fill some twenty blocks and short
// enough to be repeated.
const (
	loadRepositories = 200
	loadVersions     = 10
	sendersPerNode   = 4
	timeoutCommit    = 200 * time.Millisecond
)

// network is a consortium of validators in this process, on loopback, with real
// P2P, real databases and one engine configuration. Its application is the ledger,
// or one that accepts everything.
type network struct {
	b     *testing.B
	c     *fixture.Consortium
	homes []app.Home
	rpc   []*rpchttp.HTTP
	// nodes of the ledger; none in a network that accepts everything.
	nodes []*app.Node
	// committed counts transactions in blocks of the first node.
	committed func() int
}

// accepting is an application that takes whatever it is given and keeps nothing:
// what is left is the engine.
type accepting struct {
	cmtabci.BaseApplication
	height, count atomic.Int64
}

// Info implements abci.Application.
func (a *accepting) Info(context.Context, *cmtabci.RequestInfo) (*cmtabci.ResponseInfo, error) {
	return &cmtabci.ResponseInfo{LastBlockHeight: a.height.Load(), AppVersion: 1}, nil
}

// FinalizeBlock implements abci.Application.
func (a *accepting) FinalizeBlock(_ context.Context, req *cmtabci.RequestFinalizeBlock) (*cmtabci.ResponseFinalizeBlock, error) {
	resp := &cmtabci.ResponseFinalizeBlock{AppHash: make([]byte, 32)}
	for range req.Txs {
		resp.TxResults = append(resp.TxResults, new(cmtabci.ExecTxResult))
	}
	a.height.Store(req.Height)
	a.count.Add(int64(len(req.Txs)))
	return resp, nil
}

// newNetwork starts n validators.
func newNetwork(b *testing.B, n int, ledger bool) *network {
	b.Helper()
	nw := &network{b: b, c: fixture.NewConsortium(b, n)}
	nw.c.Time = time.Now().UTC().Truncate(time.Second).Add(-time.Second)
	nw.c.Params.Quotas, nw.c.Params.OperatorQuota = [3]record.Quota{}, record.Quota{}
	first, err := testnet.ReservePorts(testnet.FirstPort)
	if err != nil {
		b.Fatal(err)
	}
	var addresses, rpc []string
	for i := range n {
		h := app.Home(filepath.Join(b.TempDir(), "home"))
		p2pPort, rpcPort := first+2*i, first+2*i+1
		config := app.DefaultConfig()
		config.HTTP.Address, config.HTTP.MetricsAddress = "127.0.0.1:0", ""
		if _, err := app.Init(h, app.InitOptions{Moniker: fmt.Sprint("bench-", i), Config: config, Engine: func(c *cmtcfg.Config) {
			c.P2P.ListenAddress = fmt.Sprintf("tcp://127.0.0.1:%d", p2pPort)
			c.P2P.AllowDuplicateIP, c.P2P.AddrBookStrict = true, false
			c.RPC.ListenAddress = fmt.Sprintf("tcp://127.0.0.1:%d", rpcPort)
			c.Consensus.TimeoutCommit = timeoutCommit
			c.Instrumentation.Prometheus = false
		}}); err != nil {
			b.Fatal(err)
		}
		key := privval.LoadFilePV(nw.path(h, "config/priv_validator_key.json"), nw.path(h, "data/priv_validator_state.json"))
		nw.c.Operators[i].Validator = fixture.KeyOf(b, ed25519.PrivateKey(key.Key.PrivKey.Bytes()))
		nodeKey, err := p2p.LoadNodeKey(nw.path(h, "config/node_key.json"))
		if err != nil {
			b.Fatal(err)
		}
		nw.homes = append(nw.homes, h)
		addresses = append(addresses, fmt.Sprintf("%s@127.0.0.1:%d", nodeKey.ID(), p2pPort))
		rpc = append(rpc, fmt.Sprintf("http://127.0.0.1:%d", rpcPort))
	}
	doc, err := app.EncodeGenesis(nw.c.Genesis())
	if err != nil {
		b.Fatal(err)
	}
	for i, h := range nw.homes {
		if _, err := app.InstallGenesis(h, doc); err != nil {
			b.Fatal(err)
		}
		others := slices.Concat(addresses[:i], addresses[i+1:])
		nw.edit(h, `persistent_peers = ""`, fmt.Sprintf("persistent_peers = %q", strings.Join(others, ",")))
		if ledger {
			nw.startLedger(h)
		} else {
			nw.startAccepting(h, i == 0)
		}
		client, err := rpchttp.New(rpc[i], "/websocket")
		if err != nil {
			b.Fatal(err)
		}
		nw.rpc = append(nw.rpc, client)
	}
	if ledger {
		nw.committed = func() int { return int(nw.nodes[0].Status().GetLogSize()) }
	}
	for i := range nw.homes {
		nw.until("blocks are made", func() bool {
			s, err := nw.rpc[i].Status(context.Background())
			return err == nil && s.SyncInfo.LatestBlockHeight >= 2
		})
	}
	return nw
}

func (nw *network) path(h app.Home, name string) string { return filepath.Join(string(h), name) }

func (nw *network) edit(h app.Home, from, to string) {
	nw.b.Helper()
	path := nw.path(h, "config/config.toml")
	text, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(text), from) {
		nw.b.Fatalf("couldn't edit %s: %v", path, err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), from, to, 1)), 0o600); err != nil {
		nw.b.Fatal(err)
	}
}

func (nw *network) startLedger(h app.Home) {
	nw.b.Helper()
	config, err := app.LoadConfig(h)
	if err != nil {
		nw.b.Fatal(err)
	}
	n, err := app.Open(h, app.Options{Config: config, Version: "bench", Log: io.Discard})
	if err == nil {
		err = n.Start()
	}
	if err != nil {
		nw.b.Fatal(err)
	}
	nw.nodes = append(nw.nodes, n)
	nw.b.Cleanup(func() { _ = n.Stop() })
}

func (nw *network) startAccepting(h app.Home, counts bool) {
	nw.b.Helper()
	v := viper.New()
	v.SetConfigFile(nw.path(h, "config/config.toml"))
	config := cmtcfg.DefaultConfig()
	if err := v.ReadInConfig(); err != nil {
		nw.b.Fatal(err)
	}
	if err := v.Unmarshal(config); err != nil {
		nw.b.Fatal(err)
	}
	config.SetRoot(string(h))
	nodeKey, err := p2p.LoadNodeKey(config.NodeKeyFile())
	if err != nil {
		nw.b.Fatal(err)
	}
	a := new(accepting)
	n, err := node.NewNode(config, privval.LoadFilePV(config.PrivValidatorKeyFile(), config.PrivValidatorStateFile()), nodeKey,
		proxy.NewConnSyncLocalClientCreator(a),
		func() (*cmttypes.GenesisDoc, error) { return cmttypes.GenesisDocFromFile(config.GenesisFile()) },
		cmtcfg.DefaultDBProvider, node.DefaultMetricsProvider(config.Instrumentation), cmtlog.NewNopLogger())
	if err == nil {
		err = n.Start()
	}
	if err != nil {
		nw.b.Fatal(err)
	}
	if counts {
		nw.committed = func() int { return int(a.count.Load()) }
	}
	nw.b.Cleanup(func() { _ = n.Stop(); n.Wait() })
}

func (nw *network) until(what string, condition func() bool) {
	nw.b.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			nw.b.Fatalf("waited too long until %s", what)
		}
	}
}

// send offers transactions of one sender in their order over the engine's RPC; when
// there is no room it waits for some.
func (nw *network) send(client *rpchttp.HTTP, txs [][]byte) error {
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

// commit sends transactions, each sender's in order, and returns how long it took
// until the first node has all of them in blocks.
func (nw *network) commit(bySender [][][]byte) time.Duration {
	nw.b.Helper()
	want := nw.committed()
	for _, txs := range bySender {
		want += len(txs)
	}
	began := time.Now()
	var wg sync.WaitGroup
	for i, txs := range bySender {
		wg.Go(func() {
			if err := nw.send(nw.rpc[i%len(nw.rpc)], txs); err != nil {
				nw.b.Error(err)
			}
		})
	}
	wg.Wait()
	if nw.b.Failed() {
		nw.b.FailNow()
	}
	nw.until("everything is committed", func() bool { return nw.committed() >= want })
	return time.Since(began)
}

// cpuTime is what this process has used.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// load is the transactions of one run: registrations, then publishes, by sender.
func (nw *network) load() (register, publish [][][]byte, size int) {
	senders := sendersPerNode * len(nw.homes)
	register, publish = make([][][]byte, senders), make([][][]byte, senders)
	for i := range loadRepositories {
		p := nw.c.NewPublisher(fmt.Sprintf("registry.example.com/bench/app-%d", i))
		register[i%senders] = append(register[i%senders], p.Register(nw.c.Operators[0]))
		for v := range uint64(loadVersions) {
			tx := p.Publish(v+1, fixture.Tags{"latest": fmt.Sprint(v), "stable": "one"})
			publish[i%senders] = append(publish[i%senders], tx)
			size += len(tx)
		}
	}
	return register, publish, size / (loadRepositories * loadVersions)
}

// BenchmarkNetwork commits the same publishes, byte for byte the same kind, to
// networks of the ledger and of an application that accepts everything, through
// one engine with one configuration. Run it with -benchtime 1x: each run is a
// network of its own. The CPU time is that of the whole process, the sender's share
// included, over all validators.
func BenchmarkNetwork(b *testing.B) {
	for _, validators := range []int{1, 4} {
		for _, name := range []string{"accept", "ledger"} {
			b.Run(fmt.Sprintf("validators=%d/app=%s", validators, name), func(b *testing.B) {
				for b.Loop() {
					b.StopTimer()
					nw := newNetwork(b, validators, name == "ledger")
					register, publish, size := nw.load()
					nw.commit(register)
					b.StartTimer()
					before := cpuTime(b)
					took := nw.commit(publish)
					cpu := cpuTime(b) - before
					const n = loadRepositories * loadVersions
					b.ReportMetric(n/took.Seconds(), "publishes/s")
					b.ReportMetric(float64(cpu.Microseconds())/n/float64(validators), "cpu-µs/publish/validator")
					b.ReportMetric(float64(size), "tx-bytes")
				}
			})
		}
	}
}

// BenchmarkPublish is what a publisher waits for: POST /v1/tx on a network of four
// validators that has nothing else to do, one after the other.
func BenchmarkPublish(b *testing.B) {
	const samples = 40
	nw := newNetwork(b, 4, true)
	p := nw.c.NewPublisher(repository)
	nw.post(p.Register(nw.c.Operators[0]))
	var version uint64
	for b.Loop() {
		var took []time.Duration
		for range samples {
			version++
			tx := p.Publish(version, fixture.Tags{"latest": fmt.Sprint(version)})
			began := time.Now()
			nw.post(tx)
			took = append(took, time.Since(began))
		}
		slices.Sort(took)
		b.ReportMetric(float64(took[samples/2].Milliseconds()), "p50-ms")
		b.ReportMetric(float64(took[samples*99/100].Milliseconds()), "p99-ms")
	}
}

func (nw *network) post(tx []byte) {
	nw.b.Helper()
	resp, err := http.Post("http://"+nw.nodes[0].Address()+"/v1/tx", "application/octet-stream", strings.NewReader(string(tx)))
	if err != nil {
		nw.b.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
		nw.b.Fatalf("status %d: %s", resp.StatusCode, body)
	}
}

// BenchmarkLookup asks one node over HTTP, eight clients at once, for tags of
// repositories of different sizes. The clients share the machine with the node.
func BenchmarkLookup(b *testing.B) {
	nw := newNetwork(b, 1, true)
	for _, n := range []int{1, 100, 1000} {
		p := nw.c.NewPublisher(fmt.Sprintf("registry.example.com/bench/tags-%d", n))
		nw.post(p.Register(nw.c.Operators[0]))
		nw.post(p.Publish(1, tags(n)))
	}
	address := "http://" + nw.nodes[0].Address() + "/v1/resolve?ref="
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	get := func(ref string) (int, error) {
		resp, err := client.Get(address + url.QueryEscape(ref))
		if err != nil {
			return 0, err
		}
		defer func() { _ = resp.Body.Close() }()
		body, err := io.ReadAll(resp.Body)
		if err == nil && resp.StatusCode != http.StatusOK {
			err = fmt.Errorf("status %d: %.200s", resp.StatusCode, body)
		}
		return len(body), err
	}
	for _, n := range []int{1, 100, 1000} {
		ref := fmt.Sprintf("registry.example.com/bench/tags-%d:v0", n)
		nw.until("the publish is provable", func() bool { _, err := get(ref); return err == nil })
		b.Run(fmt.Sprintf("tags=%d", n), func(b *testing.B) {
			var size atomic.Int64
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					n, err := get(ref)
					if err != nil {
						b.Error(err)
						return
					}
					size.Store(int64(n))
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lookups/s")
			b.ReportMetric(float64(size.Load()), "answer-bytes")
		})
	}
}
