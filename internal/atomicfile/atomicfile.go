// Package atomicfile writes files that a reader, and a machine that loses power at
// any moment, sees whole or not at all.
package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Write replaces the file at path by content with the permissions mode, whatever
// the umask: it writes beside the file, syncs, renames, and syncs the directory.
// Until the rename, and for good if anything fails before it, the old content is
// there. What is at path and no regular file, such as a pipe or a terminal, has
// no old content to keep and is written to. Errors are those of package os.
func Write(path string, content []byte, mode os.FileMode) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return os.WriteFile(path, content, mode)
	}
	dir := filepath.Dir(path)
	// The name is unique, so that two writers do not mix; the mode is 0600 at first.
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".tmp-*")
	if failed := new(fs.PathError); errors.As(err, &failed) {
		return &fs.PathError{Op: "create", Path: path, Err: failed.Err} // the name that the user knows
	}
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(dir)
}

// syncDir makes the names in a directory last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
