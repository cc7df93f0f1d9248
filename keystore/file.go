package keystore

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"hullmark/safefile"
)

// Durable writing follows one pattern: write a temporary file, fsync it, give it
// its name, fsync the directory. At every point in time the final name is absent
// or complete, and once the function has returned it survives a power cut.

// createRoot opens the store's directory and creates it when it is missing.
func (s *Store) createRoot() (*os.Root, error) {
	root, err := s.openRoot()
	if !errors.Is(err, fs.ErrNotExist) {
		return root, err
	}
	if err := os.MkdirAll(s.dir, dirMode); err != nil {
		return nil, fmt.Errorf("couldn't create key directory: %w", err)
	}
	parent, err := os.Open(filepath.Dir(s.dir))
	if err != nil {
		return nil, fmt.Errorf("couldn't create key directory: %w", err)
	}
	defer closeQuietly(parent)
	if err := parent.Sync(); err != nil {
		return nil, fmt.Errorf("couldn't create key directory: %w", err)
	}
	return s.openRoot()
}

// readFile reads a regular file that is small and safe for its kind.
func readFile(root *os.Root, name string, kind safefile.Kind) ([]byte, error) {
	// Before opening: to open a pipe would wait for its other end.
	if info, err := root.Lstat(name); err != nil {
		return nil, err
	} else if err := checkFile(filepath.Join(root.Name(), name), info, kind); err != nil {
		return nil, err
	}
	file, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer closeQuietly(file)
	// And again: the name may have been given to something else in between.
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if err := checkFile(filepath.Join(root.Name(), name), info, kind); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(file, maxFileSize+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxFileSize {
		return nil, fmt.Errorf("%w: %s is longer than %d bytes", ErrFormat, name, maxFileSize)
	}
	return text, nil
}

func checkFile(path string, info fs.FileInfo, kind safefile.Kind) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: %s is not a regular file", safefile.ErrUnsafe, path)
	}
	_, err := safefile.CheckInfo(path, info, kind)
	return err
}

// writeNew writes a file whose name must be free; else it wraps ErrExists. A hard
// link, unlike a rename, never replaces, so of two writers one loses.
func writeNew(root *os.Root, name string, content []byte) error {
	temporary, err := writeTemporary(root, name, content)
	if err != nil {
		return err
	}
	err = root.Link(temporary, name)
	removeErr := root.Remove(temporary)
	if errors.Is(err, fs.ErrExist) {
		return ErrExists
	}
	if err := errors.Join(err, removeErr); err != nil {
		return fmt.Errorf("couldn't write %s: %w", name, err)
	}
	return syncDirectory(root)
}

// replace writes a file whether or not there is one.
func replace(root *os.Root, name string, content []byte) error {
	temporary, err := writeTemporary(root, name, content)
	if err != nil {
		return err
	}
	if err := root.Rename(temporary, name); err != nil {
		return fmt.Errorf("couldn't write %s: %w", name, errors.Join(err, root.Remove(temporary)))
	}
	return syncDirectory(root)
}

// writeTemporary returns the name of a new file with the content, synced. The
// name begins with a dot, so no key can have it.
func writeTemporary(root *os.Root, name string, content []byte) (string, error) {
	temporary := "." + name + "." + rand.Text()
	file, err := root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return "", fmt.Errorf("couldn't write %s: %w", name, err)
	}
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return "", fmt.Errorf("couldn't write %s: %w", name, errors.Join(err, root.Remove(temporary)))
	}
	return temporary, nil
}

func syncDirectory(root *os.Root) error {
	dir, err := root.Open(".")
	if err != nil {
		return fmt.Errorf("couldn't sync key directory: %w", err)
	}
	defer closeQuietly(dir)
	if err := dir.Sync(); err != nil {
		return fmt.Errorf("couldn't sync key directory: %w", err)
	}
	return nil
}

// closeQuietly closes what was only read: there is nothing left that could fail.
func closeQuietly(c io.Closer) { _ = c.Close() }
