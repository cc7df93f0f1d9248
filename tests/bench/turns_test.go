package bench

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	cmtabci "github.com/cometbft/cometbft/abci/types"
	dbm "github.com/cosmos/cosmos-db"

	"hullmark/abci"
	"hullmark/internal/fixture"
	"hullmark/ledger"
	"hullmark/merkle/store"
	"hullmark/record"
)

// BenchmarkTurns is a proposal when one publisher's flood stands before the
// transactions of a hundred others, and a block has room for 500. "turns" is what a
// node does, "fifo" what it would do with the mempool's order alone. It reports how
// many of the others' transactions are in the block.
func BenchmarkTurns(b *testing.B) {
	const flood, others, room = 3000, 100, 500
	c := fixture.NewConsortium(b, 4)
	c.Params.Quotas, c.Params.OperatorQuota = [3]record.Quota{}, record.Quota{}
	flooder := c.NewPublisher(repository)
	register := [][]byte{flooder.Register(c.Operators[0])}
	var waiting, honest [][]byte
	for v := range uint64(flood) {
		waiting = append(waiting, flooder.Publish(v+1, fixture.Tags{"latest": fmt.Sprint(v)}))
	}
	for i := range others {
		p := c.NewPublisher(fmt.Sprintf("registry.example.com/demo/app-%d", i))
		register = append(register, p.Register(c.Operators[0]))
		honest = append(honest, p.Publish(1, fixture.Tags{"latest": "one"}))
	}
	waiting = append(waiting, honest...)
	maxBytes := int64(room * len(waiting[0]))
	for _, order := range []string{"fifo", "turns"} {
		b.Run(order, func(b *testing.B) {
			app := newApplication(b, c, register)
			if order == "turns" {
				for _, tx := range waiting {
					r, err := app.CheckTx(context.Background(), &cmtabci.RequestCheckTx{Tx: tx})
					if err != nil || r.Code != 0 {
						b.Fatalf("%v, %v", r, err)
					}
				}
			}
			theirs := make(map[string]bool)
			for _, tx := range honest {
				theirs[string(tx)] = true
			}
			request := &cmtabci.RequestPrepareProposal{Height: 2, Time: c.BlockTime(2), MaxTxBytes: maxBytes, Txs: waiting[:room]}
			// Both have verified every signature before.
			if _, err := app.PrepareProposal(context.Background(), request); err != nil {
				b.Fatal(err)
			}
			var block [][]byte
			for b.Loop() {
				r, err := app.PrepareProposal(context.Background(), request)
				if err != nil {
					b.Fatal(err)
				}
				block = r.Txs
			}
			in := 0
			for _, tx := range block {
				if theirs[string(tx)] {
					in++
				}
			}
			b.ReportMetric(float64(in), "others-in-block")
			b.ReportMetric(float64(len(block)), "txs-in-block")
		})
	}
}

// newApplication returns an application after a block of transactions.
func newApplication(b *testing.B, c *fixture.Consortium, txs [][]byte) *abci.Application {
	b.Helper()
	st, err := store.Open(dbm.NewMemDB(), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	l, err := ledger.New(c.Genesis(), st)
	if err != nil {
		b.Fatal(err)
	}
	app, err := abci.New(c.Genesis(), l, abci.Options{
		Version: "bench", Log: slog.New(slog.DiscardHandler), Fatal: func(err error) { b.Error(err) },
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(app.Close)
	resp, err := app.FinalizeBlock(context.Background(), &cmtabci.RequestFinalizeBlock{Height: 1, Time: c.BlockTime(1), Txs: txs})
	if err != nil {
		b.Fatal(err)
	}
	for i, r := range resp.TxResults {
		if r.Code != 0 {
			b.Fatalf("transaction %d: %s", i, r.Log)
		}
	}
	if _, err := app.Commit(context.Background(), new(cmtabci.RequestCommit)); err != nil {
		b.Fatal(err)
	}
	return app
}
