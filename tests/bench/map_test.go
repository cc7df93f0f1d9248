package bench

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	dbm "github.com/cosmos/cosmos-db"

	"hullmark/database"
	"hullmark/merkle"
	"hullmark/merkle/store"
)

// BenchmarkMapCommit is the map alone, on the disk: blocks that set 2,000 random keys of
// as many as said, each staged and committed with one synced batch, while a hundred
// versions are kept and older ones pruned. It reports wall and processor time of the
// whole process for each key. A million keys take a minute to load: with HULLMARK_LONG.
func BenchmarkMapCommit(b *testing.B) {
	for _, keys := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) {
			if keys > 100_000 && os.Getenv("HULLMARK_LONG") == "" {
				b.Skip("with HULLMARK_LONG only")
			}
			cache := database.NewCache(256 << 20) // as a node has by default
			defer cache.Close()
			db, err := database.OpenLedger(b.TempDir(), database.Options{Cache: cache})
			if err != nil {
				b.Fatal(err)
			}
			mapCommits(b, db, keys)
			if err := db.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

func mapCommits(b *testing.B, db dbm.DB, keys int) {
	b.Helper()
	st, err := store.Open(db, store.Options{KeepRecent: 100})
	if err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	version := uint64(0)
	commit := func(n int, next func(i int) uint64) {
		c := store.Changes{Meta: []byte("bench")}
		for i := range n {
			value := make([]byte, 100) // as that of a tag
			binary.BigEndian.PutUint64(value, r.Uint64())
			c.Map = append(c.Map, merkle.Change{Key: fmt.Appendf(nil, "t/registry.example.com/app:%d", next(i)), Value: value})
		}
		version++
		staged, err := st.Stage(version, c)
		if err == nil {
			err = st.Commit(staged)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	began := time.Now()
	const portion = 20_000
	for first := 0; first < keys; first += portion {
		commit(min(portion, keys-first), func(i int) uint64 { return uint64(first + i) })
	}
	loaded := time.Since(began)
	const block = 2000
	random := func() func(int) uint64 {
		chosen := make(map[uint64]bool)
		return func(int) uint64 {
			for {
				if k := r.Uint64N(uint64(keys)); !chosen[k] {
					chosen[k] = true
					return k
				}
			}
		}
	}
	for range 110 { // until every block prunes one
		commit(block, random())
	}
	cpu := cpuTime(b)
	for b.Loop() {
		commit(block, random())
	}
	n := float64(b.N * block)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(b.Elapsed().Microseconds())/n, "us/key")
	b.ReportMetric(float64((cpuTime(b)-cpu).Microseconds())/n, "cpu-us/key")
	b.ReportMetric(loaded.Seconds(), "s-load")
}
