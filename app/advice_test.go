package app

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestSyntaxErrors: a file that is no TOML is named with the line, and what to do.
func TestSyntaxErrors(t *testing.T) {
	h, _ := newHome(t, 1)
	for _, path := range []string{h.configFile(), h.engineConfigFile()} {
		good := readFile(t, path)
		for name, tc := range map[string]struct {
			text string
			line int
		}{
			"no TOML at all": {"this is no TOML", 1},
			"quote missing":  {"\n\n[http]\naddress = \"127.0.0.1:1\n", 4},
			"cut short":      {"[http", 1},
			"twice":          {"x = 1\nx = 2\n", 0}, // the parser names the key instead
		} {
			replaceFile(t, path, []byte(tc.text))
			_, err := LoadConfig(h)
			if path == h.engineConfigFile() {
				_, err = loadEngineConfig(h)
			}
			where := path
			if tc.line > 0 {
				where = fmt.Sprintf("%s, line %d, column ", path, tc.line)
			}
			var advised *Advised
			if !errors.Is(err, ErrConfig) || !errors.As(err, &advised) || !strings.Contains(err.Error(), where) || !strings.Contains(advised.Advice, where) {
				t.Errorf("%s: %s: %v", filepath.Base(path), name, err)
			}
		}
		replaceFile(t, path, good)
	}
}

// TestCorruptDatabases: a database that cannot be opened leads to fsck, whichever it is.
func TestCorruptDatabases(t *testing.T) {
	for _, db := range []string{"ledger", "blockstore", "state", "evidence"} {
		h, _ := newHome(t, 1)
		n := openHome(t, h, nil)
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
		provable(t, n, 1)
		if err := n.Stop(); err != nil {
			t.Fatal(err)
		}
		manifest, err := filepath.Glob(filepath.Join(h.dataDir(), db+".db", "MANIFEST-*"))
		if err != nil || len(manifest) == 0 {
			t.Fatalf("%v, %v", manifest, err)
		}
		replaceFile(t, slices.Max(manifest), []byte("nothing of use"))
		_, err = Open(h, Options{Config: quick(), Log: io.Discard})
		var advised *Advised
		if !errors.Is(err, ErrDamagedData) || !errors.As(err, &advised) || !strings.Contains(advised.Advice, "hullmarkd fsck --home "+string(h)) {
			t.Errorf("%s: %v", db, err)
		}
	}
}

// TestDamaged: what the engine panics over is damage; a full disk, missing rights or too
// few files are not.
func TestDamaged(t *testing.T) {
	h := Home("/home")
	if err := h.undamaged(func() error { panic("cannot unmarshal") }); !errors.Is(err, ErrDamagedData) {
		t.Errorf("a panic: %v", err)
	}
	if err := h.undamaged(func() error { return io.EOF }); !errors.Is(err, io.EOF) || errors.Is(err, ErrDamagedData) {
		t.Errorf("an error: %v", err)
	}
	for _, cause := range []error{syscall.ENOSPC, syscall.EACCES, syscall.EMFILE} {
		if err := h.undamaged(func() error { panic(fmt.Errorf("write: %w", cause)) }); errors.Is(err, ErrDamagedData) || !errors.Is(err, cause) {
			t.Errorf("%v: %v", cause, err)
		}
	}
}
