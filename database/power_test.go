package database

import (
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestPowerLoss takes the power away at random moments of writing, merging and
// opening. Of what was not synced the disk keeps what it likes, block by block; what
// was synced is there, and a batch is whole or not there.
func TestPowerLoss(t *testing.T) {
	r := newRand(t)
	files := memory()
	acknowledged := 0
	o := Options{MemTableBytes: 64 << 10}
	for range 25 {
		o.FS = files
		db, err := OpenLedger("db", o)
		must(t, err)
		n, err := prefix(db)
		must(t, err)
		if n < acknowledged {
			t.Fatalf("%d entries, %d were acknowledged", n, acknowledged)
		}
		for range r.IntN(400) {
			b := db.NewBatch()
			size := 1 + r.IntN(4)
			for i := range size {
				must(t, b.Set(key(n+i), value(n+i)))
			}
			must(t, b.WriteSync())
			n += size
		}
		acknowledged = n
		// One more is under way.
		b := db.NewBatch()
		for i := range 1 + r.IntN(500) {
			must(t, b.Set(key(n+i), value(n+i)))
		}
		done := make(chan error)
		go func() { done <- errors.Join(b.WriteSync(), db.Close()) }()
		if r.IntN(3) == 0 {
			must(t, <-done)
			files = files.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: r.IntN(101), RNG: r})
			continue
		}
		crashed := files.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: r.IntN(101), RNG: r})
		must(t, <-done)
		files = crashed
	}
	t.Logf("%d entries", acknowledged)
}
