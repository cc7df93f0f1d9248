package client

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"hullmark/bundle"
	"hullmark/durable"
	"hullmark/reference"
)

// FileKeeper is a Store that also keeps the targets files of verified answers, so
// that nodes need not send them to the next process either. Nothing is believed
// because it was kept.
type FileKeeper interface {
	Store

	// HeldFiles returns the files that are kept of a repository. Files that are
	// damaged are as good as absent, and are removed; the error, which may come
	// beside others that are whole, names them.
	HeldFiles(r reference.Repository) ([][]byte, error)

	// KeepFiles replaces the files that are kept of a repository.
	KeepFiles(r reference.Repository, files [][]byte) error
}

// A Home keeps the files of a repository in a directory of their own,
// files/<SHA-256 of its name>/<SHA-256 of the file>.json. They are replaced by
// renaming and may be removed at any time, so processes need no lock. Nothing is
// synced: what a loss of power leaves of a file has another digest.
const (
	filesDir   = "files"
	fileSuffix = ".json"
)

// abandoned is the age at which a file that somebody began to write has no writer
// any more.
const abandoned = time.Hour

func (h *Home) filesPath(r reference.Repository) string {
	name := sha256.Sum256([]byte(r.String()))
	return h.path(filepath.Join(filesDir, hex.EncodeToString(name[:])))
}

// heldName is the name of a file by its digest.
func heldName(digest [sha256.Size]byte) string { return hex.EncodeToString(digest[:]) + fileSuffix }

// HeldFiles implements FileKeeper.
func (h *Home) HeldFiles(r reference.Repository) ([][]byte, error) {
	dir := h.filesPath(r)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("couldn't read kept files: %w: %w", ErrStore, err)
	}
	var files [][]byte
	var damaged []error
	for _, e := range entries {
		if durable.IsTemporary(e.Name()) || !e.Type().IsRegular() || len(files) == bundle.MaxTargets {
			continue
		}
		path := filepath.Join(dir, e.Name())
		b, err := readFile(path, maxMetadata)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			// Another process has just replaced it.
		case err != nil && !errors.Is(err, errTooLarge):
			damaged = append(damaged, fmt.Errorf("couldn't read kept file: %w: %w", ErrStore, err))
		case err != nil || e.Name() != heldName(sha256.Sum256(b)):
			damaged = append(damaged, errors.Join(fmt.Errorf("%w: %s; nodes are asked for it again", ErrDamaged, path), os.Remove(path)))
		default:
			files = append(files, b)
		}
	}
	return files, errors.Join(damaged...)
}

// KeepFiles implements FileKeeper. The files of the repositories that were not asked
// about for the longest time go when all take more than 256 MiB, sooner or later: some
// 16 MiB more may be there for a while.
func (h *Home) KeepFiles(r reference.Repository, files [][]byte) error {
	return h.keepFiles(r, files, maxKeptFiles)
}

func (h *Home) keepFiles(r reference.Repository, files [][]byte, limit int64) error {
	dir := h.filesPath(r)
	wanted := make(map[string][]byte)
	var size int64
	for _, b := range files {
		wanted[heldName(sha256.Sum256(b))] = b
		size += int64(len(b))
	}
	if size > limit {
		wanted = nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("couldn't keep files: %w", err)
	}
	now := time.Now()
	for _, e := range entries {
		if _, ok := wanted[e.Name()]; ok {
			delete(wanted, e.Name())
			continue
		}
		if durable.IsTemporary(e.Name()) {
			if info, err := e.Info(); err != nil || now.Sub(info.ModTime()) < abandoned {
				continue // somebody is writing it
			}
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("couldn't remove kept file: %w", err)
		}
	}
	if len(wanted) == 0 {
		// The time of the directory is that of its last use.
		if err := os.Chtimes(dir, now, now); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("couldn't keep files: %w", err)
		}
		return nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("couldn't keep files: %w", err)
	}
	var written int64
	for name, content := range wanted {
		if err := durable.WriteUnsynced(filepath.Join(dir, name), content, 0o600); err != nil {
			return fmt.Errorf("couldn't keep file: %w", err)
		}
		written += int64(len(content))
	}
	// Measuring all directories takes far longer than writing a file into one, and
	// processes share no count. So lots are drawn: on average somebody measures once
	// in a sixteenth of the limit, which is how far the limit may be exceeded.
	if rand.Int64N(limit) >= written*evictionLots {
		return nil
	}
	return h.evict(dir, limit)
}

// evict removes the directories that were used the longest time ago while all files
// take more than limit bytes, but not the one given.
func (h *Home) evict(used string, limit int64) error {
	type directory struct {
		path string
		size int64
		time time.Time
	}
	root := h.path(filesDir)
	entries, err := os.ReadDir(root)
	if err != nil {
		return fmt.Errorf("couldn't measure kept files: %w", err)
	}
	var all []directory
	var total int64
	for _, e := range entries {
		d := directory{path: filepath.Join(root, e.Name())}
		// Directories and files that vanish meanwhile were evicted by somebody else.
		info, err := e.Info()
		if err != nil {
			continue
		}
		d.time = info.ModTime()
		files, err := os.ReadDir(d.path)
		if err != nil {
			continue
		}
		for _, f := range files {
			if info, err := f.Info(); err == nil {
				d.size += info.Size()
			}
		}
		all = append(all, d)
		total += d.size
	}
	slices.SortFunc(all, func(a, b directory) int { return a.time.Compare(b.time) })
	for _, d := range all {
		if total <= limit {
			break
		}
		if d.path == used {
			continue
		}
		if err := os.RemoveAll(d.path); err != nil {
			return fmt.Errorf("couldn't remove kept files: %w", err)
		}
		total -= d.size
	}
	return nil
}

// recallFiles brings the files that the store keeps of a repository into the cache,
// once per process, and returns what is wrong with them.
func (c *Client) recallFiles(r reference.Repository) []Warning {
	keeper, ok := c.store.(FileKeeper)
	if !ok || c.files.of(r) != nil {
		return nil
	}
	files, err := keeper.HeldFiles(r)
	if len(files) > 0 {
		c.files.keep(r, files)
	}
	return ownWarning(err)
}

// keepFiles keeps the files of a verified answer in the cache and in the store.
func (c *Client) keepFiles(r reference.Repository, files [][]byte) []Warning {
	c.files.keep(r, files)
	keeper, ok := c.store.(FileKeeper)
	if !ok || len(files) == 0 {
		return nil
	}
	return ownWarning(keeper.KeepFiles(r, files))
}

// ownWarning is the warning about something wrong on this machine.
func ownWarning(err error) []Warning {
	if err == nil {
		return nil
	}
	return []Warning{{Class: bundle.Other, Err: err}}
}
