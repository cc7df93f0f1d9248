package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"hullmark/durable"
)

// ErrOldData is returned when data that was put aside before is still there.
var ErrOldData = errors.New("data that was put aside before is still there")

// resyncDirs are what a node makes again from the other nodes' blocks. The names
// are those in data/. priv_validator_state.json is not among them, and never may be:
// a validator that has forgotten what it signed may sign two different blocks.
var resyncDirs = []string{"ledger.db", "state.db", "blockstore.db", "evidence.db", "tx_index.db", "cs.wal"}

// OldData returns the directory into which Resync puts a home's data aside.
func OldData(h Home) string { return filepath.Join(h.dataDir(), "old") }

// Resync puts a stopped node's data aside, into data/old, so that the node fetches
// all of it again when it is started. Keys, configuration, genesis, and the record of
// what the validator signed stay where they are. An interrupted Resync can be
// repeated. With discard, data that was put aside is removed first, and this too.
func Resync(h Home, discard bool) error {
	if _, err := LoadConfig(h); err != nil {
		return err
	}
	release, err := h.lock()
	if err != nil {
		return err
	}
	defer release()
	if _, err := LoadGenesis(h); err != nil {
		return err
	}
	old := OldData(h)
	switch _, err := os.Lstat(old); {
	case err == nil && discard:
		if err := os.RemoveAll(old); err != nil {
			return fmt.Errorf("couldn't remove old data: %w", err)
		}
	case err == nil:
		// The rest of an interrupted run may join it; a second copy may not.
		for _, name := range resyncDirs {
			if exists(filepath.Join(h.dataDir(), name)) && exists(filepath.Join(old, name)) {
				return fmt.Errorf("couldn't put data aside: %w: %s", ErrOldData, old)
			}
		}
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("couldn't put data aside: %w", err)
	}
	if err := os.MkdirAll(old, 0o700); err != nil {
		return fmt.Errorf("couldn't put data aside: %w", err)
	}
	// The ledger goes first and the blocks after it: whatever is left after a crash
	// in between, the ledger is never ahead of them.
	for _, name := range resyncDirs {
		err := os.Rename(filepath.Join(h.dataDir(), name), filepath.Join(old, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("couldn't put data aside: %w", err)
		}
	}
	if err := errors.Join(durable.SyncDir(old), durable.SyncDir(h.dataDir())); err != nil {
		return fmt.Errorf("couldn't put data aside: %w", err)
	}
	if discard {
		if err := os.RemoveAll(old); err != nil {
			return fmt.Errorf("couldn't remove old data: %w", err)
		}
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
