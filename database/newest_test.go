package database

import (
	"errors"
	"os"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"hullmark/database/internal/chunk"
)

// closed makes a database of n entries, the last ones in a journal, and closes it.
func closed(t *testing.T, n, inTables int) string {
	t.Helper()
	path := written(t, n, inTables)
	db := open(t, path, Options{})
	fill(t, db, n, 20)
	must(t, db.Close())
	return path
}

// TestLostJournal removes the newest journal, or its end. Somebody who frees disk space may
// take a file called 000012.log for a log.
func TestLostJournal(t *testing.T) {
	crashed, stopped := written(t, 40, 20), closed(t, 40, 20)
	for _, tt := range []struct {
		name     string
		original string
		change   func(name string, b []byte, last int) error
		want     error
		entries  int
	}{
		{"whole after a crash", crashed, func(string, []byte, int) error { return nil }, nil, 40},
		{"whole after a stop", stopped, func(string, []byte, int) error { return nil }, nil, 60},
		{"removed after a crash", crashed, func(name string, _ []byte, _ int) error { return os.Remove(name) }, ErrDamaged, 0},
		{"removed after a stop", stopped, func(name string, _ []byte, _ int) error { return os.Remove(name) }, ErrDamaged, 0},
		{"emptied after a stop", stopped, func(name string, _ []byte, _ int) error { return os.Truncate(name, 0) }, ErrDamaged, 0},
		{"cut off before the last record after a stop", stopped, func(name string, _ []byte, last int) error { return os.Truncate(name, int64(last)) }, ErrDamaged, 0},
		{"a bit of the last record after a stop", stopped, func(name string, b []byte, last int) error {
			b[last+chunk.SyncedOffset+20] ^= 1
			return os.WriteFile(name, b, 0o600)
		}, ErrDamaged, 0},
		{"cut off before the last record after a crash", crashed, func(name string, _ []byte, last int) error { return os.Truncate(name, int64(last)) }, nil, 39},
	} {
		for _, readOnly := range []bool{true, false} {
			t.Run(tt.name, func(t *testing.T) {
				path := clone(t, tt.original)
				name, number := journal(t, path)
				b, err := os.ReadFile(name)
				must(t, err)
				must(t, tt.change(name, b, chunk.Journal(number).LastRecord(b)))
				db, err := OpenLedger(path, Options{ReadOnly: readOnly})
				if !errors.Is(err, tt.want) || err != nil && tt.want == nil {
					t.Fatalf("open: %v, want %v", err, tt.want)
				}
				if err != nil {
					return
				}
				n, err := prefix(db)
				must(t, errors.Join(err, db.Close()))
				if n != tt.entries {
					t.Errorf("%d entries, want %d", n, tt.entries)
				}
			})
		}
	}
}

// TestOpenedOften opens and closes a database over and over, with a crash now and then:
// what it notes of its journals is never wrong of an undamaged one.
func TestOpenedOften(t *testing.T) {
	path, n := t.TempDir(), 0
	for i := range 12 {
		db, err := OpenLedger(path, Options{MemTableBytes: 64 << 10})
		must(t, err)
		if got, err := prefix(db); err != nil || got != n {
			t.Fatalf("round %d: %d of %d entries, %v", i, got, n, err)
		}
		more := []int{0, 1, 900}[i%3]
		fill(t, db, n, more)
		n += more
		crashed := clone(t, path)
		must(t, db.Close())
		if i%4 == 3 {
			path = crashed
		}
	}
}

// TestClosedWithoutRoom: a disk that is full keeps nobody from closing a database, which loses
// nothing by it.
func TestClosedWithoutRoom(t *testing.T) {
	var full atomic.Bool
	fs := errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if full.Load() && op.Kind == errorfs.OpCreate {
			return syscall.ENOSPC
		}
		return nil
	}))
	db := open(t, "db", Options{FS: fs})
	fill(t, db, 0, 10)
	full.Store(true)
	must(t, db.Close())
	full.Store(false)
	if n, err := prefix(open(t, "db", Options{FS: fs})); err != nil || n != 10 {
		t.Errorf("%d entries, %v", n, err)
	}
}

// TestNewest: what is noted never names a journal that is not there, whenever the power is
// lost. Pebble may remove the newest journal while it opens a database, and make the next one
// later.
func TestNewest(t *testing.T) {
	files := memory()
	must(t, files.MkdirAll("db", 0o700))
	root, err := files.OpenDir("/")
	must(t, err)
	must(t, errors.Join(root.Sync(), root.Close()))
	n := newNewest(files, "db")
	says := func(want string) {
		t.Helper()
		got, _, err := readMark(files.CrashClone(vfs.CrashCloneCfg{}), "db", newestMark)
		if err != nil || got != want {
			t.Errorf("the mark says %q, want %q; error %v", got, want, err)
		}
	}
	must(t, n.made("000012.log"))
	says("000012.log")
	must(t, n.removes("000007.sst"))
	says("000012.log")
	must(t, n.removes("000012.log"))
	says("")
	must(t, n.made("000015.log"))
	must(t, n.removes("000012.log"))
	says("000015.log")
	must(t, n.close())
	// Nor of what a process before has noted.
	n = newNewest(files, "db")
	must(t, n.removes("000015.log"))
	says("")
	must(t, n.close())
}
