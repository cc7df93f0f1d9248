package database

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// errReadOnly is what changing a file of a database that is only read gives.
var errReadOnly = fmt.Errorf("the database is opened to be read only: %w", os.ErrPermission)

// readOnlyFS is a file system that nothing changes. Pebble opens a database read-only
// without writing to it, but for the lock file, which it makes anew.
type readOnlyFS struct{ vfs.FS }

// Lock implements vfs.FS. The caller has seen to it that nobody writes.
func (readOnlyFS) Lock(string) (io.Closer, error) { return noLock{}, nil }

type noLock struct{}

// Close implements io.Closer.
func (noLock) Close() error { return nil }

// Create implements vfs.FS.
func (readOnlyFS) Create(string, vfs.DiskWriteCategory) (vfs.File, error) { return nil, errReadOnly }

// OpenReadWrite implements vfs.FS.
func (readOnlyFS) OpenReadWrite(string, vfs.DiskWriteCategory, ...vfs.OpenOption) (vfs.File, error) {
	return nil, errReadOnly
}

// ReuseForWrite implements vfs.FS.
func (readOnlyFS) ReuseForWrite(string, string, vfs.DiskWriteCategory) (vfs.File, error) {
	return nil, errReadOnly
}

// Link implements vfs.FS.
func (readOnlyFS) Link(string, string) error { return errReadOnly }

// Remove implements vfs.FS.
func (readOnlyFS) Remove(string) error { return errReadOnly }

// RemoveAll implements vfs.FS.
func (readOnlyFS) RemoveAll(string) error { return errReadOnly }

// Rename implements vfs.FS.
func (readOnlyFS) Rename(string, string) error { return errReadOnly }

// MkdirAll implements vfs.FS.
func (readOnlyFS) MkdirAll(string, os.FileMode) error { return errReadOnly }

// Unwrap implements vfs.FS.
func (fs readOnlyFS) Unwrap() vfs.FS { return fs.FS }

// journalFS is the file system of a database that is written. It allocates journals
// step by step (journalStep). An error of a journal, or when a directory is synced, ends
// the database: Pebble's own answer to some of them is a panic that cannot be recovered.
// Before a journal or a table is removed it notes how long the list of tables is, and it
// notes which journal is the newest.
type journalFS struct {
	vfs.FS
	failure *failure
	listed  *listed
	newest  *newest
}

// newJournalFS returns the file system of the database in a directory.
func newJournalFS(files vfs.FS, dir string, f *failure) *journalFS {
	fs := &journalFS{FS: files, failure: f}
	fs.listed, fs.newest = newListed(fs, dir), newNewest(fs, dir)
	return fs
}

// release frees what is open. Closed says that the database was closed in order.
func (fs *journalFS) release(closed bool) error {
	if closed {
		// Everything is there. On a disk without room for a name, what is cut off from now on
		// looks as after a crash.
		_ = fs.newest.closed()
	}
	return errors.Join(fs.listed.close(), fs.newest.close())
}

// note is called before a file is removed or used for something else.
func (fs *journalFS) note(name string) {
	base := fs.PathBase(name)
	if _, journal := journalNumber(base); !journal && !strings.HasSuffix(base, ".sst") {
		return
	}
	if err := fs.listed.note(); err != nil {
		fs.failure.background(fmt.Errorf("couldn't note the length of the list of tables: %w", err))
	}
	if err := fs.newest.removes(base); err != nil {
		fs.failure.background(fmt.Errorf("couldn't note that a journal is removed: %w", err))
	}
}

// Remove implements vfs.FS.
func (fs *journalFS) Remove(name string) error {
	fs.note(name)
	return fs.FS.Remove(name)
}

// Create implements vfs.FS.
func (fs *journalFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.Create(name, c)
	return fs.wrap(name, f, err)
}

// ReuseForWrite implements vfs.FS.
func (fs *journalFS) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	fs.note(old)
	f, err := fs.FS.ReuseForWrite(old, name, c)
	return fs.wrap(name, f, err)
}

// OpenDir implements vfs.FS.
func (fs *journalFS) OpenDir(name string) (vfs.File, error) {
	f, err := fs.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return directory{f, fs.failure}, nil
}

// directory is a directory that is opened to be synced.
type directory struct {
	vfs.File
	failure *failure
}

// Sync implements vfs.File. It does not return an error.
func (d directory) Sync() error {
	if err := d.File.Sync(); err != nil {
		d.failure.background(fmt.Errorf("couldn't sync directory: %w", err))
	}
	return nil
}

func (fs *journalFS) wrap(name string, f vfs.File, err error) (vfs.File, error) {
	base := fs.PathBase(name)
	if strings.HasPrefix(base, "MANIFEST-") && err == nil {
		return &manifestFile{f, base, fs.listed}, nil
	}
	if _, journal := journalNumber(base); !journal {
		return f, err
	}
	if err == nil {
		err = fs.newest.made(base)
	}
	if err != nil {
		fs.failure.background(fmt.Errorf("couldn't make journal: %w", err))
	}
	return &journalFile{File: f, failure: fs.failure}, nil
}

// Unwrap implements vfs.FS.
func (fs *journalFS) Unwrap() vfs.FS { return fs.FS }

// journalFile is a journal that is written from its beginning. Its methods do not
// return errors: the database has failed then, and they never return.
type journalFile struct {
	vfs.File
	failure            *failure
	written, allocated int64
}

func (f *journalFile) check(err error) {
	if err != nil {
		f.failure.background(fmt.Errorf("couldn't write journal: %w", err))
	}
}

// Preallocate implements vfs.File. Write does it.
func (f *journalFile) Preallocate(int64, int64) error { return nil }

// Write implements vfs.File.
func (f *journalFile) Write(b []byte) (int, error) {
	if end := f.written + int64(len(b)); end > f.allocated {
		step := (end - f.allocated + journalStep - 1) / journalStep * journalStep
		// It is only to make syncing faster: a disk without room says so below.
		_ = f.File.Preallocate(f.allocated, step)
		f.allocated += step
	}
	n, err := f.File.Write(b)
	f.check(err)
	f.written += int64(n)
	return n, nil
}

// Sync implements vfs.File.
func (f *journalFile) Sync() error { f.check(f.File.Sync()); return nil }

// SyncData implements vfs.File.
func (f *journalFile) SyncData() error { f.check(f.File.SyncData()); return nil }

// SyncTo implements vfs.File.
func (f *journalFile) SyncTo(length int64) (bool, error) {
	full, err := f.File.SyncTo(length)
	f.check(err)
	return full, nil
}

// Close implements vfs.File.
func (f *journalFile) Close() error { f.check(f.File.Close()); return nil }

// readFile returns what is in a file.
func readFile(fs vfs.FS, path string) (b []byte, err error) {
	f, err := fs.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return io.ReadAll(f)
}
