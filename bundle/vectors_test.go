package bundle_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// The vectors are for other implementations. Tests make them from fixed keys and times,
// and compare them with the files; with -update they write the files first.
var update = flag.Bool("update", false, "write the test vectors anew")

const vectorDir = "../tests/vectors/bundle"

// checkVectors compares vectors with a file of them, or writes it. The file is gzip:
// proofs repeat themselves. What counts is what it holds, since another release of Go
// may compress otherwise.
func checkVectors[T any](t *testing.T, name, description string, made []T) {
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

	path := filepath.Join(vectorDir, name+".json.gz")
	if *update {
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
		if err := os.MkdirAll(vectorDir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, packed.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d vectors, %d bytes, %d unpacked", path, len(made), packed.Len(), text.Len())
	}
	if stored := readVectors(t, path); !bytes.Equal(stored, text.Bytes()) {
		was, is := bytes.Split(stored, []byte("\n")), bytes.Split(text.Bytes(), []byte("\n"))
		for i := range min(len(was), len(is)) {
			if !bytes.Equal(was[i], is[i]) {
				t.Errorf("%s is not what is made now; if a rule changed on purpose, run this test with -update. Line %d was\n%.400s\nand is\n%.400s", path, i+1, was[i], is[i])
				return
			}
		}
		t.Errorf("%s has %d lines, what is made now %d; if a rule changed on purpose, run this test with -update", path, len(was), len(is))
	}
}

// readVectors returns what a file of vectors holds.
func readVectors(t *testing.T, path string) []byte {
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
