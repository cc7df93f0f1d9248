package app

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hullmark/safefile"
)

// TestHomeIsPrivate: nobody but its owner can read a new home.
func TestHomeIsPrivate(t *testing.T) {
	h, _ := newHome(t, 1)
	seen := 0
	err := filepath.WalkDir(string(h), func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == string(h) {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		seen++
		public := []string{h.genesisFile(), h.engineConfigFile()}
		if info.Mode().Perm()&0o077 != 0 && !slices.Contains(public, path) {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return nil
	})
	if err != nil || seen < 7 {
		t.Errorf("%d files, %v", seen, err)
	}
}

// TestOpenRefusesReadableKeys: a key that others can read may be in others' hands.
func TestOpenRefusesReadableKeys(t *testing.T) {
	for _, mode := range []os.FileMode{0o640, 0o604, 0o660, 0o601} {
		for name, path := range map[string]func(Home) string{"node": Home.nodeKeyFile, "validator": Home.validatorKeyFile} {
			h, _ := newHome(t, 1)
			if err := os.Chmod(path(h), mode); err != nil {
				t.Fatal(err)
			}
			_, err := Open(h, Options{Config: quick(), Log: new(journal)})
			if err == nil || !strings.Contains(err.Error(), "chmod 600") {
				t.Errorf("%s key with mode %o: %v", name, mode, err)
			}
			if err := os.Chmod(path(h), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := openHome(t, h, nil).close(); err != nil {
				t.Errorf("%s key with mode 600: %v", name, err)
			}
		}
	}
}

func TestOpenLocksHome(t *testing.T) {
	h, _ := newHome(t, 1)
	first := openHome(t, h, nil)
	if _, err := Open(h, Options{Config: quick(), Log: new(journal)}); !errors.Is(err, ErrHomeInUse) {
		t.Errorf("a second node of one home: %v", err)
	}
	if err := first.close(); err != nil {
		t.Fatal(err)
	}
}

// TestInitRefusesOverwriting any file that cannot be made again.
func TestInitRefusesOverwriting(t *testing.T) {
	for name, path := range map[string]func(Home) string{
		"node key": Home.nodeKeyFile, "validator key": Home.validatorKeyFile, "validator state": Home.validatorStateFile, "configuration": Home.configFile,
	} {
		t.Run(name, func(t *testing.T) {
			h, _ := newHome(t, 1)
			want := readFile(t, path(h))
			for _, other := range []string{h.nodeKeyFile(), h.validatorKeyFile(), h.validatorStateFile(), h.configFile()} {
				if other != path(h) {
					if err := os.Remove(other); err != nil {
						t.Fatal(err)
					}
				}
			}
			if _, err := Init(h, InitOptions{Config: quick()}); !errors.Is(err, ErrHomeExists) {
				t.Errorf("error %v, want ErrHomeExists", err)
			}
			if !bytes.Equal(readFile(t, path(h)), want) {
				t.Error("the file has changed")
			}
		})
	}
	if _, err := Init(Home(t.TempDir()), InitOptions{}); !errors.Is(err, ErrConfig) {
		t.Errorf("without a configuration: %v", err)
	}
}

func TestOpenNeedsGenesis(t *testing.T) {
	h, _ := newHome(t, 1)
	if err := os.Remove(h.genesisFile()); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(h, Options{Config: quick(), Log: new(journal)}); !errors.Is(err, ErrNoGenesis) {
		t.Errorf("error %v, want ErrNoGenesis", err)
	}
	if _, err := LoadGenesis(h); !errors.Is(err, ErrNoGenesis) {
		t.Errorf("error %v, want ErrNoGenesis", err)
	}
}

// TestOpenFailsCleanly: whatever stops a start leaves the home as it was, free for
// the next start of the same process.
func TestOpenFailsCleanly(t *testing.T) {
	h, _ := newHome(t, 1)
	taken := openHome(t, h, nil)
	address := taken.Address()
	if err := taken.close(); err != nil {
		t.Fatal(err)
	}
	h2, _ := newHome(t, 1)
	holder := openHome(t, h2, func(c *Config) { c.HTTP.Address = address })
	c := quick()
	c.HTTP.Address = address
	if _, err := Open(h, Options{Config: c, Log: new(journal)}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("a taken port: %v", err)
	}
	if err := holder.close(); err != nil {
		t.Fatal(err)
	}
	n, err := Open(h, Options{Config: c, Log: new(journal)})
	if err != nil {
		t.Fatalf("after a failed start: %v", err)
	}
	if err := n.Stop(); err != nil {
		t.Errorf("a node that was never started: %v", err)
	}
	// Stopping it has released everything too.
	n = openHome(t, h, nil)
	start(t, n)
	provable(t, n, 1)
}

// TestOpenRefusesWritableFiles: what others can write is not what the operator meant.
func TestOpenRefusesWritableFiles(t *testing.T) {
	for name, path := range map[string]func(Home) string{
		"home": func(h Home) string { return string(h) }, "folder of the configuration": Home.configDir, "configuration": Home.configFile,
		"engine's configuration": Home.engineConfigFile, "genesis": Home.genesisFile, "validator state": Home.validatorStateFile,
	} {
		h, _ := newHome(t, 1)
		info, err := os.Stat(path(h))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path(h), info.Mode().Perm()|0o002); err != nil {
			t.Fatal(err)
		}
		_, err = LoadConfig(h)
		if err == nil {
			_, err = Open(h, Options{Config: quick(), Log: new(journal)})
		}
		if !errors.Is(err, safefile.ErrUnsafe) || !strings.Contains(err.Error(), path(h)) {
			t.Errorf("%s that all may write: %v", name, err)
		}
	}
}
