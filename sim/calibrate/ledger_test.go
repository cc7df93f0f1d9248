package calibrate

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	cmtabci "github.com/cometbft/cometbft/abci/types"

	"hullmark/abci"
	"hullmark/database"
	"hullmark/internal/fixture"
	"hullmark/ledger"
	"hullmark/merkle/store"
)

// application is a node's application on a disk, called as the engine would, with
// no engine.
type application struct {
	tb  testing.TB
	c   *fixture.Consortium
	dir string
	app *abci.Application
	// publishers have one repository each, all at the same version.
	publishers []*fixture.Publisher
	version    uint64
	height     int64
}

// newApplication returns an application with as many registered repositories as
// said.
func newApplication(tb testing.TB, repositories int) *application {
	tb.Helper()
	c := fixture.NewConsortium(tb, 4)
	a := &application{tb: tb, c: c, dir: tb.TempDir()}
	db, err := database.OpenLedger(filepath.Join(a.dir, "ledger.db"), database.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	st, err := store.Open(db, store.Options{KeepRecent: 100})
	if err != nil {
		tb.Fatal(err)
	}
	l, err := ledger.New(c.Genesis(), st)
	if err != nil {
		tb.Fatal(err)
	}
	a.app, err = abci.New(c.Genesis(), l, abci.Options{
		Log: slog.New(slog.DiscardHandler), Fatal: func(err error) { tb.Fatal(err) },
	})
	if err != nil {
		tb.Fatal(err)
	}
	var txs [][]byte
	for i := range repositories {
		p := c.NewPublisher(fmt.Sprintf("registry.example.com/bench/app-%d", i))
		a.publishers = append(a.publishers, p)
		txs = append(txs, p.Register(c.Operators[0]))
	}
	a.next()
	a.finalize(txs)
	a.commit()
	return a
}

// publishes returns the next publish of each of the first n repositories.
func (a *application) publishes(n int) [][]byte {
	a.tb.Helper()
	if n == 0 {
		return nil
	}
	a.version++
	var txs [][]byte
	for _, p := range a.publishers[:n] {
		txs = append(txs, p.Publish(a.version, fixture.Tags{"latest": fmt.Sprint(a.version), "stable": "one"}))
	}
	return txs
}

func (a *application) next() { a.height++ }

// now is the time of the block under way. Blocks are a second apart.
func (a *application) now() time.Time { return a.c.Time.Add(time.Duration(a.height) * time.Second) }

// check returns the units of work the transaction counts for in a block.
func (a *application) check(tx []byte, kind cmtabci.CheckTxType) int {
	a.tb.Helper()
	r, err := a.app.CheckTx(context.Background(), &cmtabci.RequestCheckTx{Tx: tx, Type: kind})
	if err != nil || r.Code != 0 {
		a.tb.Fatalf("couldn't check transaction: %v, %v", err, r)
	}
	return int(r.GasWanted)
}

func (a *application) prepare(txs [][]byte) {
	a.tb.Helper()
	r, err := a.app.PrepareProposal(context.Background(), &cmtabci.RequestPrepareProposal{
		Height: a.height, Time: a.now(), Txs: txs, MaxTxBytes: 4 << 20,
	})
	if err != nil || len(r.Txs) != len(txs) {
		a.tb.Fatalf("couldn't prepare proposal: %v, %d of %d transactions", err, len(r.GetTxs()), len(txs))
	}
}

func (a *application) process(txs [][]byte) {
	a.tb.Helper()
	r, err := a.app.ProcessProposal(context.Background(), &cmtabci.RequestProcessProposal{Height: a.height, Time: a.now(), Txs: txs})
	if err != nil || !r.IsAccepted() {
		a.tb.Fatalf("couldn't process proposal: %v", err)
	}
}

func (a *application) finalize(txs [][]byte) {
	a.tb.Helper()
	r, err := a.app.FinalizeBlock(context.Background(), &cmtabci.RequestFinalizeBlock{Height: a.height, Time: a.now(), Txs: txs})
	if err != nil {
		a.tb.Fatal(err)
	}
	for _, result := range r.TxResults {
		if result.Code != 0 {
			a.tb.Fatalf("couldn't execute transaction: %s", result.Log)
		}
	}
}

func (a *application) commit() {
	a.tb.Helper()
	if _, err := a.app.Commit(context.Background(), new(cmtabci.RequestCommit)); err != nil {
		a.tb.Fatal(err)
	}
}

// steps are what a block of some transactions takes at one validator, in seconds
// of CPU time for the whole block; waits is what its commit takes beyond that, and
// work what one of the transactions counts for.
type steps struct {
	check, prepare, process, finalize, commit, waits []float64
	work                                             int
}

// run takes one block of n publishes through all steps.
func (a *application) run(n int, s *steps) error {
	txs := a.publishes(n)
	a.next()
	for _, step := range []struct {
		into *[]float64
		do   func()
	}{
		{&s.check, func() {
			for _, tx := range txs {
				s.work = a.check(tx, cmtabci.CheckTxType_New)
			}
		}},
		{&s.prepare, func() { a.prepare(txs) }},
		{&s.process, func() { a.process(txs) }},
		{&s.finalize, func() { a.finalize(txs) }},
		{&s.commit, a.commit},
	} {
		u, err := take(func() error { step.do(); return nil })
		if err != nil {
			return err
		}
		*step.into = append(*step.into, u.cpu.Seconds())
		if step.into == &s.commit {
			s.waits = append(s.waits, max(0, (u.wall-u.cpu).Seconds()))
		}
	}
	return nil
}

// recheck measures the second check of what still waits after a block.
func (a *application) recheck(n int) (Spread, error) {
	txs := a.publishes(n)
	for _, tx := range txs {
		a.check(tx, cmtabci.CheckTxType_New)
	}
	var values []float64
	for range repetitions {
		// An empty block makes everything that waits be checked again.
		a.next()
		a.finalize(nil)
		a.commit()
		u, err := take(func() error {
			for _, tx := range txs {
				a.check(tx, cmtabci.CheckTxType_Recheck)
			}
			return nil
		})
		if err != nil {
			return Spread{}, err
		}
		values = append(values, u.cpu.Seconds()/float64(n))
	}
	return spread(values), nil
}

// diskUse returns the bytes of all files below a directory.
func diskUse(dir string) (int64, error) {
	var sum int64
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := os.Stat(path)
		if err == nil {
			sum += info.Size()
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("couldn't measure directory: %w", err)
	}
	return sum, nil
}

// blockSize is how many publishes the measured blocks hold: two sizes, so that
// what a block takes and what each transaction adds can be told apart.
const blockSize = 200

// blocks runs empty blocks and blocks of blockSize publishes by turns.
func (a *application) blocks() (empty, full steps, err error) {
	for range repetitions {
		if err := a.run(0, &empty); err != nil {
			return empty, full, err
		}
		if err := a.run(blockSize, &full); err != nil {
			return empty, full, err
		}
	}
	return empty, full, nil
}

// each returns what one transaction adds, from the same step of blocks with
// blockSize of them and of empty ones.
func each(empty, full []float64) Spread {
	base := spread(append([]float64(nil), empty...)).Median
	var values []float64
	for _, v := range full {
		values = append(values, max(0, v-base)/blockSize)
	}
	return spread(values)
}

// TestApplication: blocks hold the publishes that are measured, and no less.
func TestApplication(t *testing.T) {
	a := newApplication(t, 3)
	var s steps
	for range 2 {
		if err := a.run(3, &s); err != nil {
			t.Fatal(err)
		}
	}
	if a.height != 3 || a.version != 2 || s.work == 0 || len(s.check) != 2 || len(s.commit) != 2 {
		t.Errorf("height %d, version %d, work %d", a.height, a.version, s.work)
	}
	if size, err := diskUse(a.dir); err != nil || size == 0 {
		t.Errorf("%d bytes on disk, %v", size, err)
	}
}
