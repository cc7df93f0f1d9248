package app

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	cmtcfg "github.com/cometbft/cometbft/config"
)

// listening is an address that a node listens on.
type listening struct{ setting, file, address string }

// addresses returns where a node listens, and which setting says so.
func addresses(h Home, c HTTPConfig, e *cmtcfg.Config) []listening {
	own, engine := h.configFile(), h.engineConfigFile()
	all := []listening{
		{"http.address", own, c.Address}, {"http.metrics_address", own, c.MetricsAddress},
		{"p2p.laddr", engine, e.P2P.ListenAddress}, {"rpc.laddr", engine, e.RPC.ListenAddress},
		{"rpc.grpc_laddr", engine, e.RPC.GRPCListenAddress}, {"rpc.pprof_laddr", engine, e.RPC.PprofListenAddress},
		{"priv_validator_laddr", engine, e.PrivValidatorListenAddr},
	}
	if e.Instrumentation.Prometheus {
		all = append(all, listening{"instrumentation.prometheus_listen_addr", engine, e.Instrumentation.PrometheusListenAddr})
	}
	var out []listening
	for _, l := range all {
		scheme, rest, named := strings.Cut(l.address, "://")
		switch {
		case l.address == "" || named && scheme != "tcp" && scheme != "noise":
			continue // a socket of the file system
		case named:
			_, after, peer := strings.Cut(rest, "@")
			if l.address = rest; peer {
				l.address = after
			}
		}
		out = append(out, l)
	}
	return out
}

// checkAddresses refuses to start where another program listens: the engine finds out
// late, and for its metrics not at all.
func checkAddresses(list []listening) error {
	var open []net.Listener
	defer func() {
		for _, l := range open {
			_ = l.Close()
		}
	}()
	for i, l := range list {
		ln, err := net.Listen("tcp", l.address)
		if err == nil {
			open = append(open, ln)
			continue
		}
		err = fmt.Errorf("couldn't listen on %s, which is %s in %s: %w", l.address, l.setting, l.file, err)
		_, port, _ := net.SplitHostPort(l.address)
		for _, before := range list[:i] {
			if _, p, _ := net.SplitHostPort(before.address); p == port && errors.Is(err, syscall.EADDRINUSE) {
				return advise(err, "%s in %s has the same port; change one of them", before.setting, before.file)
			}
		}
		if errors.Is(err, syscall.EADDRINUSE) {
			return advise(err, "another program listens there: `ss -ltnp 'sport = :%s'` shows which; stop it, or change %s in %s", port, l.setting, l.file)
		}
		return advise(err, "change %s in %s to an address and port that this user may listen on", l.setting, l.file)
	}
	return nil
}
