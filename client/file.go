package client

import (
	"context"
	"errors"
	"fmt"
	"io"

	"hullmark/durable"
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
	f, err := durable.Open(path)
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

// writeFile replaces a file of a home, which only its user may read.
func writeFile(path string, content []byte) error { return durable.Write(path, content, 0o600) }

// lockFile waits for the lock on a file and returns what releases it. It wraps ErrLocked
// when the context ends first.
func lockFile(ctx context.Context, path string) (release func(), err error) {
	release, err = durable.Lock(ctx, path)
	if errors.Is(err, durable.ErrLocked) {
		return nil, fmt.Errorf("%w: %w", ErrLocked, ctx.Err())
	}
	return release, err
}
