package database

import "errors"

var (
	// ErrClosed says that the database was closed before. Nothing is wrong with it.
	ErrClosed = errors.New("database is closed")

	// ErrFailed says that the database failed and takes no more calls. It is not
	// known whether the write that was under way is on the disk. The process should
	// end; opening the database again finds out.
	ErrFailed = errors.New("database has failed")

	// ErrDamaged says that the files do not hold what was written to them. The node
	// should fetch its data again from the others.
	ErrDamaged = errors.New("database is damaged")

	// ErrLevelDB says that the directory holds a LevelDB database, which nodes kept
	// before they moved to Pebble. Nothing is wrong with it, but nothing here reads it.
	ErrLevelDB = errors.New("this is a LevelDB database of an earlier version, which is not read any more")

	// ErrEmptyKey says that a key, or a bound of an iterator, is empty.
	ErrEmptyKey = errors.New("key cannot be empty")

	// ErrNilValue says that a value is nil. An empty one is fine.
	ErrNilValue = errors.New("value cannot be nil")

	// ErrBatchClosed says that a batch was written or closed before.
	ErrBatchClosed = errors.New("batch has been written or closed")
)
