package durable

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// ErrLocked says that somebody else holds a lock.
var ErrLocked = errors.New("somebody else holds the lock")

// lockPoll is how often a lock that somebody else holds is tried again. Waiting in the
// system instead could not be ended with a context.
const lockPoll = 5 * time.Millisecond

// Lock waits for the lock on the file at a path, which it makes if need be, and returns
// what releases it. The system releases it too when the process ends. The file keeps no
// content and is not removed. When the context ends first, the error wraps ErrLocked and
// that of the context.
func Lock(ctx context.Context, path string) (release func(), err error) {
	for {
		// Opened anew each time, so that a failed attempt leaves nothing to close.
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		release, err := TryLock(f)
		if !errors.Is(err, ErrLocked) {
			return release, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", err, ctx.Err())
		case <-time.After(lockPoll):
		}
	}
}

// TryLock takes the lock on an open file, without waiting, and returns what releases it and
// closes the file. Locks exclude each other between all files that were opened, in this
// process too. When somebody else holds it the error wraps ErrLocked; after an error the
// file is closed.
func TryLock(f *os.File) (release func(), err error) {
	if err := tryLock(f); err != nil {
		_ = f.Close()
		return nil, named("lock", f.Name(), err)
	}
	return func() {
		_ = unlock(f) // closing does it too, on Windows some time later
		_ = f.Close()
	}, nil
}
