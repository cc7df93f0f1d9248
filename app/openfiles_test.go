package app

import (
	"errors"
	"strings"
	"testing"

	cmtcfg "github.com/cometbft/cometbft/config"

	"hullmark/app/admission"
)

// TestPlanFiles: whatever may be open, databases, engine and API together open no more,
// and what is too little for all of them stops the start.
func TestPlanFiles(t *testing.T) {
	c := func(change func(*cmtcfg.Config)) *cmtcfg.Config {
		c := engineConfig("home", "node")
		c.P2P.PersistentPeers = "a@x:1,b@y:1, c@z:1"
		if change != nil {
			change(c)
		}
		return c
	}
	// 64 of its own, 16 for metrics, 53 peers, 100 for RPC, 3 for the engine's metrics.
	const fixed = 64 + 16 + 40 + 10 + 3 + 100 + 3
	const few, plenty = fixed + 4*100, fixed + 4*500
	for _, tc := range []struct {
		name   string
		limit  uint64
		change func(*cmtcfg.Config)
		want   openFiles // zero: refused
	}{
		{"nothing", 0, nil, openFiles{}},
		{"one too few", few + 63, nil, openFiles{}},
		{"least", few + 64, nil, openFiles{64, 100}},
		{"the classic limit", 1024, nil, openFiles{1024 - few, 100}},
		{"one below all connections", few + 2047, nil, openFiles{2047, 100}},
		{"all connections", few + 2048, nil, openFiles{2048, 100}},
		{"one below all tables", plenty + 2047, nil, openFiles{2048, 100}},
		{"all tables", plenty + 2048, nil, openFiles{2048, 500}},
		{"without bound", 1<<64 - 1, nil, openFiles{2048, 500}},
		{"without RPC", few + 64 - 100, func(c *cmtcfg.Config) { c.RPC.ListenAddress = "" }, openFiles{64, 100}},
		{"gRPC too", few + 64, func(c *cmtcfg.Config) { c.RPC.GRPCListenAddress = "tcp://127.0.0.1:1" }, openFiles{}},
		{"more peers", few + 64, func(c *cmtcfg.Config) { c.P2P.MaxNumInboundPeers++ }, openFiles{}},
		{"without engine metrics", few + 61, func(c *cmtcfg.Config) { c.Instrumentation.Prometheus = false }, openFiles{64, 100}},
		{"RPC without bound", 1 << 20, func(c *cmtcfg.Config) { c.RPC.MaxOpenConnections = 0 }, openFiles{}},
	} {
		got, err := planFiles(tc.limit, c(tc.change))
		if got != tc.want || (err != nil) != (tc.want == openFiles{}) {
			t.Errorf("%s: %+v, %v; want %+v", tc.name, got, err, tc.want)
		}
		if err != nil && !errors.Is(err, ErrFewFiles) && !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

// TestFewFiles: a node that may open too few files does not start, and one that may
// open few takes fewer connections and says so.
func TestFewFiles(t *testing.T) {
	h, _ := newHome(t, 1)
	log := new(journal)
	_, err := Open(h, Options{Config: quick(), Log: log, Hooks: Hooks{FileLimit: 256}})
	var advised *Advised
	if !errors.Is(err, ErrFewFiles) || !strings.Contains(err.Error(), "256, and it needs ") || !errors.As(err, &advised) || !strings.Contains(advised.Advice, "`ulimit -n 65536`") {
		t.Errorf("256 files: %v", err)
	}
	n, err := Open(h, Options{Config: quick(), Log: log, Hooks: Hooks{FileLimit: 1024}})
	if err != nil {
		t.Fatal(err)
	}
	start(t, n)
	if most := n.api.limits.Most(); most < leastConnections || most >= 1024-nodeDatabases*fewDatabaseFiles || most == admission.MaxConnections {
		t.Errorf("%d connections", most)
	}
	if !strings.Contains(log.String(), "few files may be open") {
		t.Error("nothing is said of it")
	}
}
