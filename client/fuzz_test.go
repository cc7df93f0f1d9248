package client_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"hullmark/client"
)

// FuzzConfig gives any bytes as client.toml. What is read must be what comes back
// when it is saved, and what is not must be called a bad configuration.
func FuzzConfig(f *testing.F) {
	for _, text := range []string{
		"", "nodes = []", "nodes = [\"http://127.0.0.1:26680\", \"https://registry.example.com/hullmark/\"]", "nodes = \"x\"",
		"nodes = [\"http://[::1]:1\"]", "nodes = [\"http://a\", \"http://a/\"]", "other = 1", "nodes = [\"http://u:p@h\"]", "a\n\x00= [", "[nodes]\nx=1",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		home := t.TempDir()
		if err := os.WriteFile(filepath.Join(home, "client.toml"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := client.LoadConfig(home)
		if err != nil {
			if !errors.Is(err, client.ErrConfig) {
				t.Fatalf("not called a bad configuration: %v", err)
			}
			return
		}
		var nodes []string
		for _, n := range c.Nodes {
			u, err := client.ParseNode(n)
			if err != nil {
				t.Fatalf("node %q was accepted: %v", n, err)
			}
			nodes = append(nodes, u)
		}
		if err := client.SaveConfig(home, c); err != nil {
			t.Fatal(err)
		}
		again, err := client.LoadConfig(home)
		if err != nil || !slices.Equal(again.Nodes, nodes) {
			t.Fatalf("saved %q, read %q, %v", nodes, again.Nodes, err)
		}
	})
}
