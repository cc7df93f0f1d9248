package client_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"hullmark/client"
	"hullmark/safefile"
)

// TestUnsafeHome opens, one after another, what a verdict rests on to all users. None
// is given then, and none once it is closed again has changed.
func TestUnsafeHome(t *testing.T) {
	n := newNetwork(t, 1)
	dir := filepath.Join(t.TempDir(), "home")
	n.home(dir)
	if err := client.SaveConfig(dir, client.Config{Nodes: []string{n.nodes[0].URL}}); err != nil {
		t.Fatal(err)
	}
	verdict := func() error {
		h, err := client.OpenHome(dir)
		if err != nil {
			return err
		}
		if _, err := client.LoadConfig(dir); err != nil {
			return err
		}
		_, _, _, err = n.client(func(o *client.Options) { o.Store = h }).Resolve(t.Context(), ref(app+":latest"))
		return err
	}
	if err := verdict(); err != nil {
		t.Fatal(err)
	}
	for name, open := range map[string]os.FileMode{
		".": 0o777, "..": 0o777, "trust.json": 0o666, "client.toml": 0o646, "memory": 0o703, "memory/chain.json": 0o666,
		"memory/repositories": 0o777, repositoryFile(app): 0o666,
	} {
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, open); err != nil {
			t.Fatal(err)
		}
		if err := verdict(); !errors.Is(err, safefile.ErrUnsafe) {
			t.Errorf("%s with mode %o: %v", name, open, err)
		}
		if err := os.Chmod(path, info.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
		if err := verdict(); err != nil {
			t.Errorf("%s with its own mode: %v", name, err)
		}
	}
}
