package atomicfile

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// names returns what is in a directory.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, tc := range []struct {
		content string
		mode    os.FileMode
	}{{"first", 0o600}, {"second, which is longer", 0o666}, {"", 0o644}} {
		if err := Write(path, []byte(tc.content), tc.mode); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil || string(b) != tc.content {
			t.Errorf("%q, %v; want %q", b, err, tc.content)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != tc.mode {
			t.Errorf("mode %v, %v; want %v", info.Mode(), err, tc.mode)
		}
		if got := names(t, dir); len(got) != 1 {
			t.Errorf("left behind: %v", got)
		}
	}
}

// TestWriteReplaces checks that whoever has the old file open keeps reading it.
func TestWriteReplaces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := Write(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if err := Write(path, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 3)
	if _, err := f.Read(b); err != nil || string(b) != "old" {
		t.Errorf("%q, %v", b, err)
	}
}

func TestWriteFails(t *testing.T) {
	dir := t.TempDir()
	if err := Write(filepath.Join(dir, "missing", "file"), nil, 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing directory: %v", err)
	}
	if err := Write(dir, []byte("x"), 0o600); err == nil {
		t.Error("a directory was written to")
	}
	if got := names(t, dir); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
}

func TestWriteToDevice(t *testing.T) {
	if err := Write(os.DevNull, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Errorf("%v, %v", info, err)
	}
}

// TestConcurrentWrites checks that what is there is what one of the writers wrote.
func TestConcurrentWrites(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	var writers sync.WaitGroup
	for i := range byte(8) {
		writers.Go(func() {
			if err := Write(path, bytes.Repeat([]byte{'a' + i}, 1<<16), 0o600); err != nil {
				t.Error(err)
			}
		})
	}
	writers.Wait()
	b, err := os.ReadFile(path)
	if err != nil || len(b) != 1<<16 || !bytes.Equal(b, bytes.Repeat(b[:1], len(b))) {
		t.Errorf("%d bytes of several writers, %v", len(b), err)
	}
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("left behind: %v", got)
	}
}
