// Package databasetest helps tests to damage databases.
package databasetest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"hullmark/database/internal/chunk"
)

// Journals returns the journals of a database's directory.
func Journals(dir string) ([]string, error) { return filepath.Glob(filepath.Join(dir, "*.log")) }

// Crash makes a database that was closed in order look as if a crash had ended it.
func Crash(dir string) error {
	marks, err := filepath.Glob(filepath.Join(dir, "marker.journal.*"))
	if err != nil {
		return err
	}
	for _, name := range marks {
		err = errors.Join(err, os.Rename(name, name[:strings.LastIndexByte(name, ':')]+":0"))
	}
	return err
}

// LastWrite returns where the last write to a journal begins. Damage from there on is
// the one that cannot be told from a write that a power failure has cut off.
func LastWrite(path string) (int64, error) {
	number, err := strconv.ParseUint(strings.TrimSuffix(filepath.Base(path), ".log"), 10, 32)
	if err != nil {
		return 0, fmt.Errorf("couldn't read the number of a journal: %w", err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	return int64(chunk.Journal(uint32(number)).LastRecord(b)), nil
}
