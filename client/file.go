package client

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"hullmark/safefile"
)

// errTooLarge reports a file that has more bytes than its kind may have.
var errTooLarge = errors.New("file is too large")

// readFile reads a file of a home, of at most limit bytes, or returns errTooLarge. One
// that others may write, or put another in the place of, is refused with
// safefile.ErrUnsafe.
func readFile(path string, limit int64) ([]byte, error) {
	if _, err := safefile.Check(path, safefile.Trusted); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // nothing was written
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%w: %s has more than %d bytes", errTooLarge, path, limit)
	}
	return b, nil
}

// writeFile replaces a file so that a reader, and a machine that loses power at
// any moment, sees the old content or the new one: write beside, sync, rename,
// sync the directory.
func writeFile(path string, content []byte) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, filepath.Base(path)+".tmp-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
	}()
	if _, err := f.Write(content); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return errors.Join(f.Close(), syncDirectory(dir))
}

// syncDirectory makes the names in a directory durable.
func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
