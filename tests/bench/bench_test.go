// Package bench measures what users wait for. Run it with `make bench`, or
//
//	go test -run '^$' -bench . -count 10 ./tests/bench
//
// and compare runs with benchstat. Nothing here fails over a time.
package bench

import (
	"fmt"
	"testing"
	"time"

	dbm "github.com/cosmos/cosmos-db"

	"hullmark/database"
	"hullmark/internal/fixture"
	"hullmark/internal/workload"
	"hullmark/keys"
	"hullmark/ledger"
	"hullmark/merkle/store"
)

const repository = "registry.example.com/demo/app"

// BenchmarkVerify is what `hullmark verify` computes: from the encoded answer of a
// node to a verdict, by a client that knows its trust anchor only. It also
// reports the size of the answer.
func BenchmarkVerify(b *testing.B) {
	for _, validators := range []int{4, 10} {
		for _, n := range []int{1, 100, 1000} {
			b.Run(fmt.Sprintf("validators=%d/tags=%d", validators, n), func(b *testing.B) {
				p := workload.NewProof(b, validators, n)
				data, err := p.Answer()
				if err != nil {
					b.Fatal(err)
				}
				for b.Loop() {
					if err := p.Verify(data); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(len(data)), "bundle-bytes")
			})
		}
	}
}

// BenchmarkJudge is what a validator computes for one publish of one tag in a
// repository of n: everything but the commit, with every signature verified.
func BenchmarkJudge(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("tags=%d", n), func(b *testing.B) {
			p := workload.NewProof(b, 4, n)
			for b.Loop() {
				if err := p.Judge(keys.Direct{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(p.Publish)), "tx-bytes")
		})
	}
}

// BenchmarkBlock is what a validator does for a block of 100 publishes of as many
// repositories: judge, stage and commit to the disk, signatures verified.
func BenchmarkBlock(b *testing.B) {
	const publishers = 100
	c := fixture.NewConsortium(b, 4)
	db, err := database.OpenLedger(b.TempDir(), database.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	l := open(b, c, db)
	var ps []*fixture.Publisher
	var txs [][]byte
	for i := range publishers {
		p := c.NewPublisher(fmt.Sprintf("registry.example.com/demo/app-%d", i))
		ps = append(ps, p)
		txs = append(txs, p.Register(c.Operators[0]))
	}
	height := uint64(1)
	commit(b, l, c, height, txs...)
	version := uint64(0)
	for b.Loop() {
		b.StopTimer()
		version++
		txs = txs[:0]
		for _, p := range ps {
			txs = append(txs, p.Publish(version, fixture.Tags{"v1": fmt.Sprint(version)}))
		}
		height++
		b.StartTimer()
		commit(b, l, c, height, txs...)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*publishers), "µs/publish")
}

func open(b *testing.B, c *fixture.Consortium, db dbm.DB) *ledger.Ledger {
	b.Helper()
	st, err := store.Open(db, store.Options{KeepRecent: 100})
	if err != nil {
		b.Fatal(err)
	}
	l, err := ledger.New(c.Genesis(), st)
	if err != nil {
		b.Fatal(err)
	}
	return l
}

func commit(b *testing.B, l *ledger.Ledger, c *fixture.Consortium, height uint64, txs ...[]byte) {
	b.Helper()
	// A block every millisecond keeps metadata unexpired however long it runs.
	t := c.Time.Add(time.Duration(height) * time.Millisecond)
	s, err := l.Begin(ledger.Block{Height: height, Time: t})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for _, tx := range txs {
		if _, err := s.Apply(tx, keys.Direct{}); err != nil {
			b.Fatal(err)
		}
	}
	staged, err := s.Stage()
	if err != nil {
		b.Fatal(err)
	}
	if err := l.Commit(staged); err != nil {
		b.Fatal(err)
	}
}
