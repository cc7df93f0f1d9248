package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"hullmark/app"
	"hullmark/internal/cli"
	"hullmark/internal/testnet"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"hullmarkd": main})
}

// check runs hullmarkd and returns what it wrote; the exit status must be the one
// wanted, and a failure is told in the style of the program.
func check(t *testing.T, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, failure bytes.Buffer
	code := run(t.Context(), args, &out, &failure)
	if code != want {
		t.Errorf("%q: exit status %d, want %d; %s%s", args, code, want, &out, &failure)
	}
	if code != exitOK && !strings.HasPrefix(failure.String(), "hullmarkd: error: ") {
		t.Errorf("%q: standard error %q", args, &failure)
	}
	return out.String(), failure.String()
}

// TestUsage runs what nobody should type. Every case is refused with exit status 2,
// says why in one line and hints, and leaves no home behind.
func TestUsage(t *testing.T) {
	for _, tc := range []struct{ name, args, want string }{
		{"unknown command", "bogus", "unknown command"},
		{"misspelt command", "stat", "did you mean"},
		{"unknown flag", "status --fast", "unknown flag"},
		{"argument for init", "init now", "unknown command"},
		{"argument for start", "start now", "unknown command"},
		{"unknown output", "status --output xml", "unknown output"},
		{"unknown output of a named node", "status --node http://127.0.0.1:1 --output xml", "unknown output"},
		{"port offset too large", "init --port-offset 40000", "port offset"},
		{"remote signer of an unknown kind", "init --remote-signer http://localhost:1", "priv_validator_laddr"},
		{"card without id", "operator-card --address a:1", "--id"},
		{"card of a bad id", "operator-card --id Acme --address a:1 --url http://a --notary-key n.pub --key a.key", "operator id"},
		{"card without governance key", "operator-card --id acme --address a:1 --url http://a --notary-key n.pub", "--governance-key"},
		{"card with two governance keys", "operator-card --id acme --address a:1 --url http://a --notary-key n.pub --key a.key --governance-key a.pub", "--governance-key"},
		{"card of a bad namespace", "operator-card --id acme --address a:1 --url http://a --notary-key n.pub --key a.key --namespace Acme", "namespace"},
		{"card of a bad validator key", "operator-card --id acme --address a:1 --url http://a --notary-key n.pub --key a.key --validator-key 00", "64 hex digits"},
		{"card for a bad output", "operator-card --output xml", "unknown output"},
		{"signing nothing", "operator-card sign", "arg(s)"},
		{"signing without a key", "operator-card sign a.card", "--key"},
		{"showing nothing", "operator-card show", "arg(s)"},
		{"genesis of nobody", "genesis create --name demo", "arg(s)"},
		{"genesis without a name", "genesis create a.card", "--name"},
		{"genesis without a time", "genesis create a.card --name demo", "--time"},
		{"genesis at no time", "genesis create a.card --name demo --time tomorrow", "time"},
		{"genesis between two seconds", "genesis create a.card --name demo --time 2027-01-01T00:00:00.5Z", "time"},
		{"parameter without value", "genesis create a.card --name demo --param max_block_work", "NAME=VALUE"},
		{"unknown parameter", "genesis create a.card --name demo --param colour=1", "there is no parameter"},
		{"parameter out of range", "genesis create a.card --name demo --param max_block_work=0", "max_block_work"},
		{"two geneses", "genesis show a b", "arg(s)"},
		{"testnet without directory", "testnet", "--dir"},
		{"testnet without directory in text", "testnet --output text", "--dir"},
		{"testnet with another output", "testnet --output net", "unknown output"},
		{"testnet of nobody", "testnet --validators 0 --dir x", "from 1 to 100"},
		{"testnet of too many", "testnet --validators 101 --dir x", "from 1 to 100"},
		{"testnet of a bad name", "testnet --name Dev --dir x", "name"},
		{"testnet of a bad namespace", "testnet --namespace Registry --dir x", "Registry"},
		{"testnet with a namespace twice", "testnet --namespace a.example --namespace a.example/b --dir x", "overlap"},
		{"testnet with another's namespace", "testnet --namespace registry-1.example.com --dir x", "overlap"},
		{"testnet beyond the last port", "testnet --starting-port 65500 --dir x", "ports"},
		{"testnet on no port", "testnet --starting-port 0 --dir x", "ports"},
		{"testnet on one host", "testnet --hostname node --dir x", "%d"},
		{"testnet on a bad host", "testnet --hostname node_%d --dir x", "hostname"},
		{"testnet on a twofold host", "testnet --hostname node%d-%d --dir x", "hostname"},
		{"testnet of many words", "testnet --validators many --dir x", "invalid argument"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			t.Setenv("HULLMARKD_HOME", "home")
			_, stderr := check(t, exitUsage, strings.Fields(tc.args)...)
			lines := strings.Split(strings.TrimSuffix(stderr, "\n"), "\n")
			if len(lines) != 2 || !strings.Contains(lines[0], tc.want) || !strings.HasPrefix(lines[1], "hullmarkd: hint: ") {
				t.Errorf("%q, want %q and a hint", lines, tc.want)
			}
			if files, err := os.ReadDir("."); err != nil || len(files) > 0 {
				t.Errorf("left behind: %v %v", files, err)
			}
		})
	}
}

// home returns a home of a network that does not run; its node would listen on
// the port.
func home(t *testing.T, port int) string {
	t.Helper()
	ports := testnet.DefaultPorts()
	ports.HTTP = port
	n, err := testnet.Create(testnet.Options{
		Dir: filepath.Join(t.TempDir(), "net"), Name: "test", Validators: 1, Namespaces: []string{"registry.example.com"},
		Ports: ports, GenesisTime: time.Now(), TimeoutCommit: localTimeoutCommit, Log: app.DefaultConfig().Log,
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(n.Nodes[0].Home)
}

func TestNodeDown(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	dir := home(t, port)
	file := filepath.Join(t.TempDir(), "trust.json")
	for _, args := range [][]string{
		{"status", "--home", dir},
		{"status", "--home", dir, "--node", fmt.Sprintf("http://127.0.0.1:%d", port)},
		{"trust-anchor", "--home", dir, "--file", file},
	} {
		_, stderr := check(t, exitUnreachable, args...)
		if !strings.Contains(stderr, "does not answer") || !strings.Contains(stderr, "hint: is the node running?") {
			t.Errorf("%q: %s", args, stderr)
		}
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("a trust anchor is left behind: %v", err)
	}
}

// TestNodeRefuses checks that a node which answers is not called unreachable.
func TestNodeRefuses(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"code":"not-ready","message":"no block yet"}`))
	}))
	t.Cleanup(server.Close)
	dir := home(t, server.Listener.Addr().(*net.TCPAddr).Port)
	for _, command := range []string{"status", "trust-anchor"} {
		_, stderr := check(t, exitError, command, "--home", dir)
		if !strings.Contains(stderr, "not-ready: no block yet") || strings.Contains(stderr, "does not answer") {
			t.Errorf("%s: %s", command, stderr)
		}
	}
}

func TestStatus(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"moniker":"own"}`))
	}))
	t.Cleanup(server.Close)
	dir := home(t, server.Listener.Addr().(*net.TCPAddr).Port)
	if stdout, _ := check(t, exitOK, "status", "--home", dir); !strings.Contains(stdout, "own") {
		t.Errorf("%q", stdout)
	}
	stdout, _ := check(t, exitOK, "status", "--home", dir, "--output", "json")
	var answer struct{ Moniker string }
	if err := json.Unmarshal([]byte(stdout), &answer); err != nil || answer.Moniker != "own" {
		t.Errorf("%q: %v", stdout, err)
	}
}

// TestReady: scripts and health checks ask with the exit status.
func TestReady(t *testing.T) {
	ready := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			_, _ = w.Write([]byte(`{"moniker":"own"}`))
			return
		}
		w.WriteHeader(ready)
		_, _ = w.Write([]byte("not ready: catching up with the network\n"))
	}))
	t.Cleanup(server.Close)
	check(t, exitOK, "status", "--node", server.URL, "--ready")
	ready = http.StatusServiceUnavailable
	_, stderr := check(t, exitError, "status", "--node", server.URL, "--ready")
	if !strings.Contains(stderr, "the node is not ready: catching up with the network\n") {
		t.Errorf("%q", stderr)
	}
	check(t, exitOK, "status", "--node", server.URL)

	// In JSON: the error object, and without --ready the answer with the reason.
	stdout, _ := check(t, exitError, "status", "--node", server.URL, "--ready", "--output", "json")
	var told struct{ Error cli.Failure }
	if err := json.Unmarshal([]byte(stdout), &told); err != nil || told.Error.Code != "not-ready" || told.Error.ExitCode != exitError ||
		!strings.HasSuffix(told.Error.Message, "the node is not ready: catching up with the network") || told.Error.Hint == "" {
		t.Errorf("%q, %v", stdout, err)
	}
	for status, want := range map[int]string{http.StatusOK: `"ready":true,"moniker"`, http.StatusServiceUnavailable: `"ready":false,"not_ready":"catching up with the network"`} {
		ready = status
		if stdout, _ := check(t, exitOK, "status", "--node", server.URL, "--output", "json"); !strings.Contains(stdout, want) {
			t.Errorf("%d: %s lacks %s", status, stdout, want)
		}
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	if code := run(ctx, []string{"status", "--node", "http://127.0.0.1:1"}, &out, &out); code != exitInterrupted {
		t.Errorf("exit status %d, %s", code, &out)
	}
}

// TestClockStatus: a slow clock has an exit status of its own, and the last line names
// the clock and by how much it is wrong.
func TestClockStatus(t *testing.T) {
	err := fmt.Errorf("couldn't go on: %w: %w", &app.ClockError{Behind: 33 * time.Second}, app.ErrConsensusFailed)
	if code := exitCode(err); code != exitClock {
		t.Errorf("exit status %d", code)
	}
	if _, h := explain(err); !strings.Contains(h, "clock is 33s behind") {
		t.Errorf("hint %q", h)
	}
}

// TestDevnetIsMadeOnce: flags that would make another network are refused where there is
// one, instead of being ignored.
func TestDevnetIsMadeOnce(t *testing.T) {
	dir := filepath.Dir(home(t, 1))
	for _, flag := range []string{"--validators 7", "--name other", "--namespace other.example", "--starting-port 30000"} {
		args := append([]string{"devnet", "--dir", dir}, strings.Fields(flag)...)
		name, _, _ := strings.Cut(flag, " ")
		if _, stderr := check(t, exitUsage, args...); !strings.Contains(stderr, "is made already, and "+name) {
			t.Errorf("%s: %s", flag, stderr)
		}
	}
}

// TestUnitNeverGivesUp: whatever ends a node is mended while nobody is there to start it.
func TestUnitNeverGivesUp(t *testing.T) {
	b, err := os.ReadFile("../../networks/systemd/hullmarkd.service")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"Restart=on-failure", "RestartSec=30", "StartLimitIntervalSec=0"} {
		if !strings.Contains(string(b), "\n"+line+"\n") {
			t.Errorf("no line %q", line)
		}
	}
}

// panics is a writer with a defect.
type panics struct{}

func (panics) Write([]byte) (int, error) { panic("defect") }

// TestPanic checks that a defect does not look like a usage error.
func TestPanic(t *testing.T) {
	var stderr bytes.Buffer
	if code := run(t.Context(), []string{"version"}, panics{}, &stderr); code != exitError || !strings.Contains(stderr.String(), "internal error: defect") {
		t.Errorf("exit status %d, %q", code, &stderr)
	}
}
