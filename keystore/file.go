package keystore

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"hullmark/durable"
	"hullmark/safefile"
)

// createRoot opens the store's directory and creates it when it is missing.
func (s *Store) createRoot() (*os.Root, error) {
	root, err := s.openRoot()
	if !errors.Is(err, fs.ErrNotExist) {
		return root, err
	}
	if err := durable.MkdirAll(s.dir, dirMode); err != nil {
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

// writeNew writes a file whose name must be free; else it wraps ErrExists.
func writeNew(root *os.Root, name string, content []byte) error {
	err := durable.WriteNewIn(root, name, content, fileMode)
	if errors.Is(err, fs.ErrExist) {
		return ErrExists
	}
	if err != nil {
		return fmt.Errorf("couldn't write key file: %w", err)
	}
	return nil
}

// replace writes a file whether or not there is one.
func replace(root *os.Root, name string, content []byte) error {
	if err := durable.WriteIn(root, name, content, fileMode); err != nil {
		return fmt.Errorf("couldn't write key file: %w", err)
	}
	return nil
}

// closeQuietly closes what was only read: there is nothing left that could fail.
func closeQuietly(c io.Closer) { _ = c.Close() }
