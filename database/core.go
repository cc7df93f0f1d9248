package database

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// core is a database without the interface of one of its users.
type core struct {
	*failure
	db         *pebble.DB
	release    func(closed bool) error // of what Pebble does not know of
	writeLimit time.Duration

	// mu is held for reading while Pebble is called, and for writing by Close.
	mu     sync.RWMutex
	closed bool

	// open are the iterators that Close has to close first.
	openMu sync.Mutex
	open   map[*iterator]struct{}
}

// openCore opens a database in a directory, which is made if it does not exist.
func openCore(path string, o Options) (*core, error) {
	if err := checkFiles(o.FS, path); err != nil {
		return nil, fmt.Errorf("couldn't open %s: %w", path, err)
	}
	f := newFailure(path, o)
	files, release := vfs.FS(readOnlyFS{o.FS}), func(bool) error { return nil }
	if !o.ReadOnly {
		j := newJournalFS(o.FS, path, f)
		files, release = j, j.release
	}
	var db *pebble.DB
	err := f.await(0, func() (err error) {
		db, err = openNewest(path, o.pebble(files, f))
		return err
	})
	if err != nil {
		if pebble.IsCorruptionError(err) {
			err = fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		if f.err() == nil { // else somebody waits for ever, and holds what would be released
			err = errors.Join(err, release(false))
		}
		return nil, fmt.Errorf("couldn't open %s: %w", path, err)
	}
	return &core{failure: f, db: db, release: release, writeLimit: o.WriteLimit, open: make(map[*iterator]struct{})}, nil
}

// openNewest opens a database whose journal has the newest format. Pebble makes the
// first journal of a new database before it raises the format, and in the old one
// damage passes for the end of a journal. So what was not of the newest format is
// opened once more, before anything is written.
func openNewest(path string, o *pebble.Options) (*pebble.DB, error) {
	newest, err := isNewest(o.FS, path)
	if err != nil {
		return nil, err
	}
	if !newest && !o.ReadOnly {
		db, err := pebble.Open(path, o)
		if err != nil {
			return nil, err
		}
		if err := db.Close(); err != nil {
			return nil, err
		}
	}
	return pebble.Open(path, o)
}

// await runs a step of Pebble that may never return, and waits until it has, the
// database has failed, or the limit is reached; 0 for no limit.
func (f *failure) await(limit time.Duration, step func() error) error {
	done := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				f.panicked(p)
			}
		}()
		done <- step()
	}()
	var late <-chan time.Time
	if limit > 0 {
		timer := time.NewTimer(limit)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case err := <-done:
		return err
	case <-f.failed:
	case <-late:
		f.set(fmt.Errorf("a write has taken longer than %s: the disk does not answer, or is too slow for this node", limit))
	}
	return f.err()
}

// usable returns why the database cannot be used, or nil. The caller holds mu.
func (c *core) usable() error {
	if c.closed {
		return ErrClosed
	}
	return c.err()
}

// Get returns a copy of the value of a key, or nil if there is none.
func (c *core) Get(key []byte) ([]byte, error) {
	if len(key) == 0 {
		return nil, ErrEmptyKey
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	if err := c.usable(); err != nil {
		return nil, err
	}
	value, closer, err := c.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out := append([]byte{}, value...)
	return out, closer.Close()
}

// Has reports whether there is a key.
func (c *core) Has(key []byte) (bool, error) {
	value, err := c.Get(key)
	return value != nil, err
}

// Set sets the value of a key. A crash may lose it.
func (c *core) Set(key, value []byte) error { return c.set(key, value, false) }

// SetSync is Set, and returns when the value is on the disk.
func (c *core) SetSync(key, value []byte) error { return c.set(key, value, true) }

func (c *core) set(key, value []byte, sync bool) error {
	b := c.newBatch()
	if err := b.Set(key, value); err != nil {
		return errors.Join(err, b.Close())
	}
	return b.write(sync)
}

// Delete deletes a key, if there is one. A crash may bring it back.
func (c *core) Delete(key []byte) error { return c.delete(key, false) }

// DeleteSync is Delete, and returns when the disk knows.
func (c *core) DeleteSync(key []byte) error { return c.delete(key, true) }

func (c *core) delete(key []byte, sync bool) error {
	b := c.newBatch()
	if err := b.Delete(key); err != nil {
		return errors.Join(err, b.Close())
	}
	return b.write(sync)
}

// Compact merges the tables that hold keys from start, inclusive, to end, exclusive;
// nil is the first, and what follows the last.
func (c *core) Compact(start, end []byte) error {
	first, last, err := c.bounds(start, end)
	if err != nil || first == nil {
		return err
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	if err := c.usable(); err != nil {
		return err
	}
	return c.await(0, func() error { return c.db.Compact(context.Background(), first, last, true) })
}

// bounds returns the first key of a range and one behind the last, or nil if the range
// is empty.
func (c *core) bounds(start, end []byte) (first, last []byte, err error) {
	for reverse, key := range map[bool]*[]byte{false: &first, true: &last} {
		it, err := c.iterate(start, end, reverse)
		if err != nil {
			return nil, nil, err
		}
		if it.Valid() {
			*key = it.Key()
		}
		if err := errors.Join(it.Error(), it.Close()); err != nil {
			return nil, nil, err
		}
	}
	if first == nil {
		return nil, nil, nil
	}
	return first, append(last, 0), nil
}

// Stats returns what Pebble measures.
func (c *core) Stats() map[string]string {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.usable() != nil {
		return nil
	}
	return map[string]string{"database.type": "pebble", "pebble.metrics": c.db.Metrics().String()}
}

// Print writes all entries to the standard output, for debugging.
func (c *core) Print() error {
	it, err := c.iterate(nil, nil, false)
	if err != nil {
		return err
	}
	for ; it.Valid(); it.Next() {
		fmt.Printf("[%X]:\t[%X]\n", it.Key(), it.Value())
	}
	return errors.Join(it.Error(), it.Close())
}

// Close waits for calls that have begun and closes the database. Iterators that are
// open end. A second call does nothing. A database that has failed is left as it is,
// since Pebble may never return; the error says why it failed.
func (c *core) Close() error {
	if err := c.err(); err != nil {
		return err
	}
	return c.await(0, func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.closed {
			return nil
		}
		c.closed = true
		var errs []error
		for it := range c.open {
			errs = append(errs, it.it.Close())
			it.it = nil
		}
		err := errors.Join(append(errs, c.db.Close())...)
		return errors.Join(err, c.release(err == nil))
	})
}
