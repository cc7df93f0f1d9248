package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestNoHome runs commands where the user's home is not known. No directory of the
// working directory stands in for it, be it there or not.
func TestNoHome(t *testing.T) {
	t.Chdir(t.TempDir())
	check(t, exitOK, "init", "--home", ".hullmarkd")
	for _, home := range []string{"", ".", "checkout"} {
		t.Setenv("HOME", home)
		t.Setenv("HULLMARKD_HOME", "")
		for _, command := range []string{"init", "start", "status", "trust-anchor", "fsck", "resync", "genesis show", "devnet",
			"operator-card --id acme --address a.example:1 --url http://a.example --notary-key n.pub --key a.key"} {
			if _, stderr := check(t, exitError, strings.Fields(command)...); !strings.Contains(stderr, "home directory of the user is not known") ||
				!strings.Contains(stderr, "hint: set HOME") {
				t.Errorf("HOME=%q hullmarkd %s: %s", home, command, stderr)
			}
		}
		check(t, exitOK, "version")
	}
	for _, args := range [][]string{{"fsck", "--home", ""}, {"devnet", "--dir", ""}} {
		check(t, exitUsage, args...)
	}
	if got, err := os.ReadDir("."); err != nil || len(got) != 1 {
		t.Errorf("made %v, %v", got, err)
	}
}

// TestHostileNode shows what a node says of itself when it says what a terminal would
// obey.
func TestHostileNode(t *testing.T) {
	const hostile = "evil\x1b]0;title\x07\r\x08\u0085\u009b2J\u202egnp\u2066\u2069\u200b\ufeff\u2028\nstate  ready\u00ad\x7f"
	for _, path := range []string{"status", "readyz", "error"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case path == "error":
				http.Error(w, hostile, http.StatusInternalServerError)
			case r.URL.Path == "/readyz":
				http.Error(w, hostile, http.StatusServiceUnavailable)
			default:
				b, err := json.Marshal(map[string]string{"ledger": hostile, "version": hostile, "moniker": hostile, "operator": hostile, "blockTime": hostile})
				if err != nil {
					t.Error(err)
				}
				_, _ = w.Write(b) // whoever asked has gone
			}
		}))
		for _, args := range []string{"status", "status --output json", "status --ready", "trust-anchor"} {
			var stdout, stderr bytes.Buffer
			_ = run(t.Context(), append(strings.Fields(args), "--node", server.URL, "--home", t.TempDir()), &stdout, &stderr)
			for _, r := range stdout.String() + stderr.String() {
				if !strconv.IsPrint(r) && r != '\n' {
					t.Errorf("%s, %s: %q in %q", path, args, r, stdout.String()+stderr.String())
					break
				}
			}
			if strings.Contains(stdout.String(), "\nstate  ready") || args == "status" && path == "status" && !strings.Contains(stdout.String(), `evil\x1b`) {
				t.Errorf("%s, %s: %s", path, args, &stdout)
			}
		}
		server.Close()
	}
}

// TestNoSecretsInFlags: no flag takes a secret, since other users see command lines. One
// that is about secrets names a file.
func TestNoSecretsInFlags(t *testing.T) {
	seen := 0
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		check := func(f *pflag.Flag) {
			seen++
			for _, word := range []string{"pass", "secret", "token", "pin", "seed", "mnemonic"} {
				if strings.Contains(f.Name, word) && f.Name != "passphrase-file" {
					t.Errorf("%s --%s", c.CommandPath(), f.Name)
				}
			}
		}
		c.LocalFlags().VisitAll(check)
		for _, child := range c.Commands() {
			walk(child)
		}
	}
	walk(newRoot())
	if seen < 20 {
		t.Errorf("saw %d flags only", seen)
	}
}
