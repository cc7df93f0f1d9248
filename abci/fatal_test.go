package abci

import (
	"context"
	"errors"
	"testing"

	cmtabci "github.com/cometbft/cometbft/abci/types"
	dbm "github.com/cosmos/cosmos-db"

	"hullmark/internal/fixture"
	"hullmark/ledger"
	"hullmark/lookup"
	"hullmark/merkle/store"
)

// calls are the methods in which something can go wrong.
func calls(n *node, tx []byte) map[string]func() {
	ctx := context.Background()
	height, at := int64(n.nextHeight()), n.c.BlockTime(n.nextHeight())
	return map[string]func(){
		"Info": func() { _, _ = n.app.Info(ctx, new(cmtabci.RequestInfo)) },
		"InitChain": func() {
			_, _ = n.app.InitChain(ctx, initRequest(n.t, n.c))
		},
		"CheckTx": func() { _, _ = n.app.CheckTx(ctx, &cmtabci.RequestCheckTx{Tx: tx}) },
		"recheck": func() {
			_, _ = n.app.CheckTx(ctx, &cmtabci.RequestCheckTx{Tx: tx, Type: cmtabci.CheckTxType_Recheck})
		},
		"PrepareProposal": func() {
			_, _ = n.app.PrepareProposal(ctx, &cmtabci.RequestPrepareProposal{Height: height, Time: at, Txs: [][]byte{tx}, MaxTxBytes: plenty})
		},
		"ProcessProposal": func() {
			_, _ = n.app.ProcessProposal(ctx, &cmtabci.RequestProcessProposal{Height: height, Time: at, Txs: [][]byte{tx}})
		},
		"FinalizeBlock": func() {
			_, _ = n.app.FinalizeBlock(ctx, &cmtabci.RequestFinalizeBlock{Height: height, Time: at, Txs: [][]byte{tx}})
		},
		"Commit": func() { _, _ = n.app.Commit(ctx, new(cmtabci.RequestCommit)) },
		"Query": func() {
			_, _ = n.app.Query(ctx, &cmtabci.RequestQuery{Path: "/v1/repository", Data: []byte("name=" + appName)})
		},
	}
}

// TestPanicsEndTheProcess: CometBFT would survive a panic in a state in which the
// node answers and takes no part in consensus.
func TestPanicsEndTheProcess(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	for method := range calls(newNode(t, c), nil) {
		t.Run(method, func(t *testing.T) {
			p := newPublished(t, newNode(t, c))
			p.next()
			call := calls(p.node, p.app.Publish(2, nil))[method]
			p.finalize(decided{p.nextHeight(), nil})
			app := p.node.app
			app.ledger, app.lookup = nil, new(lookup.Reader) // anything that panics
			app.waiting.pending.Close()
			app.waiting.pending = new(ledger.Pending)
			if err := p.fatally(call); err == nil {
				t.Error("nothing is reported")
			}
		})
	}
}

// TestDiskErrorsEndTheProcess: an error of the node's own disk is nobody's bad
// transaction.
func TestDiskErrorsEndTheProcess(t *testing.T) {
	c := fixture.NewConsortium(t, 4)
	for _, method := range []string{"CheckTx", "recheck", "PrepareProposal", "ProcessProposal", "FinalizeBlock", "Commit"} {
		t.Run(method, func(t *testing.T) {
			db := &faultyDB{DB: dbm.NewMemDB()}
			p := newPublished(t, openNode(t, c, db, store.Options{CacheBytes: -1}))
			tx := p.app.Publish(2, nil)
			if method == "Commit" {
				p.finalize(decided{p.nextHeight(), [][]byte{tx}})
				db.fail(nil, errDisk)
			} else {
				db.fail(errDisk, nil)
			}
			if err := p.fatally(calls(p.node, tx)[method]); !errors.Is(err, errDisk) {
				t.Errorf("reported: %v", err)
			}
			db.fail(nil, nil)
			p.restart()
			p.next(tx)
		})
	}
}

// TestDiskErrorsOfLookups: a look-up that fails is an error to its client and no
// reason to leave consensus.
func TestDiskErrorsOfLookups(t *testing.T) {
	db := &faultyDB{DB: dbm.NewMemDB()}
	p := newPublished(t, openNode(t, fixture.NewConsortium(t, 4), db, store.Options{CacheBytes: -1}))
	p.next()
	db.fail(errDisk, nil)
	if r := p.query("/v1/repository", "name="+appName); r.Code != queryInternal || len(r.Value) != 0 {
		t.Errorf("answer %d %q", r.Code, r.Log)
	}
	if p.fatal.count() != 0 {
		t.Errorf("fatal: %v", p.fatal.list)
	}
	db.fail(nil, nil)
	if r := p.query("/v1/repository", "name="+appName); r.Code != 0 {
		t.Errorf("answer %d %q", r.Code, r.Log)
	}
}

// TestCommitWithoutBlock: an engine that commits what was never finalized is
// broken.
func TestCommitWithoutBlock(t *testing.T) {
	n := newNode(t, fixture.NewConsortium(t, 4))
	if err := n.fatally(n.commit); err == nil {
		t.Error("nothing is reported")
	}
}

// TestSnapshots: none are offered, none are taken.
func TestSnapshots(t *testing.T) {
	n := newPublished(t, newNode(t, fixture.NewConsortium(t, 4)))
	ctx := context.Background()
	if r, err := n.node.app.ListSnapshots(ctx, new(cmtabci.RequestListSnapshots)); err != nil || len(r.Snapshots) != 0 {
		t.Errorf("ListSnapshots: %v, %v", r, err)
	}
	offer := &cmtabci.RequestOfferSnapshot{Snapshot: &cmtabci.Snapshot{Height: 5, Format: 1, Chunks: 1, Hash: []byte{1}}, AppHash: []byte{1}}
	if r, err := n.node.app.OfferSnapshot(ctx, offer); err != nil || r.Result != cmtabci.ResponseOfferSnapshot_REJECT_FORMAT {
		t.Errorf("OfferSnapshot: %v, %v", r, err)
	}
	if r, err := n.node.app.LoadSnapshotChunk(ctx, &cmtabci.RequestLoadSnapshotChunk{Height: 1}); err != nil || len(r.Chunk) != 0 {
		t.Errorf("LoadSnapshotChunk: %v, %v", r, err)
	}
	if r, err := n.node.app.ApplySnapshotChunk(ctx, &cmtabci.RequestApplySnapshotChunk{Chunk: []byte{1}}); err != nil || r.Result != cmtabci.ResponseApplySnapshotChunk_ABORT {
		t.Errorf("ApplySnapshotChunk: %v, %v", r, err)
	}
	if r, err := n.node.app.ExtendVote(ctx, new(cmtabci.RequestExtendVote)); err != nil || len(r.VoteExtension) != 0 {
		t.Errorf("ExtendVote: %v, %v", r, err)
	}
	for extension, want := range map[string]cmtabci.ResponseVerifyVoteExtension_VerifyStatus{
		"": cmtabci.ResponseVerifyVoteExtension_ACCEPT, "x": cmtabci.ResponseVerifyVoteExtension_REJECT,
	} {
		r, err := n.node.app.VerifyVoteExtension(ctx, &cmtabci.RequestVerifyVoteExtension{VoteExtension: []byte(extension)})
		if err != nil || r.Status != want {
			t.Errorf("VerifyVoteExtension %q: %v, %v", extension, r, err)
		}
	}
	if n.info().LastBlockHeight != 2 {
		t.Error("the state has changed")
	}
}
