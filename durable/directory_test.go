package durable_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"hullmark/durable"
)

func TestMkdirAll(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.WriteFile("file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, path string
		want       error
	}{
		{"several", filepath.Join(dir, "a", "b", "c"), nil},
		{"again", filepath.Join(dir, "a", "b", "c"), nil},
		{"one more", filepath.Join(dir, "a", "b", "d") + string(filepath.Separator), nil},
		{"relative", "x/y", nil},
		{"here", ".", nil},
		{"a file", "file", syscall.ENOTDIR},
		{"below a file", "file/x", syscall.ENOTDIR},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if err := durable.MkdirAll(tc.path, 0o700); !errors.Is(err, tc.want) {
				t.Fatalf("%v, want %v", err, tc.want)
			}
			if info, err := os.Stat(tc.path); tc.want == nil && (err != nil || !info.IsDir()) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestSyncDir(t *testing.T) {
	dir := t.TempDir()
	if err := durable.SyncDir(dir); err != nil {
		t.Error(err)
	}
	if err := durable.SyncDir(filepath.Join(dir, "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
}
