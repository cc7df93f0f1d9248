package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestStartHints: what stops a start is said with file, setting and the next command.
func TestStartHints(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	address := taken.Addr().(*net.TCPAddr)
	dir := home(t, address.Port)
	own, engine := filepath.Join(dir, "config", "hullmarkd.toml"), filepath.Join(dir, "config", "config.toml")
	expect := func(name string, parts ...string) {
		t.Helper()
		_, stderr := check(t, exitError, "start", "--home", dir)
		for _, part := range parts {
			if !strings.Contains(stderr, part) {
				t.Errorf("%s: %q lacks %q", name, stderr, part)
			}
		}
	}
	_, port, _ := net.SplitHostPort(address.String())
	expect("a port that is taken", "http.address in "+own, "hint: another program listens there: `ss -ltnp 'sport = :"+port+"'`")
	for _, file := range []string{engine, own} {
		if err := os.WriteFile(file, []byte("x = 1\ny = \"no end\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		expect("a syntax error", "configuration "+file+", line 2, column ", "hint: correct "+file+", line 2")
	}
}
