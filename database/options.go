package database

import (
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Limits and sizes of every database.
const (
	// WriteLimit is how long a write may take. A healthy disk syncs within
	// milliseconds, and a slow one within seconds; after half a minute the node has
	// missed its blocks anyway, and ending it is the only way to say so.
	WriteLimit = 30 * time.Second

	// LedgerMemTable is how many bytes of the ledger's newest entries are kept in
	// memory before they become a table. A block of the largest work writes some ten
	// megabytes, so that tables are made every few blocks under the heaviest load.
	LedgerMemTable = 64 << 20

	// EngineMemTable is the same for each of the engine's databases, which are
	// written in the order of heights and hardly read.
	EngineMemTable = 4 << 20

	// DefaultOpenFiles is how many tables are kept open where Options do not say.
	DefaultOpenFiles = 500

	// blockBytes is the size of a table's blocks, the unit of reading and caching.
	// Larger ones need a smaller index; map nodes of one version lie side by side.
	blockBytes = 16 << 10

	// filterBits is how many bits a key takes in the filter of a table, which answers
	// 99 of 100 look-ups of keys that the table does not have.
	filterBits = 10

	// memTables is how many memtables may wait for being written to tables before
	// writes wait for them.
	memTables = 4

	// journalStep is by how much a journal's file is allocated ahead of what is
	// written. Pebble would allocate a whole memtable, 70 MB of an empty ledger.
	journalStep = 1 << 20
)

// Options are the settings of a database.
type Options struct {
	// Fatal is called with the reason when the database has failed, once, and must
	// not call the database. The process should end. Nil: only the calls of the
	// database tell.
	Fatal func(error)

	// Log takes what is worth an operator's attention and no failure. Nil for none.
	Log *slog.Logger

	// Cache is where blocks of tables are kept in memory, shared by all databases
	// that are given it. Nil for one of its own of DefaultCacheBytes.
	Cache *Cache

	// OpenFiles is how many tables are kept open; 0 for DefaultOpenFiles.
	OpenFiles int

	// ReadOnly refuses writes and changes nothing in the directory.
	ReadOnly bool

	// MemTableBytes is the size of the memtable; 0 for the one of the kind of
	// database. Small ones are for tests.
	MemTableBytes int

	// FS holds the files; nil for the file system of the machine. Others are for
	// tests.
	FS vfs.FS

	// WriteLimit is how long a write may take; 0 for the constant of that name.
	// Others are for tests.
	WriteLimit time.Duration
}

// withDefaults fills in what is not set.
func (o Options) withDefaults(memTable int) Options {
	if o.MemTableBytes == 0 {
		o.MemTableBytes = memTable
	}
	if o.OpenFiles == 0 {
		o.OpenFiles = DefaultOpenFiles
	}
	if o.WriteLimit == 0 {
		o.WriteLimit = WriteLimit
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.FS == nil {
		o.FS = vfs.Default
	}
	return o
}

// pebble returns the settings in Pebble's terms, for a database on a file system.
func (o Options) pebble(files vfs.FS, f *failure) *pebble.Options {
	p := &pebble.Options{
		FS: files,
		// In older formats a flipped bit in the middle of a journal passes for its end.
		FormatMajorVersion:          pebble.FormatNewest,
		ReadOnly:                    o.ReadOnly,
		MemTableSize:                uint64(o.MemTableBytes),
		MemTableStopWritesThreshold: memTables,
		MaxOpenFiles:                o.OpenFiles,
		// A second merge of tables may run when the first cannot keep up; the cores
		// are for consensus.
		CompactionConcurrencyRange: func() (lower, upper int) { return 1, 2 },
		CacheSize:                  DefaultCacheBytes,
		Logger:                     f,
		EventListener: &pebble.EventListener{
			BackgroundError: f.background,
			DataCorruption:  f.corruption,
			WriteStallBegin: func(i pebble.WriteStallBeginInfo) {
				o.Log.Warn("writes wait until tables are merged", "database", f.path, "reason", i.Reason)
			},
		},
	}
	if o.Cache != nil {
		p.Cache = o.Cache.blocks
	}
	for i := range p.Levels {
		p.Levels[i].BlockSize = blockBytes
		p.Levels[i].FilterPolicy = bloom.FilterPolicy(filterBits)
	}
	return p
}
