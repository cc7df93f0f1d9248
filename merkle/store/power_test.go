package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"os"
	"sync"
	"testing"

	dbm "github.com/cosmos/cosmos-db"
	"github.com/syndtr/goleveldb/leveldb"
	"github.com/syndtr/goleveldb/leveldb/iterator"
	"github.com/syndtr/goleveldb/leveldb/opt"
	"github.com/syndtr/goleveldb/leveldb/storage"
	"github.com/syndtr/goleveldb/leveldb/util"

	"hullmark/merkle/store"
)

// powerFS is the file system of one LevelDB that can lose power. It keeps what was
// synced; of the rest it keeps what it likes, in the order it likes:
//
//   - of a file, what was written since the last sync is cut off anywhere, and
//     sectors of what is left may never have been written;
//   - a file that was never synced may be missing;
//   - a file that was removed may be back.
//
// What names the current manifest is replaced and synced by LevelDB itself.
type powerFS struct {
	mu    sync.Mutex
	files map[storage.FileDesc]*powerFile
	gone  map[storage.FileDesc]*powerFile // removed since power came
	meta  storage.FileDesc
	// left is the number of changes until the power fails; below zero never.
	left int
	out  chan struct{} // closed when it has failed
}

type powerFile struct {
	data   []byte
	synced int // bytes that last; -1 for a file that was never synced
}

func newPowerFS() *powerFS {
	return &powerFS{files: make(map[storage.FileDesc]*powerFile), gone: make(map[storage.FileDesc]*powerFile), left: -1, out: make(chan struct{})}
}

// change is called, with the lock, before anything that changes the disk. It does
// not return when there is no power: without power nothing goes on.
func (fs *powerFS) change() {
	if fs.left == 0 {
		fs.mu.Unlock()
		fs.fail()
		select {}
	}
	fs.left--
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
	select {
	case <-fs.out:
	default:
		close(fs.out)
	}
}

// after returns what a disk without power has when it comes back.
func (fs *powerFS) after(r *rand.Rand) *powerFS {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	next := newPowerFS()
	next.meta = fs.meta
	keep := func(fd storage.FileDesc, f *powerFile) {
		if f.synced < 0 && r.Intn(2) == 0 {
			return
		}
		lasting := max(f.synced, 0)
		if r.Intn(3) == 0 {
			// The whole of it was on its way already.
			next.files[fd] = &powerFile{data: bytes.Clone(f.data), synced: len(f.data)}
			return
		}
		data := bytes.Clone(f.data[:lasting+r.Intn(len(f.data)-lasting+1)])
		const sector = 512
		for at := lasting - lasting%sector; at < len(data); at += sector {
			if r.Intn(4) == 0 {
				clear(data[max(at, lasting):min(at+sector, len(data))])
			}
		}
		next.files[fd] = &powerFile{data: data, synced: len(data)}
	}
	for fd, f := range fs.gone {
		if r.Intn(2) == 0 {
			keep(fd, f)
		}
	}
	for fd, f := range fs.files {
		keep(fd, f)
	}
	return next
}

// Lock implements storage.Storage.
func (fs *powerFS) Lock() (storage.Locker, error) { return powerLock{}, nil }

type powerLock struct{}

// Unlock implements storage.Locker.
func (powerLock) Unlock() {}

// Log implements storage.Storage.
func (fs *powerFS) Log(string) {}

// SetMeta implements storage.Storage.
func (fs *powerFS) SetMeta(fd storage.FileDesc) error {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.change()
	fs.meta = fd
	return nil
}

// GetMeta implements storage.Storage.
func (fs *powerFS) GetMeta() (storage.FileDesc, error) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.meta.Zero() {
		return fs.meta, os.ErrNotExist
	}
	return fs.meta, nil
}

// List implements storage.Storage.
func (fs *powerFS) List(t storage.FileType) ([]storage.FileDesc, error) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	var out []storage.FileDesc
	for fd := range fs.files {
		if fd.Type&t != 0 {
			out = append(out, fd)
		}
	}
	return out, nil
}

// Open implements storage.Storage.
func (fs *powerFS) Open(fd storage.FileDesc) (storage.Reader, error) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f, ok := fs.files[fd]
	if !ok {
		return nil, os.ErrNotExist
	}
	return powerReader{bytes.NewReader(f.data)}, nil
}

type powerReader struct{ *bytes.Reader }

// Close implements io.Closer.
func (powerReader) Close() error { return nil }

// Create implements storage.Storage.
func (fs *powerFS) Create(fd storage.FileDesc) (storage.Writer, error) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.change()
	f := &powerFile{synced: -1}
	fs.files[fd] = f
	return &powerWriter{fs, f}, nil
}

// Remove implements storage.Storage.
func (fs *powerFS) Remove(fd storage.FileDesc) error {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.change()
	f, ok := fs.files[fd]
	if !ok {
		return os.ErrNotExist
	}
	fs.gone[fd] = f
	delete(fs.files, fd)
	return nil
}

// Rename implements storage.Storage. LevelDB renames only while it repairs.
func (fs *powerFS) Rename(from, to storage.FileDesc) error {
	return fmt.Errorf("unexpected rename of %s to %s", from, to)
}

// Close implements storage.Storage.
func (fs *powerFS) Close() error { return nil }

type powerWriter struct {
	fs *powerFS
	f  *powerFile
}

// Write implements io.Writer.
func (w *powerWriter) Write(b []byte) (int, error) {
	w.fs.mu.Lock()
	defer w.fs.mu.Unlock()
	w.fs.change()
	w.f.data = append(w.f.data, b...)
	return len(b), nil
}

// Sync implements storage.Syncer.
func (w *powerWriter) Sync() error {
	w.fs.mu.Lock()
	defer w.fs.mu.Unlock()
	w.fs.change()
	w.f.synced = len(w.f.data)
	return nil
}

// Close implements io.Closer.
func (w *powerWriter) Close() error { return nil }

var (
	_ storage.Storage = (*powerFS)(nil)
	_ io.Writer       = (*powerWriter)(nil)
)

// levelDB is what cosmos-db makes of a LevelDB, on any storage: as much of it as
// the store needs.
type levelDB struct {
	dbm.DB
	db *leveldb.DB
}

// openLevelDB opens a LevelDB whose files are so small that compactions never end.
func openLevelDB(s storage.Storage) (*levelDB, error) {
	db, err := leveldb.Open(s, &opt.Options{
		WriteBuffer: 6 << 10, CompactionTableSize: 4 << 10, CompactionTotalSize: 16 << 10, BlockSize: 512,
	})
	return &levelDB{db: db}, err
}

func (d *levelDB) Get(key []byte) ([]byte, error) {
	b, err := d.db.Get(key, nil)
	if errors.Is(err, leveldb.ErrNotFound) {
		return nil, nil
	}
	return b, err
}

func (d *levelDB) NewBatch() dbm.Batch { return &levelBatch{db: d.db, b: new(leveldb.Batch)} }

func (d *levelDB) Iterator(start, end []byte) (dbm.Iterator, error) {
	it := d.db.NewIterator(&util.Range{Start: start, Limit: end}, nil)
	it.Next()
	return &levelIterator{it: it}, nil
}

type levelBatch struct {
	dbm.Batch
	db *leveldb.DB
	b  *leveldb.Batch
}

func (b *levelBatch) Set(k, v []byte) error { b.b.Put(k, v); return nil }
func (b *levelBatch) Delete(k []byte) error { b.b.Delete(k); return nil }
func (b *levelBatch) Close() error          { return nil }
func (b *levelBatch) WriteSync() error      { return b.db.Write(b.b, &opt.WriteOptions{Sync: true}) }

// levelIterator iterates forwards.
type levelIterator struct {
	dbm.Iterator
	it iterator.Iterator
}

func (i *levelIterator) Valid() bool   { return i.it.Valid() }
func (i *levelIterator) Next()         { i.it.Next() }
func (i *levelIterator) Key() []byte   { return bytes.Clone(i.it.Key()) }
func (i *levelIterator) Value() []byte { return bytes.Clone(i.it.Value()) }
func (i *levelIterator) Error() error  { return i.it.Error() }
func (i *levelIterator) Close() error  { i.it.Release(); return nil }

// TestPowerLoss takes the power away at random steps of commits, of LevelDB's
// compactions and between them. Each time the store is at the last version that was
// committed, or at the one that was being committed, whole; and the block that was
// lost gives the same again.
func TestPowerLoss(t *testing.T) {
	const histories, failures = 10, 15
	lost, kept, between := 0, 0, 0
	for seed := range int64(histories) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewSource(seed))
			fs := newPowerFS()
			open := func() *levelDB {
				t.Helper()
				db, err := openLevelDB(fs)
				if err != nil {
					t.Fatalf("couldn't open LevelDB: %v", err)
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
				fs = fs.after(r)
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
