// Package vectortest keeps the test vectors for other implementations that are too many
// to be read by people: tests make them from fixed keys and times, and compare them with
// what is committed.
package vectortest

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// Check compares vectors with a file of them below tests/vectors, such as
// bundle/verify.json.gz, and writes the file first if update is set. The file is gzip:
// proofs repeat themselves. What counts is what it holds, since another release of Go
// may compress otherwise.
func Check[T any](t *testing.T, update bool, name, description string, made []T) {
	t.Helper()
	var text bytes.Buffer
	write := func(v any) {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(b)
	}
	text.WriteString(`{"description":`)
	write(description)
	text.WriteString(`,"vectors":[`)
	for i, v := range made {
		if i > 0 {
			text.WriteByte(',')
		}
		text.WriteByte('\n')
		write(v)
	}
	text.WriteString("\n]}\n")

	path := filepath.Join(root(t), "tests", "vectors", filepath.FromSlash(name))
	if update {
		var packed bytes.Buffer
		w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(text.Bytes()); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, packed.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d vectors, %d bytes, %d unpacked", path, len(made), packed.Len(), text.Len())
	}
	if stored := unpack(t, path); !bytes.Equal(stored, text.Bytes()) {
		was, is := bytes.Split(stored, []byte("\n")), bytes.Split(text.Bytes(), []byte("\n"))
		for i := range min(len(was), len(is)) {
			if !bytes.Equal(was[i], is[i]) {
				t.Errorf("%s is not what is made now; if a rule changed on purpose, run make vectors. Line %d was\n%.400s\nand is\n%.400s", path, i+1, was[i], is[i])
				return
			}
		}
		t.Errorf("%s has %d lines, what is made now %d; if a rule changed on purpose, run make vectors", path, len(was), len(is))
	}
}

// unpack returns what a file of vectors holds.
func unpack(t *testing.T, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	r, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// root returns the directory of the module.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			break
		}
		dir = parent
	}
	t.Fatalf("couldn't find the module: %v", err)
	return ""
}
