package app

import (
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"

	cmtcfg "github.com/cometbft/cometbft/config"
)

// TestAddressesTaken: any port that is taken stops the start before anything has begun,
// with the setting, its file and the command that shows who has it.
func TestAddressesTaken(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	address := taken.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	h := Home("/home")
	for _, tc := range []struct {
		setting, file string
		change        func(*HTTPConfig, *cmtcfg.Config)
	}{
		{"http.address", h.configFile(), func(c *HTTPConfig, _ *cmtcfg.Config) { c.Address = address }},
		{"http.metrics_address", h.configFile(), func(c *HTTPConfig, _ *cmtcfg.Config) { c.MetricsAddress = address }},
		{"p2p.laddr", h.engineConfigFile(), func(_ *HTTPConfig, e *cmtcfg.Config) { e.P2P.ListenAddress = "tcp://" + address }},
		{"rpc.laddr", h.engineConfigFile(), func(_ *HTTPConfig, e *cmtcfg.Config) { e.RPC.ListenAddress = "tcp://" + address }},
		{"rpc.grpc_laddr", h.engineConfigFile(), func(_ *HTTPConfig, e *cmtcfg.Config) { e.RPC.GRPCListenAddress = "tcp://" + address }},
		{"rpc.pprof_laddr", h.engineConfigFile(), func(_ *HTTPConfig, e *cmtcfg.Config) { e.RPC.PprofListenAddress = address }},
		{"priv_validator_laddr", h.engineConfigFile(), func(_ *HTTPConfig, e *cmtcfg.Config) { e.PrivValidatorListenAddr = "tcp://" + address }},
		{"priv_validator_laddr", h.engineConfigFile(), func(_ *HTTPConfig, e *cmtcfg.Config) {
			e.PrivValidatorListenAddr = "noise://0123456789abcdef@" + address
		}},
		{"instrumentation.prometheus_listen_addr", h.engineConfigFile(), func(_ *HTTPConfig, e *cmtcfg.Config) {
			e.Instrumentation.Prometheus, e.Instrumentation.PrometheusListenAddr = true, address
		}},
		{"", "", func(_ *HTTPConfig, e *cmtcfg.Config) { e.Instrumentation.PrometheusListenAddr = address }}, // not listened on
		{"", "", func(_ *HTTPConfig, e *cmtcfg.Config) { e.PrivValidatorListenAddr = "unix:///run/signer.sock" }},
		{"", "", func(*HTTPConfig, *cmtcfg.Config) {}},
	} {
		c, e := HTTPConfig{Address: "127.0.0.1:0"}, engineConfig(h, "node")
		quickEngine(e)
		tc.change(&c, e)
		err := checkAddresses(addresses(h, c, e))
		if tc.setting == "" {
			if err != nil {
				t.Errorf("refused: %v", err)
			}
			continue
		}
		var advised *Advised
		if !errors.As(err, &advised) || !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("%s: %v", tc.setting, err)
			continue
		}
		for _, part := range []string{"ss -ltnp 'sport = :" + port + "'", tc.setting + " in " + tc.file} {
			if !strings.Contains(advised.Advice, part) {
				t.Errorf("%s: %q lacks %q", tc.setting, advised.Advice, part)
			}
		}
	}
	// Two settings of one node, not another program.
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	same := free.Addr().String()
	if err := free.Close(); err != nil {
		t.Fatal(err)
	}
	e := engineConfig(h, "node")
	quickEngine(e)
	e.RPC.ListenAddress = "tcp://" + same
	var advised *Advised
	if err := checkAddresses(addresses(h, HTTPConfig{Address: same}, e)); !errors.As(err, &advised) || !strings.Contains(advised.Advice, "http.address in "+h.configFile()+" has the same port") {
		t.Errorf("the same port twice: %v", err)
	}
	e.RPC.ListenAddress = "tcp://192.0.2.1:1" // of documentation, and of no machine
	if err := checkAddresses(addresses(h, HTTPConfig{Address: "127.0.0.1:0"}, e)); !errors.As(err, &advised) || !strings.Contains(advised.Advice, "change rpc.laddr in") {
		t.Errorf("another machine's address: %v", err)
	}
}
