package database

import (
	"bytes"

	"github.com/cockroachdb/pebble/v2"
)

// iterator goes through the entries that there were when it was made. One goroutine at
// a time uses it; Close of the database may come at any time.
type iterator struct {
	core       *core
	it         *pebble.Iterator // nil when the iterator or the database was closed
	start, end []byte
	reverse    bool
	closed     bool
}

// iterate returns an iterator over the keys from start, inclusive, to end, exclusive.
// A nil bound is none.
func (c *core) iterate(start, end []byte, reverse bool) (*iterator, error) {
	if start != nil && len(start) == 0 || end != nil && len(end) == 0 {
		return nil, ErrEmptyKey
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	if err := c.usable(); err != nil {
		return nil, err
	}
	o := &pebble.IterOptions{LowerBound: start, UpperBound: end}
	if start != nil && end != nil && bytes.Compare(start, end) > 0 {
		o.UpperBound = start // the empty range
	}
	it, err := c.db.NewIter(o)
	if err != nil {
		return nil, err
	}
	i := &iterator{core: c, it: it, start: start, end: end, reverse: reverse}
	if reverse {
		it.Last()
	} else {
		it.First()
	}
	c.openMu.Lock()
	c.open[i] = struct{}{}
	c.openMu.Unlock()
	return i, nil
}

// Domain returns the bounds that the iterator was made with.
func (i *iterator) Domain() (start, end []byte) { return i.start, i.end }

// Valid reports whether the iterator is at an entry.
func (i *iterator) Valid() bool {
	i.core.mu.RLock()
	defer i.core.mu.RUnlock()
	return i.it != nil && i.core.err() == nil && i.it.Valid()
}

// at calls f if the iterator is at an entry. It panics if it is at none, as the
// interfaces have it, but not because the database was closed meanwhile: the caller
// could not know.
func (i *iterator) at(f func()) {
	i.core.mu.RLock()
	defer i.core.mu.RUnlock()
	switch {
	case i.closed:
		panic("iterator is closed")
	case i.core.usable() != nil:
	case !i.it.Valid():
		panic("iterator is invalid")
	default:
		f()
	}
}

// Next moves to the next entry.
func (i *iterator) Next() {
	i.at(func() {
		if i.reverse {
			i.it.Prev()
		} else {
			i.it.Next()
		}
	})
}

// Key returns a copy of the key, or nil if the database was closed.
func (i *iterator) Key() (key []byte) {
	i.at(func() { key = bytes.Clone(i.it.Key()) })
	return key
}

// Value returns a copy of the value, or nil if the database was closed.
func (i *iterator) Value() (value []byte) {
	i.at(func() { value = append([]byte{}, i.it.Value()...) })
	return value
}

// Error returns why the iterator has ended before the last entry, or nil.
func (i *iterator) Error() error {
	i.core.mu.RLock()
	defer i.core.mu.RUnlock()
	if i.closed {
		return nil
	}
	if err := i.core.usable(); err != nil {
		return err
	}
	return i.it.Error()
}

// Close frees the iterator. A second call does nothing.
func (i *iterator) Close() error {
	i.core.mu.RLock()
	defer i.core.mu.RUnlock()
	if i.closed {
		return nil
	}
	i.closed = true
	i.core.openMu.Lock()
	delete(i.core.open, i)
	i.core.openMu.Unlock()
	if i.it == nil || i.core.err() != nil {
		return nil // Pebble may hold locks for ever
	}
	closed := i.it
	i.it = nil
	return closed.Close()
}
