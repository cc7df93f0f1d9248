package abci

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	cmtabci "github.com/cometbft/cometbft/abci/types"
	cmtversion "github.com/cometbft/cometbft/proto/tendermint/version"
	cmttypes "github.com/cometbft/cometbft/types"
	cmtversions "github.com/cometbft/cometbft/version"
	dbm "github.com/cosmos/cosmos-db"
	"github.com/prometheus/client_golang/prometheus"

	"hullmark/bundle"
	"hullmark/bundle/bundletest"
	"hullmark/internal/fixture"
	"hullmark/ledger"
	"hullmark/lookup"
	"hullmark/merkle/store"
	"hullmark/record"
)

// node is an application without an engine: the test calls it as CometBFT would
// and signs the blocks.
type node struct {
	t        testing.TB
	c        *fixture.Consortium
	db       dbm.DB
	options  store.Options
	ledger   *ledger.Ledger
	app      *Application
	registry *prometheus.Registry
	fatal    *reports
	blocks   *signedBlocks
	lookup   *lookup.Reader
}

// reports collects what an application reports as fatal.
type reports struct {
	mu   sync.Mutex
	list []error
}

func (r *reports) add(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, err)
}

func (r *reports) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.list)
}

// newNode returns the application of a consortium on an empty database.
func newNode(t testing.TB, c *fixture.Consortium) *node {
	t.Helper()
	return openNode(t, c, dbm.NewMemDB(), store.Options{})
}

// openNode opens the application on a database, as after a start of the process.
func openNode(t testing.TB, c *fixture.Consortium, db dbm.DB, o store.Options) *node {
	t.Helper()
	n := &node{t: t, c: c, db: db, options: o, blocks: newSignedBlocks(t, c)}
	if err := n.open(); err != nil {
		t.Fatal(err)
	}
	return n
}

func (n *node) open() error {
	st, err := store.Open(n.db, n.options)
	if err != nil {
		return err
	}
	if n.ledger, err = ledger.New(n.c.Genesis(), st); err != nil {
		return err
	}
	n.registry, n.fatal = prometheus.NewRegistry(), new(reports)
	metrics := NewMetrics(n.registry)
	n.app, err = New(n.c.Genesis(), n.ledger, Options{
		Version: "test", Log: slog.New(slog.DiscardHandler), Metrics: metrics, Fatal: n.fatal.add,
	})
	if err != nil {
		return err
	}
	n.lookup = lookup.New(n.ledger, n.blocks, lookup.NewMetrics(n.registry))
	n.app.Serve(n.lookup)
	return nil
}

// restart drops the application as a crash does and opens it again from what is
// in the database.
func (n *node) restart() {
	n.t.Helper()
	if err := n.open(); err != nil {
		n.t.Fatalf("couldn't restart: %v", err)
	}
}

// decided is a block the validators agreed on.
type decided struct {
	height uint64
	txs    [][]byte
}

func (n *node) finalize(b decided) *cmtabci.ResponseFinalizeBlock {
	n.t.Helper()
	resp, err := n.app.FinalizeBlock(context.Background(), &cmtabci.RequestFinalizeBlock{
		Height: int64(b.height), Time: n.c.BlockTime(b.height), Txs: b.txs,
	})
	if err != nil {
		n.t.Fatalf("FinalizeBlock: %v", err)
	}
	if len(resp.TxResults) != len(b.txs) {
		n.t.Fatalf("%d results for %d transactions", len(resp.TxResults), len(b.txs))
	}
	return resp
}

func (n *node) commit() {
	n.t.Helper()
	if _, err := n.app.Commit(context.Background(), new(cmtabci.RequestCommit)); err != nil {
		n.t.Fatalf("Commit: %v", err)
	}
}

// run executes and commits a block and signs it; every transaction must succeed.
func (n *node) run(b decided) *cmtabci.ResponseFinalizeBlock {
	n.t.Helper()
	resp := n.finalize(b)
	for i, r := range resp.TxResults {
		if r.Code != 0 {
			n.t.Fatalf("transaction %d of block %d: %s", i, b.height, r.Log)
		}
	}
	n.blocks.add(b, resp.AppHash)
	n.commit()
	return resp
}

// next is run for the block after the last one.
func (n *node) next(txs ...[]byte) *cmtabci.ResponseFinalizeBlock {
	n.t.Helper()
	return n.run(decided{n.nextHeight(), txs})
}

func (n *node) nextHeight() uint64 {
	if h := n.ledger.Height(); h > 0 {
		return h + 1
	}
	return n.c.InitialHeight
}

func (n *node) check(tx []byte, kind cmtabci.CheckTxType) *cmtabci.ResponseCheckTx {
	n.t.Helper()
	resp, err := n.app.CheckTx(context.Background(), &cmtabci.RequestCheckTx{Tx: tx, Type: kind})
	if err != nil {
		n.t.Fatalf("CheckTx: %v", err)
	}
	return resp
}

// expectCheck checks that the mempool's verdict on a transaction has a code, zero
// for accepted.
func (n *node) expectCheck(tx []byte, want record.Code) {
	n.t.Helper()
	r := n.check(tx, cmtabci.CheckTxType_New)
	if record.Code(r.Code) != want {
		n.t.Fatalf("CheckTx says %d (%s), want %d", r.Code, r.Log, want)
	}
	if r.Code != 0 && r.Codespace != record.Codespace {
		n.t.Errorf("codespace %q", r.Codespace)
	}
}

func (n *node) prepare(maxBytes int64, txs ...[]byte) [][]byte {
	n.t.Helper()
	h := n.nextHeight()
	resp, err := n.app.PrepareProposal(context.Background(), &cmtabci.RequestPrepareProposal{
		Height: int64(h), Time: n.c.BlockTime(h), Txs: txs, MaxTxBytes: maxBytes,
	})
	if err != nil {
		n.t.Fatalf("PrepareProposal: %v", err)
	}
	return resp.Txs
}

func (n *node) process(txs ...[]byte) bool {
	n.t.Helper()
	h := n.nextHeight()
	resp, err := n.app.ProcessProposal(context.Background(), &cmtabci.RequestProcessProposal{
		Height: int64(h), Time: n.c.BlockTime(h), Txs: txs,
	})
	if err != nil {
		n.t.Fatalf("ProcessProposal: %v", err)
	}
	switch resp.Status {
	case cmtabci.ResponseProcessProposal_ACCEPT:
		return true
	case cmtabci.ResponseProcessProposal_REJECT:
		return false
	default:
		n.t.Fatalf("ProcessProposal says %v", resp.Status)
		return false
	}
}

func (n *node) info() *cmtabci.ResponseInfo {
	n.t.Helper()
	resp, err := n.app.Info(context.Background(), new(cmtabci.RequestInfo))
	if err != nil {
		n.t.Fatalf("Info: %v", err)
	}
	return resp
}

// signatures returns how many signature checks had a result: verified, cached or
// failed.
func (n *node) signatures(result string) int {
	n.t.Helper()
	families, err := n.registry.Gather()
	if err != nil {
		n.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "hullmark_signature_checks_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			if m.GetLabel()[0].GetValue() == result {
				return int(m.GetCounter().GetValue())
			}
		}
	}
	return 0
}

// signedBlocks are the blocks of a chain, signed by all validators. It is a
// lookup.Blocks.
type signedBlocks struct {
	signer *bundletest.Chain
	c      *fixture.Consortium

	mu     sync.RWMutex
	blocks map[uint64]*cmttypes.LightBlock
	txs    map[uint64]cmttypes.Txs
	tip    uint64
	hash   []byte // app hash of the tip, for the next header
	last   cmttypes.BlockID
}

func newSignedBlocks(t testing.TB, c *fixture.Consortium) *signedBlocks {
	t.Helper()
	return &signedBlocks{
		signer: bundletest.NewChain(t, c), c: c,
		blocks: make(map[uint64]*cmttypes.LightBlock), txs: make(map[uint64]cmttypes.Txs), hash: make([]byte, 32),
	}
}

// add signs a block after whose transactions the app hash is as given.
func (s *signedBlocks) add(b decided, appHash []byte) {
	set := bundletest.ValidatorSet(s.signer.Validators())
	fill := bytes.Repeat([]byte{7}, 32)
	s.mu.RLock()
	header := &cmttypes.Header{
		Version: cmtversion.Consensus{Block: cmtversions.BlockProtocol, App: AppVersion}, ChainID: s.c.Ledger(),
		Height: int64(b.height), Time: s.c.BlockTime(b.height), LastBlockID: s.last, AppHash: s.hash,
		DataHash: cmttypes.ToTxs(b.txs).Hash(), ValidatorsHash: set.Hash(), NextValidatorsHash: set.Hash(),
		ConsensusHash: fill, LastResultsHash: fill, EvidenceHash: fill, LastCommitHash: fill,
		ProposerAddress: set.Proposer.Address,
	}
	s.mu.RUnlock()
	lb := s.signer.Sign(header, s.signer.Validators(), s.signer.Validators()...)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blocks[b.height], s.tip, s.hash, s.last = lb, b.height, appHash, lb.Commit.BlockID
	s.txs[b.height] = cmttypes.ToTxs(b.txs)
}

// Transactions implements lookup.Blocks.
func (s *signedBlocks) Transactions(height uint64) (cmttypes.Txs, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if height > s.tip {
		return nil, fmt.Errorf("%w: block %d", lookup.ErrNotFound, height)
	}
	return s.txs[height], nil
}

// Tip implements lookup.Blocks.
func (s *signedBlocks) Tip() uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.tip
}

// LightBlock implements lookup.Blocks.
func (s *signedBlocks) LightBlock(height uint64) (*cmttypes.LightBlock, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if lb, ok := s.blocks[height]; ok {
		return lb, nil
	}
	return nil, fmt.Errorf("%w: block %d", lookup.ErrNotFound, height)
}

// memory is that of a client that trusts the first block.
func (n *node) memory() *bundle.Memory {
	n.t.Helper()
	lb, err := n.blocks.LightBlock(n.c.InitialHeight)
	if err != nil {
		n.t.Fatal(err)
	}
	return bundle.NewMemory(&bundle.Anchor{Ledger: n.c.Ledger(), Block: lb, TrustingPeriod: n.c.Params.TrustingPeriod})
}

// now is a moment shortly after the newest block.
func (n *node) now() time.Time { return n.c.BlockTime(n.blocks.Tip()).Add(time.Second) }

// fatally runs what must report one fatal error and panic, and returns the error.
func (n *node) fatally(f func()) (reported error) {
	n.t.Helper()
	before := n.fatal.count()
	defer func() {
		if recover() == nil {
			n.t.Error("it did not panic")
		}
		if got := n.fatal.count() - before; got != 1 {
			n.t.Fatalf("%d fatal reports, want 1", got)
		}
		reported = n.fatal.list[before]
	}()
	f()
	return errors.New("it returned")
}

// faultyDB is a database that fails from the moment a test says so.
type faultyDB struct {
	dbm.DB
	mu    sync.Mutex
	read  error
	write error
	// afterwards makes a failing write happen nevertheless: the answer was lost,
	// not the data.
	afterwards bool
}

var errDisk = errors.New("injected disk failure")

func (d *faultyDB) fail(read, write error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.read, d.write = read, write
}

func (d *faultyDB) faults() (read, write error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.read, d.write
}

// Get implements dbm.DB.
func (d *faultyDB) Get(key []byte) ([]byte, error) {
	if err, _ := d.faults(); err != nil {
		return nil, err
	}
	return d.DB.Get(key)
}

// NewBatch implements dbm.DB.
func (d *faultyDB) NewBatch() dbm.Batch { return &faultyBatch{d.DB.NewBatch(), d} }

// NewBatchWithSize implements dbm.DB.
func (d *faultyDB) NewBatchWithSize(int) dbm.Batch { return d.NewBatch() }

type faultyBatch struct {
	dbm.Batch
	db *faultyDB
}

// WriteSync implements dbm.Batch.
func (b *faultyBatch) WriteSync() error {
	if _, err := b.db.faults(); err != nil {
		if b.db.afterwards {
			if err := b.Batch.WriteSync(); err != nil {
				return err
			}
		}
		return err
	}
	return b.Batch.WriteSync()
}
