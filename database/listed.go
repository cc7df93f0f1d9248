package database

import (
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/atomicfs"

	"hullmark/database/internal/chunk"
)

const (
	// manifestMarker is the name of the marker of Pebble that says which manifest, or
	// list of tables, is the current one. A marker is an empty file that says it in its
	// name.
	manifestMarker = "manifest"
	// listedMark is the name of our mark that says up to where a manifest was synced.
	listedMark = "listed"
)

// listed makes sure that damage at the end of a manifest is not taken for a write that
// a power failure has cut off. Pebble reads a manifest up to what does not check. That
// is right as long as all files are there that the shorter list needs; so before the
// first of them is removed, it is written down how long the list has become.
type listed struct {
	files vfs.FS // that ends the database when a directory cannot be synced
	dir   string

	mu      sync.Mutex
	written map[string]int64 // bytes of manifests
	synced  map[string]int64
	mark    mark
}

func newListed(files vfs.FS, dir string) *listed {
	return &listed{
		files: files, dir: dir, written: make(map[string]int64), synced: make(map[string]int64),
		mark: mark{files: files, dir: dir, name: listedMark},
	}
}

// wrote and sync are called when a manifest has been written to, and synced.
func (l *listed) wrote(name string, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.written[name] += int64(n)
}

func (l *listed) sync(name string, sync func() error) error {
	l.mu.Lock()
	written := l.written[name]
	l.mu.Unlock()
	if err := sync(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.synced[name] = max(l.synced[name], written)
	return nil
}

// note writes down how long the current manifest is.
func (l *listed) note() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	name, err := atomicfs.ReadMarker(l.files, l.dir, manifestMarker)
	if err != nil || name == "" {
		return err
	}
	size, ok := l.synced[name]
	if !ok {
		// It was written before this opening, and everything that checks counts.
		b, err := readFile(l.files, l.files.PathJoin(l.dir, name))
		if err != nil {
			return err
		}
		size = int64(chunk.Entry.Valid(b, 0))
		l.synced[name] = size
	}
	return l.mark.move(name, size)
}

// close frees what note has opened.
func (l *listed) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mark.close()
}

// listedLength returns how long a manifest has been at least; 0 if it is not known.
func listedLength(files vfs.FS, dir, manifest string) (int, error) {
	name, size, err := readMark(files, dir, listedMark)
	if err != nil || name != manifest { // the one before, or one that never became the current one
		return 0, err
	}
	return size, nil
}

// manifestFile is a manifest that is written.
type manifestFile struct {
	vfs.File
	name   string
	listed *listed
}

// Write implements vfs.File.
func (f *manifestFile) Write(b []byte) (int, error) {
	n, err := f.File.Write(b)
	f.listed.wrote(f.name, n)
	return n, err
}

// Sync implements vfs.File.
func (f *manifestFile) Sync() error { return f.listed.sync(f.name, f.File.Sync) }

// SyncData implements vfs.File.
func (f *manifestFile) SyncData() error { return f.listed.sync(f.name, f.File.SyncData) }
