package durable_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"hullmark/durable"
)

// TestReplaceWhileOpen replaces a file that others read again and again. Readers have one
// content or the other, and nobody fails, on Windows too.
func TestReplaceWhileOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	contents := []string{strings.Repeat("old", 1000), strings.Repeat("new!", 1000)}
	if err := durable.Write(path, []byte(contents[0]), 0o600); err != nil {
		t.Fatal(err)
	}
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				f, err := durable.Open(path)
				if err != nil {
					t.Error(err)
					return
				}
				b, err := io.ReadAll(f)
				if err := errors.Join(err, f.Close()); err != nil || string(b) != contents[0] && string(b) != contents[1] {
					t.Errorf("%v, %d bytes", err, len(b))
					return
				}
			}
		})
	}
	for i := range 50 {
		if err := durable.Write(path, []byte(contents[i%2]), 0o600); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	readers.Wait()
}

func TestOpen(t *testing.T) {
	if f, err := durable.Open(filepath.Join(t.TempDir(), "none")); f != nil || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v, %v", f, err)
	}
}

func TestIsUnwritable(t *testing.T) {
	for _, reason := range append(full(), fs.ErrPermission) {
		if err := (&os.PathError{Op: "write", Path: "x", Err: reason}); !durable.IsUnwritable(err) {
			t.Errorf("%v is a reason not to write", err)
		}
	}
	for _, err := range []error{nil, fs.ErrNotExist, io.ErrUnexpectedEOF} {
		if durable.IsUnwritable(err) {
			t.Errorf("%v is no reason not to write", err)
		}
	}
}
