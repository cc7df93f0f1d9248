package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hullmark/bundle/bundletest"
	"hullmark/client"
	"hullmark/internal/fixture"
)

// Test that each command reads client.toml once, however many of its settings it needs,
// and not at all where it needs none.
func TestConfigIsReadOnce(t *testing.T) {
	chain := bundletest.NewChain(t, fixture.NewConsortium(t, 4))
	chain.Commit()
	anchor, err := chain.Anchor(1).Encode()
	if err != nil {
		t.Fatal(err)
	}
	node := httptest.NewServer(http.NotFoundHandler())
	defer node.Close()
	for _, tc := range []struct {
		args string
		want int
	}{
		{"status", 1},
		{"verify registry.example.com/app:v1", 1},
		{"verify --node NODE registry.example.com/app:v1", 1},
		{"bundle registry.example.com/app:v1 -o out", 1},
		{"inspect registry.example.com/app:v1", 1},
		{"history registry.example.com/app", 1},
		{"repo show registry.example.com/app", 1},
		{"trust show", 1},
		{"trust show --node NODE", 0},
		{"trust import ANCHOR", 1},
		{"trust import --node NODE ANCHOR", 1},
		{"key list", 0},
		{"version", 0},
	} {
		t.Run(tc.args, func(t *testing.T) {
			dir := t.TempDir()
			t.Chdir(dir)
			home, err := client.OpenHome(filepath.Join(dir, "home"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := home.ImportAnchor(t.Context(), anchor, time.Now()); err != nil {
				t.Fatal(err)
			}
			if err := client.SaveConfig(home.Dir(), client.Config{Nodes: []string{node.URL}}); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile("anchor", anchor, 0o600); err != nil {
				t.Fatal(err)
			}
			t.Setenv("HULLMARK_HOME", "home")
			t.Setenv("HULLMARK_NODES", "")
			var stderr bytes.Buffer
			s := newSession(nil, io.Discard, &stderr)
			read := 0
			s.loadConfig = func(home string) (client.Config, error) {
				read++
				return client.LoadConfig(home)
			}
			code := s.run(t.Context(), strings.Fields(strings.NewReplacer("NODE", node.URL, "ANCHOR", "anchor").Replace(tc.args)))
			if code == exitUsage || read != tc.want {
				t.Errorf("client.toml was read %d times, want %d; exit status %d, %s", read, tc.want, code, &stderr)
			}
		})
	}
}
