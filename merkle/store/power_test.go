package store_test

import (
	"fmt"
	"io"
	"math/rand"
	randv2 "math/rand/v2"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	dbm "github.com/cosmos/cosmos-db"

	"hullmark/database"
	"hullmark/merkle/store"
)

// powerFS is the file system of one database that can lose power. It keeps what was
// synced; of the rest it keeps what it likes, block by block: what was written since
// the last sync, files that were never synced, and files that were removed.
type powerFS struct {
	*vfs.MemFS
	mu sync.Mutex
	// left is the number of changes until the power fails; below zero never.
	left int
	out  chan struct{} // closed when it has failed
	disk *vfs.MemFS    // what it was when it failed
	r    *randv2.Rand
}

func newPowerFS(disk *vfs.MemFS, r *randv2.Rand) *powerFS {
	return &powerFS{MemFS: disk, left: -1, out: make(chan struct{}), r: r}
}

// change is called before anything that changes the disk. It does not return when
// there is no power: without power nothing goes on.
func (fs *powerFS) change() {
	fs.mu.Lock()
	if fs.left == 0 {
		fs.loses()
		fs.mu.Unlock()
		select {}
	}
	fs.left--
	fs.mu.Unlock()
}

// loses takes the power away, once. The caller holds mu.
func (fs *powerFS) loses() {
	if fs.disk != nil {
		return
	}
	fs.disk = fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: fs.r.IntN(101), RNG: fs.r})
	close(fs.out)
}

// failAfter takes the power away when some more changes have been made.
func (fs *powerFS) failAfter(changes int) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.left = changes
}

// fail takes the power away.
func (fs *powerFS) fail() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.left = 0
	fs.loses()
}

// after returns the disk without power when it comes back.
func (fs *powerFS) after() *powerFS {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return newPowerFS(fs.disk, fs.r)
}

// Create implements vfs.FS.
func (fs *powerFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	fs.change()
	f, err := fs.MemFS.Create(name, c)
	return &powerFile{f, fs}, err
}

// ReuseForWrite implements vfs.FS.
func (fs *powerFS) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	fs.change()
	f, err := fs.MemFS.ReuseForWrite(old, name, c)
	return &powerFile{f, fs}, err
}

// OpenDir implements vfs.FS.
func (fs *powerFS) OpenDir(name string) (vfs.File, error) {
	f, err := fs.MemFS.OpenDir(name)
	return &powerFile{f, fs}, err
}

// Remove implements vfs.FS.
func (fs *powerFS) Remove(name string) error { fs.change(); return fs.MemFS.Remove(name) }

// Rename implements vfs.FS.
func (fs *powerFS) Rename(old, name string) error { fs.change(); return fs.MemFS.Rename(old, name) }

// Lock implements vfs.FS. Who had it when the power failed is gone.
func (fs *powerFS) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

// Unwrap implements vfs.FS.
func (fs *powerFS) Unwrap() vfs.FS { return fs.MemFS }

// powerFile is a file, or a directory, of such a disk.
type powerFile struct {
	vfs.File
	fs *powerFS
}

// Write implements vfs.File.
func (f *powerFile) Write(b []byte) (int, error) { f.fs.change(); return f.File.Write(b) }

// Sync implements vfs.File.
func (f *powerFile) Sync() error { f.fs.change(); return f.File.Sync() }

// SyncData implements vfs.File.
func (f *powerFile) SyncData() error { f.fs.change(); return f.File.SyncData() }

// SyncTo implements vfs.File.
func (f *powerFile) SyncTo(length int64) (bool, error) { f.fs.change(); return f.File.SyncTo(length) }

// TestPowerLoss takes the power away at random steps of commits, of the database's
// own work and between them. Each time the store is at the last version that was
// committed, or at the one that was being committed, whole; and the block that was
// lost gives the same again.
func TestPowerLoss(t *testing.T) {
	const histories, failures = 10, 15
	lost, kept, between := 0, 0, 0
	for seed := range int64(histories) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewSource(seed))
			fs := newPowerFS(vfs.NewCrashableMem(), randv2.New(randv2.NewPCG(uint64(seed), 0)))
			open := func() dbm.DB {
				t.Helper()
				// So small that tables are made and merged all the time.
				db, err := database.OpenLedger("store", database.Options{FS: fs, MemTableBytes: 32 << 10})
				if err != nil {
					t.Fatalf("couldn't open database: %v", err)
				}
				return db
			}
			h := newHarness(t, open(), store.Options{KeepRecent: 3, CacheBytes: 4000})
			for failure := 0; failure < failures; {
				if r.Intn(3) == 0 {
					fs.failAfter(r.Intn(6))
				}
				c := randomChanges(r, h.latest+1)
				s, done := h.s, make(chan error, 1)
				go func() {
					st, err := s.Stage(s.Version()+1, c)
					if err == nil {
						err = s.Commit(st)
					}
					done <- err
				}()
				committed := false
				select {
				case err := <-done:
					if err != nil {
						t.Fatal(err)
					}
					committed = true
					h.committed(h.latest+1, c)
				case <-fs.out:
				}
				if committed && r.Intn(8) != 0 {
					continue
				}
				failure++
				fs.fail()
				fs = fs.after()
				h.db = open()
				h.open()
				switch {
				case committed:
					between++
				case h.s.Version() == h.latest+1:
					h.committed(h.latest+1, c)
					kept++
				default:
					lost++
				}
				if got := h.s.Version(); got != h.latest {
					t.Fatalf("version %d after a power failure, %d was committed", got, h.latest)
				}
				h.checkAll()
			}
		})
	}
	t.Logf("%d commits were lost, %d kept, %d failures between commits", lost, kept, between)
	if lost == 0 || between == 0 {
		t.Error("not all kinds of failures happened")
	}
}
