package ledger_test

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	dbm "github.com/cosmos/cosmos-db"

	"hullmark/database"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/ledger"
	"hullmark/record"
)

// BenchmarkWorstBlock searches for the block that takes the most of one core: full of
// one kind of transactions, known or drawn, up to a new network's bound. It reports the
// seconds from an unknown proposal to the commit. A draw of less work than leastMeasured
// says nothing about a block full of it.
func BenchmarkWorstBlock(b *testing.B) {
	draws := uint64(12)
	if os.Getenv("HULLMARK_LONG") != "" {
		draws = 300
	}
	list := workloads
	for seed := range draws {
		list = append(list, random(seed))
	}
	worst, of, first, left := 0.0, "", true, 0
	for b.Loop() {
		if !first {
			continue // one search
		}
		first = false
		for _, w := range list {
			c := fixture.NewConsortium(b, 4)
			c.Params.MaxBlockWork = 1 << 40
			ch := newChain(b, c)
			txs := w.prepare(ch, c)
			runtime.GC()
			before := pace(b)
			s := spend(ch, txs)
			slow := (before + pace(b)) / 2
			if s.work < leastMeasured {
				left++
				continue
			}
			limit := float64(record.DefaultParams().MaxBlockWork)
			if seconds := s.total.Seconds() / slow / float64(s.work) * limit; seconds > worst {
				worst, of = seconds, w.name
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(worst, "s/block")
	b.Logf("the worst of %d is %s; %d more were too small", len(list)-left, of, left)
}

// leastMeasured is the least work that is measured, in units: 10 ms.
const leastMeasured = 200

// processorTime is the time that this process has computed.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// spent is what a block took: work in units, processor time, and bytes that were written.
type spent struct {
	work          uint64
	judged, total time.Duration // judged as a proposal alone, and until it was written
	written       int64
}

func (s spent) plus(o spent) spent {
	return spent{s.work + o.work, s.judged + o.judged, s.total + o.total, s.written + o.written}
}

// cores is for how many times 50 us a core computes for a unit, and disks for how many
// times 4 KiB are written.
func (s spent) cores() float64 { return float64(s.total.Nanoseconds()) / float64(s.work) / 50_000 }
func (s spent) disks() float64 { return float64(s.written) / float64(s.work) / 4096 }

// spend does what a validator does with a block that it has not seen anything of: it
// judges it as a proposal, applies it, and writes it. It returns what that takes beyond
// an empty block.
func spend(ch *chain, txs [][]byte) spent {
	ch.t.Helper()
	empty := judgeTwice(ch, nil)
	s := judgeTwice(ch, txs)
	s.total -= min(empty.total, s.total/2)
	s.written -= empty.written
	return s
}

func judgeTwice(ch *chain, txs [][]byte) (out spent) {
	ch.t.Helper()
	db := &counted{DB: ch.db}
	ch.db = db
	defer func() { ch.db = db.DB }()
	ch.reopen()
	began := processorTime()
	apply := func(s *ledger.State) {
		out.work = 0
		for i, tx := range txs {
			o, err := s.Apply(tx, keys.Direct{})
			if err != nil {
				ch.t.Fatalf("transaction %d: %v", i, err)
			}
			out.work += o.Work
		}
	}
	proposed := ch.begin()
	apply(proposed)
	proposed.Close()
	out.judged = processorTime() - began
	s := ch.begin()
	apply(s)
	ch.end(s)
	out.total, out.written = processorTime()-began, db.written
	return out
}

// counted is a database that counts the bytes that are written to it.
type counted struct {
	dbm.DB
	written int64
}

// NewBatch implements dbm.DB.
func (d *counted) NewBatch() dbm.Batch { return countedBatch{d.DB.NewBatch(), d} }

// NewBatchWithSize implements dbm.DB.
func (d *counted) NewBatchWithSize(n int) dbm.Batch {
	return countedBatch{d.DB.NewBatchWithSize(n), d}
}

type countedBatch struct {
	dbm.Batch
	db *counted
}

// Set implements dbm.Batch.
func (b countedBatch) Set(key, value []byte) error {
	b.db.written += int64(len(key) + len(value))
	return b.Batch.Set(key, value)
}

// crowd fills the map with values, as a ledger in use has them.
func crowd(ch *chain, values int) {
	const perBlock = 20_000
	for i := 0; i < values; i += perBlock {
		s := ch.begin()
		for j := range min(perBlock, values-i) {
			s.Set(fmt.Appendf(nil, "\xff%d", i+j), make([]byte, 150))
		}
		ch.end(s)
	}
}

// verifyTime is what one Ed25519 verification takes of the machine of docs/benchmarks, on
// which units were measured.
const verifyTime = 50 * time.Microsecond

// pace is how many times longer than that machine this one takes, as far as a signature
// can tell. It is what processor time is divided by, so that benchmarks judge the numbers
// of units and not the machine, nor what else it does.
func pace(b *testing.B) float64 {
	b.Helper()
	key, message := fixture.NewKeys(b, keys.KeytypeEd25519, "pace", 1)[0], make([]byte, 200)
	signature, err := key.Sign(message)
	if err != nil {
		b.Fatal(err)
	}
	public := key.PublicKey()
	const rounds = 500
	began := processorTime()
	for range rounds {
		if err := (keys.Direct{}).Verify(public, message, signature); err != nil {
			b.Fatal(err)
		}
	}
	return float64(processorTime()-began) / float64(rounds*verifyTime)
}

// BenchmarkWork compares what transactions count as with what they cost, from an unknown
// proposal to the commit. A unit bounds two things at once: 50 us of one core and 4 KiB to
// be written. Above twice of either the bound of a block does not hold; below half of both
// it keeps out what there is room for. With HULLMARK_LONG the map has a million values
// before, which is what rows and digests are charged for, and what is outside fails.
func BenchmarkWork(b *testing.B) {
	values := 0
	if os.Getenv("HULLMARK_LONG") != "" {
		values = 1_000_000
	}
	c := fixture.NewConsortium(b, 4)
	c.Params.MaxBlockWork = 1 << 40
	filled := b.TempDir()
	withLedger(b, c, filled, func(ch *chain) { crowd(ch, values) })
	for _, w := range workloads {
		b.Run(w.name, func(b *testing.B) {
			var sum spent
			n, slow := 0, 0.0
			for b.Loop() {
				c := fixture.NewConsortium(b, 4)
				c.Params.MaxBlockWork = 1 << 40
				dir := filepath.Join(b.TempDir(), "copy")
				if err := os.CopyFS(dir, os.DirFS(filled)); err != nil {
					b.Fatal(err)
				}
				withLedger(b, c, dir, func(ch *chain) {
					txs := w.prepare(ch, c)
					settle()
					before := pace(b)
					sum, n = sum.plus(spend(ch, txs)), n+len(txs)
					slow += (before + pace(b)) / 2
				})
				if err := os.RemoveAll(dir); err != nil {
					b.Fatal(err)
				}
			}
			slow /= float64(b.N)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(sum.work)/float64(n), "units/tx")
			b.ReportMetric(float64(sum.total.Microseconds())/float64(n)/slow, "us/tx")
			b.ReportMetric(float64(sum.judged.Microseconds())/float64(n)/slow, "us-judged/tx")
			b.ReportMetric(float64(sum.written)/float64(n), "B-written/tx")
			b.ReportMetric(slow, "pace")
			cores, disks := sum.cores()/slow, sum.disks()
			b.ReportMetric(cores, "cores")
			b.ReportMetric(disks, "disks")
			if most := max(cores, disks); values > 0 && (most > 2 || most < cmp.Or(w.least, 0.5)) {
				b.Errorf("a unit of work takes %.2f times 50 us and %.2f times 4 KiB", cores, disks)
			}
		})
	}
}

// settle waits until this process computes nothing any more: the database goes on with
// what was written before for some time.
func settle() {
	for range 100 {
		before := processorTime()
		time.Sleep(100 * time.Millisecond)
		if processorTime()-before < 2*time.Millisecond {
			return
		}
	}
}

// withLedger opens the ledger in a directory as a node does.
func withLedger(b *testing.B, c *fixture.Consortium, dir string, f func(*chain)) {
	b.Helper()
	db, err := database.OpenLedger(dir, database.Options{})
	if err != nil {
		b.Fatal(err)
	}
	ch := &chain{t: b, c: c, db: db}
	ch.reopen()
	f(ch)
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
}
