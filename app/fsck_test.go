package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hullmark/database"
	"hullmark/database/databasetest"
	"hullmark/internal/fixture"
)

// stoppedHome returns the home of a node that was started twice, so that its data is
// in tables as well as in journals, and has stopped.
func stoppedHome(t testing.TB) Home {
	t.Helper()
	h, c := newHome(t, 1)
	pub := c.NewPublisher("registry.example.com/app")
	for v := range uint64(3) {
		n := openHome(t, h, nil)
		if err := n.Start(); err != nil {
			t.Fatal(err)
		}
		url := "http://" + n.Address()
		if v == 0 {
			post(t, url, pub.Register(c.Operators[0])).receipt(t)
		}
		height := post(t, url, pub.Publish(v+1, fixture.Tags{"1.0": fmt.Sprint(v)})).receipt(t).GetHeight()
		provable(t, n, height)
		if err := n.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// copyHome copies a home for a test that damages it.
func copyHome(t testing.TB, h Home) Home {
	t.Helper()
	to := filepath.Join(t.TempDir(), "home")
	if err := os.CopyFS(to, os.DirFS(string(h))); err != nil {
		t.Fatal(err)
	}
	// CopyFS does not keep modes, and keys must be private.
	for _, name := range []string{"config/node_key.json", "config/priv_validator_key.json"} {
		if err := os.Chmod(filepath.Join(to, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Home(to)
}

// damaged returns what Fsck finds, by the names of the checks.
func damaged(t testing.TB, h Home) map[string]Check {
	t.Helper()
	checks, err := Fsck(t.Context(), h, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]Check)
	for _, c := range checks {
		if c.Err != nil {
			found[c.Name] = c
			if c.Advice == "" {
				t.Errorf("%s: no advice", c.Name)
			}
		}
	}
	return found
}

// tree returns a directory's files with their sizes and times of change.
func tree(t testing.TB, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			out = append(out, fmt.Sprint(path, info.Size(), info.ModTime()))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestFsckSound(t *testing.T) {
	h := stoppedHome(t)
	before := tree(t, h.dataDir())
	checks, err := Fsck(t.Context(), h, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range checks {
		names = append(names, c.Name)
		if c.Err != nil {
			t.Errorf("%s: %v", c.Name, c.Err)
		}
	}
	want := []string{
		"genesis", "keys", "ledger database", "blockstore database", "state database", "evidence database",
		"ledger", "blocks", "agreement", "newest block", "write-ahead log",
	}
	if !slices.Equal(names, want) {
		t.Errorf("checked %q, want %q", names, want)
	}
	if after := tree(t, h.dataDir()); !slices.Equal(before, after) {
		t.Errorf("it changed what it looked at:\n%q\n%q", before, after)
	}
	// And the node goes on.
	n := openHome(t, h, nil)
	start(t, n)
	if _, err := Fsck(t.Context(), h, func(string) {}); !errors.Is(err, ErrHomeInUse) {
		t.Errorf("of a running node: %v", err)
	}
}

func TestFsckOfAFreshHome(t *testing.T) {
	h, _ := newHome(t, 1)
	if found := damaged(t, h); len(found) > 0 {
		t.Errorf("found %v", found)
	}
	if _, err := Fsck(t.Context(), Home(t.TempDir()), func(string) {}); !errors.Is(err, ErrNoHome) {
		t.Errorf("no home: %v", err)
	}
	if _, err := Fsck(t.Context(), emptyHome(t), func(string) {}); !errors.Is(err, ErrNoGenesis) {
		t.Errorf("no genesis: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Fsck(ctx, stoppedHome(t), func(string) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

func TestFsckFinds(t *testing.T) {
	sound := stoppedHome(t)
	older := copyHome(t, sound)
	n := openHome(t, sound, nil)
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	provable(t, n, n.ledger.Height()+3)
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
	// from puts a part of the older home in the place of the newer one's.
	from := func(h Home, parts ...string) error {
		for _, part := range parts {
			to := filepath.Join(string(h), part)
			if err := os.RemoveAll(to); err != nil {
				return err
			}
			source := filepath.Join(string(older), part)
			if info, err := os.Stat(source); err != nil {
				return err
			} else if !info.IsDir() {
				b, err := os.ReadFile(source)
				if err != nil {
					return err
				}
				if err := os.WriteFile(to, b, 0o600); err != nil {
					return err
				}
				continue
			}
			if err := os.CopyFS(to, os.DirFS(source)); err != nil {
				return err
			}
		}
		return nil
	}
	for name, tc := range map[string]struct {
		want   string
		damage func(h Home) error
	}{
		"genesis":             {"genesis", func(h Home) error { return os.Truncate(h.genesisFile(), 100) }},
		"node key":            {"keys", func(h Home) error { return os.Truncate(h.nodeKeyFile(), 10) }},
		"validator key":       {"keys", func(h Home) error { return os.Truncate(h.validatorKeyFile(), 10) }},
		"no validator key":    {"keys", func(h Home) error { return os.Remove(h.validatorKeyFile()) }},
		"key others can read": {"keys", func(h Home) error { return os.Chmod(h.validatorKeyFile(), 0o644) }},
		"validator state":     {"validator state", func(h Home) error { return os.Truncate(h.validatorStateFile(), 10) }},
		"no validator state":  {"validator state", func(h Home) error { return os.Remove(h.validatorStateFile()) }},
		"validator state from a backup": {"agreement", func(h Home) error {
			return from(h, "data/priv_validator_state.json")
		}},
		"validator state of the future": {"agreement", func(h Home) error {
			return os.WriteFile(h.validatorStateFile(), []byte(`{"height":"123456","round":0,"step":3}`), 0o600)
		}},
		"no ledger":            {"ledger database", func(h Home) error { return os.RemoveAll(h.databaseDir("ledger")) }},
		"no blocks":            {"blockstore database", func(h Home) error { return os.RemoveAll(h.databaseDir("blockstore")) }},
		"no state":             {"state database", func(h Home) error { return os.RemoveAll(h.databaseDir("state")) }},
		"blocks from a backup": {"agreement", func(h Home) error { return from(h, "data/blockstore.db") }},
		"state from a backup":  {"blocks", func(h Home) error { return from(h, "data/state.db") }},
		"ledger alone is newer": {"agreement", func(h Home) error {
			return from(h, "data/blockstore.db", "data/state.db", "data/priv_validator_state.json")
		}},
		"write-ahead log":         {"write-ahead log", func(h Home) error { return flip(filepath.Join(h.dataDir(), "cs.wal", "wal"), 40) }},
		"manifest of the ledger":  {"ledger database", func(h Home) error { return flipManifest(h.databaseDir("ledger")) }},
		"manifest of the blocks":  {"blockstore database", func(h Home) error { return flipManifest(h.databaseDir("blockstore")) }},
		"journal of the ledger":   {"ledger database", func(h Home) error { return flipJournal(h.databaseDir("ledger")) }},
		"journal that is cut off": {"ledger database", truncateJournal},
		"journal that is gone": {"ledger database", func(h Home) error {
			path, _, err := newestJournal(h.databaseDir("ledger"))
			return errors.Join(err, os.Remove(path))
		}},
		"ledger of an earlier version": {"ledger database", func(h Home) error { return levelDB(h.databaseDir("ledger")) }},
	} {
		t.Run(name, func(t *testing.T) {
			h := copyHome(t, sound)
			if err := tc.damage(h); err != nil {
				t.Fatal(err)
			}
			if found := damaged(t, h); found[tc.want].Err == nil {
				t.Errorf("found %v, want %q", found, tc.want)
			}
		})
	}
	// Nor is a write that a crash cut off: it cannot be told from one that never was.
	cut := copyHome(t, sound)
	if err := errors.Join(databasetest.Crash(cut.databaseDir("ledger")), truncateJournal(cut)); err != nil {
		t.Fatal(err)
	}
	if found := damaged(t, cut); len(found) > 0 {
		t.Errorf("a write that was cut off: %v", found)
	}
	// A ledger that is behind, as after a crash, is no damage: it is replayed.
	behind := copyHome(t, sound)
	if err := from(behind, "data/ledger.db"); err != nil {
		t.Fatal(err)
	}
	if found := damaged(t, behind); len(found) > 0 {
		t.Errorf("a ledger that is behind: %v", found)
	}
}

// truncateJournal cuts the last write off, as a power failure does.
func truncateJournal(h Home) error {
	path, last, err := newestJournal(h.databaseDir("ledger"))
	if err != nil {
		return err
	}
	return os.Truncate(path, last+25)
}

// newestJournal returns the newest journal of a database and where its last write begins.
func newestJournal(dir string) (path string, last int64, err error) {
	names, err := databasetest.Journals(dir)
	if err == nil && len(names) == 0 {
		err = errors.New("no journal")
	}
	if err != nil {
		return "", 0, err
	}
	path = slices.Max(names)
	last, err = databasetest.LastWrite(path)
	return path, last, err
}

// flipJournal changes a bit of a journal before its last write.
func flipJournal(dir string) error {
	path, last, err := newestJournal(dir)
	if err == nil && last == 0 {
		err = errors.New("one write only")
	}
	if err != nil {
		return err
	}
	return flip(path, last/2)
}

// flipManifest changes a bit of a database's list of tables.
func flipManifest(dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, "MANIFEST-*"))
	if err != nil {
		return err
	}
	return flip(slices.Max(names), 3)
}

// levelDB puts the files of a LevelDB database in the place of a database.
func levelDB(dir string) error {
	err := os.RemoveAll(dir)
	for name, content := range map[string]string{"CURRENT": "MANIFEST-000001\n", "MANIFEST-000001": "x", "000002.log": "x", "LOCK": "", "LOG": "x"} {
		err = errors.Join(err, os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	return err
}

// flip changes one bit of a file.
func flip(path string, offset int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	b := make([]byte, 1)
	_, err = f.ReadAt(b, offset)
	if err == nil {
		b[0] ^= 1
		_, err = f.WriteAt(b, offset)
	}
	return errors.Join(err, f.Close())
}

// contents returns all entries of a database.
func contents(t testing.TB, dir string) map[string]string {
	t.Helper()
	db, err := database.OpenEngine(dir, database.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	out := make(map[string]string)
	it, err := db.Iterator(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = it.Close() }()
	for ; it.Valid(); it.Next() {
		out[string(it.Key())] = string(it.Value())
	}
	if err := it.Error(); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestFsckFindsFlips flips bits at random places of every kind of file. Each is found
// by the checksums that cover it, or changes nothing that is stored.
func TestFsckFindsFlips(t *testing.T) {
	sound := stoppedHome(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	kinds := make(map[string][]string)
	err := filepath.WalkDir(sound.dataDir(), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name := d.Name()
		dir := filepath.Base(filepath.Dir(path))
		kind := dir + " " + filepath.Ext(name)
		switch {
		case info.Size() == 0, dir == "data":
			return nil // not data, or checked for its meaning elsewhere
		case strings.HasPrefix(name, "MANIFEST"), strings.HasPrefix(name, "OPTIONS"):
			kind = dir + " " + name[:7]
		}
		kinds[kind] = append(kinds[kind], path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(kinds) < 9 {
		t.Fatalf("kinds of files: %v", kinds)
	}
	for kind, paths := range kinds {
		t.Run(kind, func(t *testing.T) {
			for range 4 {
				h := copyHome(t, sound)
				path := paths[random.IntN(len(paths))]
				info, err := os.Stat(path)
				if err != nil {
					t.Fatal(err)
				}
				relative, err := filepath.Rel(string(sound), path)
				if err != nil {
					t.Fatal(err)
				}
				offset := random.Int64N(info.Size())
				if err := flip(filepath.Join(string(h), relative), offset); err != nil {
					t.Fatal(err)
				}
				if len(damaged(t, h)) > 0 {
					continue
				}
				// Some bytes say nothing of what is stored.
				if !maps.Equal(contents(t, filepath.Dir(path)), contents(t, filepath.Dir(filepath.Join(string(h), relative)))) {
					t.Errorf("a flipped bit at %d of %s (%d bytes) is not found", offset, relative, info.Size())
				}
			}
		})
	}
}

func TestResync(t *testing.T) {
	h := stoppedHome(t)
	state := readFile(t, h.validatorStateFile())
	key := readFile(t, h.validatorKeyFile())
	if err := flipManifest(h.databaseDir("ledger")); err != nil {
		t.Fatal(err)
	}
	// As if it had been interrupted after the first step.
	if err := os.MkdirAll(filepath.Join(h.dataDir(), "old"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(h.databaseDir("ledger"), filepath.Join(h.dataDir(), "old", "ledger.db")); err != nil {
		t.Fatal(err)
	}
	if err := Resync(h, false); err != nil {
		t.Fatal(err)
	}
	if !h.fresh() {
		t.Error("data is left")
	}
	if string(readFile(t, h.validatorStateFile())) != string(state) || string(readFile(t, h.validatorKeyFile())) != string(key) {
		t.Error("the validator's files have changed")
	}
	if !exists(filepath.Join(h.dataDir(), "old", "blockstore.db")) {
		t.Error("nothing was put aside")
	}
	if found := damaged(t, h); len(found) > 0 {
		t.Errorf("afterwards: %v", found)
	}
	// Once more, with data: what was put aside is not overwritten.
	if err := os.Mkdir(h.databaseDir("ledger"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Resync(h, false); !errors.Is(err, ErrOldData) {
		t.Errorf("a second time: %v", err)
	}
	if err := Resync(h, true); err != nil {
		t.Fatal(err)
	}
	if exists(filepath.Join(h.dataDir(), "old")) || !h.fresh() {
		t.Error("data is left")
	}
}
