package ledger_test

import (
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"hullmark/database"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/ledger"
	"hullmark/record"
)

// BenchmarkWorstBlock searches for the block that takes the most of one core: full of
// one kind of transactions, known or drawn, up to a new network's bound. It reports the
// seconds from an unknown proposal to the commit.
func BenchmarkWorstBlock(b *testing.B) {
	draws := uint64(12)
	if os.Getenv("HULLMARK_LONG") != "" {
		draws = 300
	}
	list := workloads
	for seed := range draws {
		list = append(list, random(seed))
	}
	worst, of, first := 0.0, "", true
	for b.Loop() {
		if !first {
			continue // one search
		}
		first = false
		for _, w := range list {
			c := fixture.NewConsortium(b, 4)
			c.Params.MaxBlockWork = 1 << 40
			ch := newChain(b, c)
			units, _, total := spend(ch, w.prepare(ch, c))
			limit := float64(record.DefaultParams().MaxBlockWork)
			if seconds := total.Seconds() / float64(units) * limit; seconds > worst {
				worst, of = seconds, w.name
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(worst, "s/block")
	b.Logf("the worst is %s", of)
}

// processorTime is the time that this process has computed.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// spend does what a validator does with a block that it has not seen anything of: it
// judges it as a proposal, applies it, and writes it. It returns the work and the time
// beyond that of an empty block.
func spend(ch *chain, txs [][]byte) (work uint64, judged, total time.Duration) {
	ch.t.Helper()
	_, _, empty := judgeTwice(ch, nil)
	work, judged, total = judgeTwice(ch, txs)
	return work, judged, total - min(empty, total/2)
}

func judgeTwice(ch *chain, txs [][]byte) (work uint64, judged, total time.Duration) {
	ch.t.Helper()
	ch.reopen()
	began := processorTime()
	apply := func(s *ledger.State) {
		work = 0
		for i, tx := range txs {
			out, err := s.Apply(tx, keys.Direct{})
			if err != nil {
				ch.t.Fatalf("transaction %d: %v", i, err)
			}
			work += out.Work
		}
	}
	proposed := ch.begin()
	apply(proposed)
	proposed.Close()
	judged = processorTime() - began
	s := ch.begin()
	apply(s)
	ch.end(s)
	return work, judged, processorTime() - began
}

// crowd fills the map with values, as a ledger in use has them.
func crowd(ch *chain, values int) {
	const perBlock = 5000
	for i := 0; i < values; i += perBlock {
		s := ch.begin()
		for j := range perBlock {
			s.Set(fmt.Appendf(nil, "\xff%d-%d", i, j), make([]byte, 150))
		}
		ch.end(s)
	}
}

// BenchmarkWork compares what transactions count as with what they cost: of one core,
// from an unknown proposal to the commit, for each unit of 50 us. A ratio of one is
// right, above two the bound of a block does not hold. With HULLMARK_LONG the map has
// 100,000 values before, and ratios outside 0.5 to 2 fail.
func BenchmarkWork(b *testing.B) {
	long := os.Getenv("HULLMARK_LONG") != ""
	for _, w := range workloads {
		b.Run(w.name, func(b *testing.B) {
			var work uint64
			var judged, total time.Duration
			n := 0
			for b.Loop() {
				c := fixture.NewConsortium(b, 4)
				c.Params.MaxBlockWork = 1 << 40
				ch := &chain{t: b, c: c}
				db, err := database.OpenLedger(b.TempDir(), database.Options{})
				if err != nil {
					b.Fatal(err)
				}
				ch.db = db
				ch.reopen()
				if long {
					crowd(ch, 100_000)
				}
				txs := w.prepare(ch, c)
				u, j, d := spend(ch, txs)
				work, judged, total, n = work+u, judged+j, total+d, n+len(txs)
				if err := db.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(work)/float64(n), "units/tx")
			b.ReportMetric(float64(total.Microseconds())/float64(n), "us/tx")
			b.ReportMetric(float64(judged.Microseconds())/float64(n), "us-judged/tx")
			ratio := float64(total.Nanoseconds()) / float64(work) / 50_000
			b.ReportMetric(ratio, "ratio")
			if long && (ratio > 2 || ratio < 0.5 && !w.stored) {
				b.Errorf("a unit of work takes %.2f times 50 us", ratio)
			}
		})
	}
}
