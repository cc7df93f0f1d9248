package database

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// reports counts what is reported as fatal.
type reports struct {
	n    atomic.Int64
	mu   sync.Mutex
	last error
}

func (r *reports) fatal(err error) {
	r.n.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = err
}

// afterFailure checks that a database which has failed says so, and never waits.
func afterFailure(t *testing.T, r *reports, db *core, want error) {
	t.Helper()
	it, iterate := db.iterate(nil, nil, false)
	if it != nil {
		t.Error("an iterator of a database that has failed")
	}
	_, get := db.Get(key(1))
	for name, err := range map[string]error{
		"get": get, "set": db.SetSync(key(1), value(1)), "batch": db.newBatch().WriteSync(), "iterate": iterate,
		"compact": db.Compact(nil, nil), "close": db.Close(),
	} {
		if !errors.Is(err, ErrFailed) || want != nil && !errors.Is(err, want) {
			t.Errorf("%s after the failure: %v", name, err)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n.Load() != 1 || !errors.Is(r.last, ErrFailed) {
		t.Errorf("reported %d times: %v", r.n.Load(), r.last)
	}
}

// TestDiskFull lets the disk run full for one kind of file and one kind of operation at
// a time. Without our listeners Pebble hangs, or spins, or ends the process.
func TestDiskFull(t *testing.T) {
	for name, tc := range map[string]struct {
		file  string // a part of its name
		kinds []errorfs.OpKind
	}{
		"write to the journal":  {".log", []errorfs.OpKind{errorfs.OpFileWrite}},
		"sync of the journal":   {".log", []errorfs.OpKind{errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo}},
		"new journal":           {".log", []errorfs.OpKind{errorfs.OpCreate, errorfs.OpReuseForWrite}},
		"new table":             {".sst", []errorfs.OpKind{errorfs.OpCreate}},
		"write to a table":      {".sst", []errorfs.OpKind{errorfs.OpFileWrite}},
		"sync of a table":       {".sst", []errorfs.OpKind{errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo}},
		"write to a manifest":   {"MANIFEST", []errorfs.OpKind{errorfs.OpFileWrite}},
		"sync of a manifest":    {"MANIFEST", []errorfs.OpKind{errorfs.OpFileSync, errorfs.OpFileSyncData}},
		"sync of the directory": {"db", []errorfs.OpKind{errorfs.OpFileSync}},
		"mark of the journal":   {"marker." + newestMark, []errorfs.OpKind{errorfs.OpCreate}},
		"mark of the list":      {"marker." + listedMark, []errorfs.OpKind{errorfs.OpCreate}},
	} {
		t.Run(name, func(t *testing.T) {
			var full atomic.Bool
			fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
				if full.Load() && slices.Contains(tc.kinds, op.Kind) && strings.Contains(op.Path, tc.file) {
					return syscall.ENOSPC
				}
				return nil
			}))
			r := new(reports)
			db := openFailing(t, Options{FS: fs, Fatal: r.fatal, MemTableBytes: 64 << 10})
			for i := range 100 {
				must(t, db.SetSync(key(i), value(i)))
			}
			full.Store(true)
			var err error
			for i := 100; err == nil && i < 100_000; i++ {
				err = db.SetSync(key(i), value(i))
			}
			if !errors.Is(err, ErrFailed) || !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("writing to a full disk: %v", err)
			}
			afterFailure(t, r, db, syscall.ENOSPC)
		})
	}
}

func openFailing(t *testing.T, o Options) *core {
	t.Helper()
	c, err := openCore("db", o.withDefaults(LedgerMemTable))
	must(t, err)
	return c
}

// TestDiskFullAtOpen: a disk that is full from any step of opening on is an error, and
// no end of the process.
func TestDiskFullAtOpen(t *testing.T) {
	failed := 0
	for room, worked := int64(0), 0; worked < 20; room++ { // more than there are in a row that may fail
		var left atomic.Int64
		left.Store(room)
		fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && left.Add(-1) < 0 {
				return syscall.ENOSPC
			}
			return nil
		}))
		db, err := OpenLedger("db", Options{FS: fs})
		switch {
		case err != nil && (db != nil || !errors.Is(err, syscall.ENOSPC)):
			t.Errorf("room for %d steps: %v", room, err)
		case err != nil:
			failed++
			worked = 0
		default:
			worked++
			_ = db.Close() // there is no room
		}
	}
	t.Logf("it failed at %d steps", failed)
	if failed < 10 {
		t.Errorf("it failed at %d steps only", failed)
	}
}

// slowFS has journals whose sync never ends.
type slowFS struct {
	vfs.FS
	slow *atomic.Bool
}

func (fs slowFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.Create(name, c)
	if err != nil || !strings.HasSuffix(name, ".log") {
		return f, err
	}
	return slowFile{f, fs.slow}, nil
}

type slowFile struct {
	vfs.File
	slow *atomic.Bool
}

func (f slowFile) SyncData() error {
	if f.slow.Load() {
		select {}
	}
	return f.File.SyncData()
}

// TestSlowDisk: a write that never ends is ended, and with it the node.
func TestSlowDisk(t *testing.T) {
	r, slow := new(reports), new(atomic.Bool)
	db := openFailing(t, Options{FS: slowFS{vfs.NewMem(), slow}, Fatal: r.fatal, WriteLimit: 2 * time.Second})
	must(t, db.SetSync(key(1), value(1)))
	slow.Store(true)
	err := db.SetSync(key(2), value(2))
	if !errors.Is(err, ErrFailed) || !strings.Contains(err.Error(), "longer than 2s") {
		t.Errorf("a write to a disk that hangs: %v", err)
	}
	afterFailure(t, r, db, nil)
}

// TestDamageEndsTheDatabase: a damaged table is an error for who reads it, and the end
// of the node.
func TestDamageEndsTheDatabase(t *testing.T) {
	fs := vfs.NewMem()
	db := openFailing(t, Options{FS: fs})
	for i := range 2000 {
		must(t, db.Set(key(i), value(i)))
	}
	must(t, db.Close())
	must(t, openFailing(t, Options{FS: fs}).Close()) // moves the journal into a table
	names, err := fs.List("db")
	must(t, err)
	for _, name := range names {
		if strings.HasSuffix(name, ".sst") {
			flipAt(t, fs, "db/"+name, 100)
		}
	}
	r := new(reports)
	db = openFailing(t, Options{FS: fs, Fatal: r.fatal})
	var found error
	for i := 0; i < 2000 && found == nil; i++ {
		var v []byte
		if v, found = db.Get(key(i)); found == nil && string(v) != string(value(i)) {
			t.Fatalf("entry %d is %q", i, v)
		}
	}
	if found == nil {
		t.Fatal("nothing was found")
	}
	afterFailure(t, r, db, ErrDamaged)
}

// flipAt flips a bit of a file.
func flipAt(t *testing.T, fs vfs.FS, path string, at int64) {
	t.Helper()
	b, err := readFile(fs, path)
	must(t, err)
	b[at] ^= 1
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	must(t, err)
	_, err = f.Write(b)
	must(t, errors.Join(err, f.Sync(), f.Close()))
}
