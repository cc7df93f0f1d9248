package durable_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"hullmark/durable"
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
		if err := durable.Write(path, []byte(tc.content), tc.mode); err != nil {
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
	if err := durable.Write(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if err := durable.Write(path, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 3)
	if _, err := f.Read(b); err != nil || string(b) != "old" {
		t.Errorf("%q, %v", b, err)
	}
}

func TestWriteFails(t *testing.T) {
	dir := t.TempDir()
	if err := durable.Write(filepath.Join(dir, "missing", "file"), nil, 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing directory: %v", err)
	}
	if err := durable.Write(dir, []byte("x"), 0o600); err == nil {
		t.Error("a directory was written to")
	}
	if got := names(t, dir); len(got) != 0 {
		t.Errorf("left behind: %v", got)
	}
}

// TestConcurrentWrites checks that what is there is what one of the writers wrote.
func TestConcurrentWrites(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	var writers sync.WaitGroup
	for i := range byte(8) {
		writers.Go(func() {
			if err := durable.Write(path, bytes.Repeat([]byte{'a' + i}, 1<<16), 0o600); err != nil {
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

// TestWriteLinks: a link is replaced, and what it leads to stays.
func TestWriteLinks(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := os.WriteFile(target, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("target", link); err != nil {
		if runtime.GOOS != "windows" {
			t.Fatal(err)
		}
		t.Skipf("this user may not make symbolic links: %v", err)
	}
	if err := durable.Write(link, []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{target: "old", link: "new"} {
		if b, err := os.ReadFile(path); err != nil || string(b) != want {
			t.Errorf("%s: %q, %v", path, b, err)
		}
	}
}

// TestErrorsNameThePath: a user knows no temporary names.
func TestErrorsNameThePath(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	for _, tc := range []struct {
		name, path string
		err        error
		is         error
	}{
		{"no directory", filepath.Join(dir, "missing", "file"), durable.Write(filepath.Join(dir, "missing", "file"), nil, 0o600), fs.ErrNotExist},
		{"file as directory", filepath.Join(file, "x"), durable.Write(filepath.Join(file, "x"), nil, 0o600), syscall.ENOTDIR},
		{"name that is taken", file, durable.WriteNewIn(root, "file", nil, 0o600), fs.ErrExist},
		{"name that is too long", filepath.Join(dir, strings.Repeat("x", 300)), durable.WriteUnsynced(filepath.Join(dir, strings.Repeat("x", 300)), nil, 0o600), syscall.ENAMETOOLONG},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var at *fs.PathError
			if !errors.Is(tc.err, tc.is) || !errors.As(tc.err, &at) || at.Path != tc.path {
				t.Errorf("%v, want %v of %s", tc.err, tc.is, tc.path)
			}
		})
	}
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("left behind: %v", got)
	}
}

// TestWriteNew: of many writers of one name one succeeds, whose content stays.
func TestWriteNew(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	results := make([]error, 8)
	var writers sync.WaitGroup
	for i := range results {
		writers.Go(func() { results[i] = durable.WriteNewIn(root, "file", []byte{byte(i)}, 0o600) })
	}
	writers.Wait()
	b, err := root.ReadFile("file")
	if err != nil || len(b) != 1 {
		t.Fatalf("%v, %v", b, err)
	}
	for i, err := range results {
		if i == int(b[0]) && err != nil || i != int(b[0]) && !errors.Is(err, fs.ErrExist) {
			t.Errorf("writer %d of %d: %v", i, b[0], err)
		}
	}
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("left behind: %v", got)
	}
}

// TestTemporaryNames: what a process leaves that ends while it writes is told from files.
func TestTemporaryNames(t *testing.T) {
	dir := t.TempDir()
	seen := make(chan []string, 1)
	stop := make(chan struct{})
	go func() {
		var found []string
		for {
			select {
			case <-stop:
				seen <- found
				return
			default:
			}
			entries, _ := os.ReadDir(dir)
			for _, e := range entries {
				if e.Name() != "file" {
					found = append(found, e.Name())
				}
			}
		}
	}()
	for range 50 {
		if err := durable.WriteUnsynced(filepath.Join(dir, "file"), make([]byte, 1<<20), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	for _, name := range <-seen {
		if !durable.IsTemporary(name) {
			t.Errorf("%s is not known as temporary", name)
		}
	}
	if durable.IsTemporary("file") {
		t.Error("a file is taken for a temporary one")
	}
}
