package client_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"hullmark/client"
)

// TestLineEnds reads files with the line ends of Windows, as editors and Git leave them.
func TestLineEnds(t *testing.T) {
	windows := func(text []byte) []byte { return bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")) }
	n := newNetwork(t, 1)
	dir := filepath.Join(t.TempDir(), "home")
	h, err := client.OpenHome(dir)
	if err != nil {
		t.Fatal(err)
	}
	text, err := n.anchor().Encode()
	if err != nil || !bytes.Contains(text, []byte("\n")) {
		t.Fatalf("%v, an anchor of one line shows nothing", err)
	}
	if _, err := h.ImportAnchor(t.Context(), windows(text), n.now()); err != nil {
		t.Error(err)
	}
	config := "nodes = [\n  \"http://127.0.0.1:1\",\n]\nplacement = \"rendezvous\"\n"
	if err := os.WriteFile(filepath.Join(dir, "client.toml"), windows([]byte(config)), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := client.LoadConfig(dir)
	if want := (client.Config{Nodes: []string{"http://127.0.0.1:1"}, Placement: client.PlacementRendezvous}); err != nil || !cmp.Equal(want, got) {
		t.Errorf("%+v, %v", got, err)
	}
}
