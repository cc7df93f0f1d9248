package database

import "github.com/cockroachdb/pebble/v2"

// batch collects writes that take effect together. One goroutine at a time uses it.
type batch struct {
	core *core
	b    *pebble.Batch // nil when it was written or closed
}

func (c *core) newBatch() *batch {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.usable() != nil {
		return &batch{core: c} // whose methods say why
	}
	return &batch{core: c, b: c.db.NewBatch()}
}

// change calls a method of Pebble's batch that adds to it.
func (b *batch) change(key []byte, add func() error) error {
	if len(key) == 0 {
		return ErrEmptyKey
	}
	if err := b.usable(); err != nil {
		return err
	}
	return add()
}

// usable returns why the batch cannot be used, or nil.
func (b *batch) usable() error {
	b.core.mu.RLock()
	defer b.core.mu.RUnlock()
	if err := b.core.usable(); err != nil {
		return err
	}
	if b.b == nil {
		return ErrBatchClosed
	}
	return nil
}

// Set adds that a key is set.
func (b *batch) Set(key, value []byte) error {
	if len(key) != 0 && value == nil {
		return ErrNilValue
	}
	return b.change(key, func() error { return b.b.Set(key, value, nil) })
}

// Delete adds that a key is deleted.
func (b *batch) Delete(key []byte) error {
	return b.change(key, func() error { return b.b.Delete(key, nil) })
}

// Write writes the batch. A crash may lose it, whole.
func (b *batch) Write() error { return b.write(false) }

// WriteSync writes the batch and returns when it is on the disk.
func (b *batch) WriteSync() error { return b.write(true) }

func (b *batch) write(sync bool) error {
	if err := b.usable(); err != nil {
		return err
	}
	b.core.mu.RLock()
	defer b.core.mu.RUnlock()
	if err := b.core.usable(); err != nil {
		return err
	}
	written := b.b
	b.b = nil
	err := b.core.await(b.core.writeLimit, func() error { return written.Commit(&pebble.WriteOptions{Sync: sync}) })
	if err != nil {
		return err // Pebble may have the batch still
	}
	return written.Close()
}

// Close frees the batch. A second call does nothing.
func (b *batch) Close() error {
	if b.b == nil {
		return nil
	}
	closed := b.b
	b.b = nil
	return closed.Close()
}

// GetByteSize returns how many bytes the batch has collected.
func (b *batch) GetByteSize() (int, error) {
	if err := b.usable(); err != nil {
		return 0, err
	}
	return b.b.Len(), nil
}
