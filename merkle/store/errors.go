package store

import "errors"

var (
	// ErrNotFound says that there is no content with the digest asked for.
	ErrNotFound = errors.New("not found")

	// ErrPruned says that the version asked for was given up. It says nothing
	// about what the version held.
	ErrPruned = errors.New("version is pruned")

	// ErrFutureVersion says that the version asked for is not committed yet.
	ErrFutureVersion = errors.New("version is not committed yet")

	// ErrClosed says that the view was closed before.
	ErrClosed = errors.New("view is closed")

	// ErrInvalidChanges says that changes, or the version they are for, can't be
	// staged by anybody. The store is as it was.
	ErrInvalidChanges = errors.New("invalid changes")

	// ErrStaleStage says that another version was committed since the one to
	// commit was staged. The store is as it was.
	ErrStaleStage = errors.New("staged on another version")

	// ErrCorrupt says that the database does not hold what was written to it.
	// The process should stop and the node be synced again.
	ErrCorrupt = errors.New("database is corrupt")

	// ErrFormat says that the database was written by a version of the software
	// that stores things otherwise. Nothing is wrong with it.
	ErrFormat = errors.New("database has another format")

	// ErrOtherOrigin says that the database holds what started from something else.
	// Nothing is wrong with it.
	ErrOtherOrigin = errors.New("database has another origin")

	// ErrFailed says that a commit failed before, so that nobody knows what the
	// database holds. The process should stop; opening the store again finds out.
	ErrFailed = errors.New("store has failed")
)
