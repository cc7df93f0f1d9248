package cli_test

import (
	"os"
	"path/filepath"
	"testing"

	"hullmark/internal/cli"
)

// TestWriteFile: what is no regular file stays what it is.
func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	for _, tc := range []struct {
		name, path string
		regular    bool
		fails      bool
	}{
		{name: "new file", path: filepath.Join(dir, "new"), regular: true},
		{name: "the same file again", path: filepath.Join(dir, "new"), regular: true},
		{name: "device", path: os.DevNull},
		{name: "directory", path: dir, fails: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := cli.WriteFile(tc.path, []byte("x"), 0o600); (err != nil) != tc.fails {
				t.Fatal(err)
			}
			if info, err := os.Stat(tc.path); err != nil || info.Mode().IsRegular() != tc.regular {
				t.Errorf("%v, %v", info.Mode(), err)
			}
		})
	}
}
