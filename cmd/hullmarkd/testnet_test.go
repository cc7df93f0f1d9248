package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"hullmark/client"
	"hullmark/internal/testnet"
)

// TestTestnetMakesAClient: what testnet leaves can be used as its last lines say, with a
// trust anchor where the nodes run on this machine.
func TestTestnetMakesAClient(t *testing.T) {
	first, err := testnet.ReservePorts(testnet.FirstPort)
	if err != nil {
		t.Fatal(err)
	}
	for name, flags := range map[string]string{
		"here":       "--starting-port " + strconv.Itoa(first),
		"containers": "--hostname node%d",
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "net")
			args := append([]string{"testnet", "--validators", "1", "--dir", dir, "--output", "json"}, strings.Fields(flags)...)
			stdout, _ := check(t, exitOK, args...)
			var a networkAnswer
			if err := json.Unmarshal([]byte(stdout), &a); err != nil {
				t.Fatalf("%q: %v", stdout, err)
			}
			home, err := client.OpenHome(a.Client)
			if err != nil {
				t.Fatal(err)
			}
			config, err := client.LoadConfig(a.Client)
			if err != nil || len(config.Nodes) != 1 || config.Nodes[0] != a.Nodes[0].URL {
				t.Errorf("nodes %q, %v", config.Nodes, err)
			}
			anchor, err := home.Anchor()
			if here := name == "here"; here != a.TrustAnchor || here != (err == nil) || here && anchor.Ledger != a.Ledger {
				t.Errorf("trust anchor %v, %v; the answer says %v", anchor, err, a.TrustAnchor)
			}
			if keys, err := filepath.Glob(filepath.Join(a.Client, "keys", "*")); len(keys) > 0 || err != nil {
				t.Errorf("the client has keys: %q, %v", keys, err)
			}
		})
	}
}

// TestTestnetSaysWhatIsNext: the last lines lead on, and don't where there is JSON.
func TestTestnetSaysWhatIsNext(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "net")
	stdout, _ := check(t, exitOK, "testnet", "--dir", dir, "--hostname", "node%d")
	for _, want := range []string{
		"\nNext: start each node", "hullmarkd trust-anchor --home " + dir + "/node0 --node URL --file trust.json\n",
		"export HULLMARK_HOME=" + dir + "/client", "hullmark trust import trust.json --node URL\n", "hullmark status\n",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("%q lacks %q", stdout, want)
		}
	}
}

// TestFirstSteps: how to publish something is said as long as the client has no keys.
// Afterwards the same commands would fail.
func TestFirstSteps(t *testing.T) {
	dir := t.TempDir()
	n := &testnet.Network{Dir: dir, PassphraseFile: "p", Operators: []testnet.Operator{{KeyFile: "k", Namespaces: []string{"localhost:5000"}}}}
	if text := firstSteps(n); !strings.Contains(text, "hullmark key generate offline") || !strings.Contains(text, "hullmark verify localhost:5000/demo/app:v1\n") {
		t.Errorf("the first time: %s", text)
	}
	keys := filepath.Join(n.ClientHome(), "keys")
	if err := os.MkdirAll(keys, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(keys, "offline.key"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if text := firstSteps(n); strings.Contains(text, "generate") || !strings.Contains(text, "hullmark key list\n") || !strings.Contains(text, "hullmark status\n") {
		t.Errorf("later: %s", text)
	}
}

// TestPortsTaken: where the ports of a new network are taken nothing is made, so that the
// flag which the hint names works.
func TestPortsTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	port := l.Addr().(*net.TCPAddr).Port
	for _, command := range []string{"devnet", "testnet"} {
		dir := filepath.Join(t.TempDir(), "net")
		_, stderr := check(t, exitError, command, "--dir", dir, "--starting-port", strconv.Itoa(port))
		if !strings.Contains(stderr, fmt.Sprintf("couldn't use port %d of node 0", port)) || !strings.Contains(stderr, "other ports with --starting-port") {
			t.Errorf("%s: %s", command, stderr)
		}
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s left %s behind: %v", command, dir, err)
		}
	}
	// One that is there keeps its ports: another network is what --starting-port makes.
	dir := filepath.Dir(home(t, port))
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"devnet", "--dir", dir}, &stdout, &stderr); code != exitError ||
		!strings.Contains(stderr.String(), "hullmarkd: hint: stop what listens there (`ss -ltnp` shows it; another devnet, perhaps), or make another network with --dir and --starting-port\n") {
		t.Errorf("exit status %d, %s", code, &stderr)
	}
}

// TestNoPermission: who may not write somewhere is told what to do.
func TestNoPermission(t *testing.T) {
	for _, err := range []error{syscall.EACCES, syscall.EPERM} {
		code, hint := explain(fmt.Errorf("couldn't create home: %w", &fs.PathError{Op: "mkdir", Path: "/x", Err: err}))
		if code != "permission" || !strings.Contains(hint, "--home") {
			t.Errorf("%v: %s, %s", err, code, hint)
		}
	}
}
