package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// MkdirAll makes a directory and those above it that are missing, as os.MkdirAll does, and
// syncs the directories that they are made in.
func MkdirAll(path string, mode fs.FileMode) error {
	path = filepath.Clean(path)
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() {
		return &fs.PathError{Op: "mkdir", Path: path, Err: syscall.ENOTDIR}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := MkdirAll(parent, mode); err != nil {
			return err
		}
	}
	// Another process may make it meanwhile, and may not have synced it yet.
	if err := os.Mkdir(path, mode); err != nil {
		if info, now := os.Stat(path); now != nil || !info.IsDir() {
			return err
		}
	}
	return SyncDir(parent)
}

// SyncDir makes the names in a directory last: files that were made, renamed and removed
// in it. On Windows, which syncs no directories, it does nothing.
func SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(syncNames(d), d.Close())
}

// syncRoot is SyncDir for an open directory.
func syncRoot(root *os.Root) error {
	d, err := root.Open(".")
	if err != nil {
		return named("open", root.Name(), err)
	}
	if err := errors.Join(syncNames(d), d.Close()); err != nil {
		return named("sync", root.Name(), err)
	}
	return nil
}
