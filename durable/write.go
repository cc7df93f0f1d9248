// Package durable changes files so that a reader, and a machine that loses power at any
// moment, sees the old content or the new one and nothing in between, and locks files
// between processes.
//
// A file is written under another name in its directory, synced, given its name, and
// then the directory is synced: once a function has returned, what it wrote stays. Who
// may write and read a file is judged by package safefile, which knows nothing of how it
// is written (docs/adr/0051-durable-files.md).
package durable

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// temporaryPrefix begins the names of files that are being written.
const temporaryPrefix = ".tmp-"

// IsTemporary reports whether a name in a directory is that of a file that is being
// written, or that was left behind by a process that ended meanwhile.
func IsTemporary(name string) bool { return strings.HasPrefix(name, temporaryPrefix) }

// Write replaces the file at a path, or makes it, with the permissions of mode whatever
// the umask. A symbolic link is replaced and not followed. Errors are those of package os
// and name the path; after one the old content is there, unless only the directory could
// not be synced.
func Write(path string, content []byte, mode fs.FileMode) error {
	return inDirectory(path, func(root *os.Root, name string) error { return WriteIn(root, name, content, mode) })
}

// WriteUnsynced is Write for what can be had again and is checked when it is read: readers
// see it whole, but a loss of power may leave any bytes of it.
func WriteUnsynced(path string, content []byte, mode fs.FileMode) error {
	return inDirectory(path, func(root *os.Root, name string) error {
		return write(root, name, content, mode, false, replaceIn(root))
	})
}

// WriteIn is Write in a directory that is open, and stays the same whatever happens to
// its path.
func WriteIn(root *os.Root, name string, content []byte, mode fs.FileMode) error {
	return write(root, name, content, mode, true, replaceIn(root))
}

// replaceIn returns what renames a file in a directory, also to a name that another process
// has open.
func replaceIn(root *os.Root) func(temporary, name string) error {
	return func(temporary, name string) error {
		return whileBusy(isReplacing, func() error { return root.Rename(temporary, name) })
	}
}

// WriteNewIn is WriteIn for a name that must be free; else the error is fs.ErrExist. A
// link, unlike a rename, never replaces, so that of two writers one loses.
func WriteNewIn(root *os.Root, name string, content []byte, mode fs.FileMode) error {
	return write(root, name, content, mode, true, func(temporary, name string) error {
		if err := root.Link(temporary, name); err != nil {
			return err
		}
		_ = root.Remove(temporary) // the file is there, and this name is known as temporary
		return nil
	})
}

// inDirectory opens the directory of a path.
func inDirectory(path string, do func(root *os.Root, name string) error) error {
	dir := filepath.Dir(path)
	root, err := os.OpenRoot(dir)
	if err != nil {
		// Package os says so in words only.
		if info, e := os.Stat(dir); e == nil && !info.IsDir() {
			err = syscall.ENOTDIR
		}
		return named("create", path, err)
	}
	return errors.Join(do(root, filepath.Base(path)), root.Close())
}

// write writes a file under a temporary name, which place changes into its own.
func write(root *os.Root, name string, content []byte, mode fs.FileMode, sync bool, place func(temporary, name string) error) error {
	path := filepath.Join(root.Name(), name)
	// The name is unique, so that two writers do not mix, and short, however long that of
	// the file is. Nobody else may read the file before it has its mode.
	temporary := temporaryPrefix + rand.Text()
	f, err := root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return named("create", path, err)
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil && sync {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = place(temporary, name)
	}
	if err != nil {
		_ = root.Remove(temporary) // the error says what is wrong with this place
		return named("write", path, err)
	}
	if !sync {
		return nil
	}
	return syncRoot(root)
}

// named returns an error about the path that the caller knows, instead of a temporary name.
func named(op, path string, err error) error {
	var atPath *fs.PathError
	var atLink *os.LinkError
	switch {
	case errors.As(err, &atPath):
		err = atPath.Err
	case errors.As(err, &atLink):
		err = atLink.Err
	}
	return &fs.PathError{Op: op, Path: path, Err: err}
}
