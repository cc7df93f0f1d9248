package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"hullmark/bundle/bundletest"
	"hullmark/client"
	"hullmark/internal/fixture"
)

// TestNoHome runs commands where the user's home is not known, in a checkout that
// carries a client home of its own. Nothing of that is believed, and nothing is made.
func TestNoHome(t *testing.T) {
	checkout := t.TempDir()
	planted, err := client.OpenHome(filepath.Join(checkout, ".hullmark"))
	if err != nil {
		t.Fatal(err)
	}
	chain := bundletest.NewChain(t, fixture.NewConsortium(t, 4))
	chain.Commit()
	chain.Commit()
	anchor, err := chain.Anchor(1).Encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := planted.ImportAnchor(t.Context(), anchor, time.Now()); err != nil {
		t.Fatal(err)
	}
	t.Chdir(checkout)
	if err := os.WriteFile("new.json", anchor, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, home := range []string{"", ".", "checkout"} {
		t.Setenv("HOME", home)
		t.Setenv("HULLMARK_HOME", "")
		for _, args := range [][]string{
			{"trust", "show"}, {"trust", "import", "new.json"}, {"verify", "registry.example.com/app:v1"}, {"status"},
			{"key", "list"}, {"key", "generate", "new"}, {"inspect", "registry.example.com/app"}, {"verify", "registry.example.com/app:v1", "--output", "json"},
		} {
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), args, nil, &stdout, &stderr)
			if code != exitError || !strings.Contains(stderr.String(), "home directory of the user is not known") || !strings.Contains(stderr.String(), "hint: set HOME") {
				t.Errorf("HOME=%q hullmark %q: exit %d, %s%s", home, args, code, &stdout, &stderr)
			}
		}
		for _, args := range [][]string{{"version"}, {"verify", "--help"}, {"trust"}, {"completion", "bash"}, {"trust", "show", "--home", ".hullmark"}} {
			var stdout, stderr bytes.Buffer
			if code := run(t.Context(), args, nil, &stdout, &stderr); code != exitOK {
				t.Errorf("HOME=%q hullmark %q: exit %d, %s", home, args, code, &stderr)
			}
		}
	}
	var stderr bytes.Buffer
	if code := run(t.Context(), []string{"trust", "show", "--home", ""}, nil, new(bytes.Buffer), &stderr); code != exitUsage {
		t.Errorf("an empty --home: exit %d, %s", code, &stderr)
	}
	if got, err := os.ReadDir("."); err != nil || len(got) != 2 {
		t.Errorf("made %v, %v", got, err)
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
	walk(newRoot(new(session)))
	if seen < 20 {
		t.Errorf("saw %d flags only", seen)
	}
}
