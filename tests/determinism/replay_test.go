package determinism

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	cmtabci "github.com/cometbft/cometbft/abci/types"
	cmttypes "github.com/cometbft/cometbft/types"
	dbm "github.com/cosmos/cosmos-db"

	"hullmark/abci"
	"hullmark/ledger"
	"hullmark/merkle/store"
	"hullmark/record"
)

// block is what FinalizeBlock is given.
type block struct {
	Height uint64    `json:"height"`
	Time   time.Time `json:"time"`
	Txs    [][]byte  `json:"txs"`
}

// outcome is what a block did, as far as other nodes see it.
type outcome struct {
	// Accepted is whether ProcessProposal would vote for it.
	Accepted bool   `json:"accepted"`
	AppHash  string `json:"app_hash"`
	// ResultsHash is the next header's LastResultsHash.
	ResultsHash string `json:"results_hash"`
	// Results is code, work and data of each transaction.
	Results []string `json:"results"`
}

func (o outcome) String() string {
	return fmt.Sprint(o.Accepted, " ", o.AppHash, " ", o.ResultsHash, " ", strings.Join(o.Results, ", "))
}

// variant is a way to run a node that must not matter.
type variant struct {
	cache      int
	keepRecent uint64
	// restart opens everything anew from the database after each block.
	restart bool
	// rehearse does what a network does around blocks: transactions come through
	// the mempool, are proposed, judged and finalized twice.
	rehearse bool
	// memory is what the ledger remembers of its judgements.
	memory ledger.Memory
}

// replayer is an application without an engine.
type replayer struct {
	t       testing.TB
	genesis *record.Genesis
	variant variant
	db      dbm.DB
	ledger  *ledger.Ledger
	app     *abci.Application
}

func newReplayer(t testing.TB, genesis []byte, v variant) *replayer {
	t.Helper()
	g, err := record.DecodeGenesis(genesis)
	if err != nil {
		t.Fatal(err)
	}
	r := &replayer{t: t, genesis: g, variant: v, db: dbm.NewMemDB()}
	r.open()
	return r
}

func (r *replayer) open() {
	r.t.Helper()
	st, err := store.Open(r.db, store.Options{CacheBytes: r.variant.cache, KeepRecent: r.variant.keepRecent})
	if err == nil {
		r.ledger, err = ledger.Open(r.genesis, st, r.variant.memory)
	}
	if err == nil {
		r.app, err = abci.New(r.genesis, r.ledger, abci.Options{
			Version: "test", Log: slog.New(slog.DiscardHandler), Fatal: func(err error) { r.t.Errorf("fatal: %v", err) },
		})
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// begin starts the chain and returns the app hash before the first block.
func (r *replayer) begin() string {
	r.t.Helper()
	doc, err := abci.GenesisDoc(r.genesis)
	if err != nil {
		r.t.Fatal(err)
	}
	params := doc.ConsensusParams.ToProto()
	set := cmttypes.NewValidatorSet(nil)
	var validators []*cmttypes.Validator
	for _, v := range doc.Validators {
		validators = append(validators, cmttypes.NewValidator(v.PubKey, v.Power))
	}
	if err := set.UpdateWithChangeSet(validators); err != nil {
		r.t.Fatal(err)
	}
	resp, err := r.app.InitChain(context.Background(), &cmtabci.RequestInitChain{
		Time: doc.GenesisTime, ChainId: doc.ChainID, ConsensusParams: &params,
		Validators: cmttypes.TM2PB.ValidatorUpdates(set), AppStateBytes: doc.AppState, InitialHeight: doc.InitialHeight,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return hex.EncodeToString(resp.AppHash)
}

// play runs a block and commits it.
func (r *replayer) play(b block) outcome {
	r.t.Helper()
	ctx := context.Background()
	height := int64(b.Height)
	var out outcome
	process := func() {
		resp, err := r.app.ProcessProposal(ctx, &cmtabci.RequestProcessProposal{Height: height, Time: b.Time, Txs: b.Txs})
		if err != nil {
			r.t.Fatalf("block %d: %v", height, err)
		}
		out.Accepted = resp.IsAccepted()
	}
	finalize := func() *cmtabci.ResponseFinalizeBlock {
		resp, err := r.app.FinalizeBlock(ctx, &cmtabci.RequestFinalizeBlock{Height: height, Time: b.Time, Txs: b.Txs})
		if err != nil {
			r.t.Fatalf("block %d: %v", height, err)
		}
		return resp
	}
	if r.variant.rehearse {
		for _, tx := range slices.Concat(b.Txs, b.Txs) {
			if _, err := r.app.CheckTx(ctx, &cmtabci.RequestCheckTx{Tx: tx, Type: cmtabci.CheckTxType_New}); err != nil {
				r.t.Fatalf("block %d: %v", height, err)
			}
		}
		backwards := slices.Clone(b.Txs)
		slices.Reverse(backwards)
		if _, err := r.app.PrepareProposal(ctx, &cmtabci.RequestPrepareProposal{Height: height, Time: b.Time, Txs: backwards, MaxTxBytes: 4 << 20}); err != nil {
			r.t.Fatalf("block %d: %v", height, err)
		}
		process()
		finalize()
	}
	process()
	resp := finalize()
	for _, res := range resp.TxResults {
		out.Results = append(out.Results, fmt.Sprintf("%d %d %d %x", res.Code, res.GasWanted, res.GasUsed, res.Data))
	}
	out.AppHash = hex.EncodeToString(resp.AppHash)
	out.ResultsHash = hex.EncodeToString(cmttypes.NewResults(resp.TxResults).Hash())
	if _, err := r.app.Commit(ctx, new(cmtabci.RequestCommit)); err != nil {
		r.t.Fatalf("block %d: %v", height, err)
	}
	if r.variant.restart {
		r.app.Close()
		r.open()
	}
	return out
}

// replay plays blocks and returns the first app hash and what each did.
func (r *replayer) replay(blocks []block) (genesis string, out []outcome) {
	r.t.Helper()
	genesis = r.begin()
	for _, b := range blocks {
		out = append(out, r.play(b))
	}
	return genesis, out
}

// check checks the whole ledger.
func (r *replayer) check() {
	r.t.Helper()
	if err := ledger.Check(r.ledger); err != nil {
		r.t.Error(err)
	}
}
