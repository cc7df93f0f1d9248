package regressions

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	cmtabci "github.com/cometbft/cometbft/abci/types"
	cmtcfg "github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/mempool"
	"github.com/cometbft/cometbft/proxy"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/prometheus/client_golang/prometheus"

	"hullmark/abci"
	"hullmark/bundle"
	"hullmark/bundle/bundletest"
	"hullmark/client"
	"hullmark/internal/fixture"
	"hullmark/ledger"
	"hullmark/merkle/store"
	"hullmark/query"
	"hullmark/reference"
)

// clientOf returns a client that knows one node and a trust anchor.
func clientOf(t *testing.T, url string) *client.Client {
	t.Helper()
	c := fixture.NewConsortium(t, 4)
	chain := bundletest.NewChain(t, c)
	chain.Commit()
	chain.Commit()
	out, err := client.New(client.Options{Nodes: []string{url}, Store: client.NewMemoryStore(bundle.NewMemory(chain.Anchor(1))), Hedge: -1})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var question = query.Resolve{
	Repository: reference.MustParseRepository("registry.example.com/app"), Tag: reference.MustParseTag("latest"),
}

// TestRegr_R21HugeAnswers: a node that answers a gigabyte is given up after a
// bounded number of bytes, whether it announces them or not and whether they are
// compressed or not.
func TestRegr_R21HugeAnswers(t *testing.T) {
	const gigabyte = 1 << 30
	piece := bytes.Repeat([]byte("["), 1<<16)
	for _, tc := range []struct {
		name   string
		header http.Header
	}{
		{"announced", http.Header{"Content-Length": {fmt.Sprint(gigabyte)}}},
		{"not announced", http.Header{}},
		{"compressed", http.Header{"Content-Encoding": {"gzip"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var written atomic.Int64
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				for k, v := range tc.header {
					w.Header()[k] = v
				}
				for written.Load() < gigabyte {
					n, err := w.Write(piece)
					written.Add(int64(n))
					if err != nil {
						return
					}
				}
			}))
			defer s.Close()
			c := clientOf(t, s.URL)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, _, _, err := c.Resolve(t.Context(), question)
			runtime.ReadMemStats(&after)
			if err == nil || client.ClassOf(err) == bundle.NotTrusted {
				t.Fatalf("verdict %v", err)
			}
			// Read to a buffer that doubles: a few times the bound on an answer.
			if used := after.HeapSys - before.HeapSys; after.HeapSys > before.HeapSys && used > 128<<20 {
				t.Errorf("the heap grew by %d MiB", used>>20)
			}
			if written.Load() > gigabyte/4 {
				t.Errorf("%d MiB were taken", written.Load()>>20)
			}
		})
	}
}

// TestRegr_R21Gzip: a client asks for no compressed answer and unpacks none, such as a
// gigabyte of nothing in a megabyte.
func TestRegr_R21Gzip(t *testing.T) {
	const gigabyte = 1 << 30
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	nothing := make([]byte, 1<<20)
	for range gigabyte / len(nothing) {
		if _, err := z.Write(nothing); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	var asked, offered atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			offered.Add(1)
		}
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(packed.Bytes()) // the client goes away before the end
	}))
	defer s.Close()
	c := clientOf(t, s.URL)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _, _, err := c.Resolve(t.Context(), question)
	runtime.ReadMemStats(&after)
	if err == nil || client.ClassOf(err) == bundle.NotTrusted {
		t.Errorf("verdict %v", err)
	}
	if asked.Load() == 0 || offered.Load() != 0 {
		t.Errorf("%d of %d requests ask for gzip", offered.Load(), asked.Load())
	}
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 64<<20 {
		t.Errorf("%d MiB were allocated for it", allocated>>20)
	}
}

// TestRegr_C08Duplicates: one transaction a hundred thousand times, from four senders at
// once, is judged once and takes no memory that lasts.
func TestRegr_C08Duplicates(t *testing.T) {
	const senders, copies = 4, 25_000
	c := fixture.NewConsortium(t, 4)
	a := newApplication(t, c, nil)
	conn, err := abci.NewClientCreator(a).NewABCIClient()
	if err != nil {
		t.Fatal(err)
	}
	config := cmtcfg.DefaultMempoolConfig()
	pool := mempool.NewCListMempool(config, proxy.NewAppConnMempool(conn, proxy.NopMetrics()), 0)
	a.Follow(pool)
	tx := c.NewPublisher("registry.example.com/again").Register(c.Operators[0])
	verdict := make(chan uint32, 1)
	if err := pool.CheckTx(tx, func(r *cmtabci.ResponseCheckTx) { verdict <- r.Code }, mempool.TxInfo{}); err != nil {
		t.Fatal(err)
	}
	if code := <-verdict; code != 0 {
		t.Fatalf("code %d", code)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var wg sync.WaitGroup
	for i := range senders {
		wg.Go(func() {
			for range copies {
				if err := pool.CheckTx(slices.Clone(tx), nil, mempool.TxInfo{SenderID: uint16(i + 1)}); !errors.Is(err, mempool.ErrTxInCache) {
					t.Errorf("a copy: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	runtime.GC()
	runtime.ReadMemStats(&after)
	if pool.Size() != 1 {
		t.Errorf("%d wait", pool.Size())
	}
	if after.HeapAlloc > before.HeapAlloc+8<<20 {
		t.Errorf("the heap grew by %d MiB", (after.HeapAlloc-before.HeapAlloc)>>20)
	}
}

// newApplication returns the application of a consortium on an empty ledger.
func newApplication(t *testing.T, c *fixture.Consortium, registry *prometheus.Registry) *abci.Application {
	t.Helper()
	g := c.Genesis()
	st, err := store.Open(dbm.NewMemDB(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := ledger.New(g, st)
	if err != nil {
		t.Fatal(err)
	}
	o := abci.Options{Log: slog.New(slog.DiscardHandler), Fatal: func(err error) { t.Errorf("fatal: %v", err) }}
	if registry != nil {
		o.Metrics = abci.NewMetrics(registry)
	}
	a, err := abci.New(g, l, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

// TestRegr_R23Redirects: a node cannot send a client to somebody else.
func TestRegr_R23Redirects(t *testing.T) {
	var asked atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL+r.URL.String(), status)
		}))
		c := clientOf(t, s.URL)
		if _, _, _, err := c.Resolve(t.Context(), question); !errors.Is(err, client.ErrResponse) {
			t.Errorf("%d: %v", status, err)
		}
		s.Close()
	}
	if asked.Load() != 0 {
		t.Errorf("it was followed %d times", asked.Load())
	}
}

// TestRegr_R24Labels: what people do does not make more time series.
func TestRegr_R24Labels(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	registry := prometheus.NewRegistry()
	a := newApplication(t, c, registry)
	height := c.InitialHeight
	work := func(from, to int) {
		for i := from; i < to; i++ {
			p := c.NewPublisher(fmt.Sprintf("registry.example.com/cardinality/r%d", i))
			txs := [][]byte{p.Register(c.Operators[0]), p.Publish(1, fixture.Tags{"1.0": "one"}), p.Publish(1, nil), p.Publish(7, nil), []byte("noise")}
			for _, tx := range txs {
				if _, err := a.CheckTx(t.Context(), &cmtabci.RequestCheckTx{Tx: tx}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := a.FinalizeBlock(t.Context(), &cmtabci.RequestFinalizeBlock{Height: int64(height), Time: c.BlockTime(height), Txs: txs}); err != nil {
				t.Fatal(err)
			}
			if _, err := a.Commit(context.Background(), new(cmtabci.RequestCommit)); err != nil {
				t.Fatal(err)
			}
			height++
		}
	}
	series := func() int {
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		count := 0
		for _, f := range families {
			for _, m := range f.GetMetric() {
				count++
				for _, label := range m.GetLabel() {
					if strings.Contains(label.GetValue(), "cardinality") || strings.Contains(label.GetValue(), "/") {
						t.Errorf("%s has label %s=%q", f.GetName(), label.GetName(), label.GetValue())
					}
				}
			}
		}
		return count
	}
	work(0, 5)
	before := series()
	work(5, 80)
	if after := series(); before == 0 || after != before {
		t.Errorf("%d time series became %d", before, after)
	}
}

// TestRegr_C06VoteExtensions: they are off, in every genesis, for ever.
func TestRegr_C06VoteExtensions(t *testing.T) {
	doc, err := abci.GenesisDoc(fixture.NewConsortium(t, 4).Genesis())
	if err != nil {
		t.Fatal(err)
	}
	if h := doc.ConsensusParams.ABCI.VoteExtensionsEnableHeight; h != 0 {
		t.Errorf("vote extensions begin at height %d", h)
	}
}
