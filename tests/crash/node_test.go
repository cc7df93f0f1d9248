package crash

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	cmtdb "github.com/cometbft/cometbft-db"
	abcicli "github.com/cometbft/cometbft/abci/client"
	cmtabci "github.com/cometbft/cometbft/abci/types"
	cmtcfg "github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/proxy"
	dbm "github.com/cosmos/cosmos-db"

	"hullmark/app"
	"hullmark/database"
)

// Environment variables that make this test binary something else than tests.
const (
	// roleVariable is what it is: a node, or a client that remembers.
	roleVariable = "HULLMARK_CRASH_ROLE"
	// pointVariable is where a node ends: a point, a colon, and the how-many-eth
	// time it comes there, counted from one.
	pointVariable = "HULLMARK_CRASH_POINT"
)

func TestMain(m *testing.M) {
	switch role := os.Getenv(roleVariable); role {
	case "":
		os.Exit(m.Run())
	case "node":
		exit(runNode())
	case "client":
		exit(runClient())
	default:
		exit(fmt.Errorf("unknown role %q", role))
	}
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// keepRecent is how many heights a node of this package keeps, so that it prunes
// with almost every block.
const keepRecent = 4

// runNode is what `hullmarkd start --home DIR` does, with a point at which it ends.
func runNode() error {
	home := app.Home(os.Args[len(os.Args)-1])
	c, err := app.LoadConfig(home)
	if err != nil {
		return err
	}
	c.State.KeepRecent = keepRecent
	b, err := newBomb(os.Getenv(pointVariable))
	if err != nil {
		return err
	}
	n, err := app.Open(home, app.Options{Config: c, Version: "crash", Log: os.Stderr, Hooks: b.hooks()})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := n.Start(); err != nil {
		return errors.Join(err, n.Stop())
	}
	if err := n.Wait(ctx); err != nil {
		return err
	}
	return n.Stop()
}

// bomb ends the process when it comes to a point.
type bomb struct {
	point string // empty for never
	left  atomic.Int64
}

func newBomb(text string) (*bomb, error) {
	b := new(bomb)
	if text == "" {
		return b, nil
	}
	point, times, _ := strings.Cut(text, ":")
	n, err := strconv.ParseInt(times, 10, 64)
	if err != nil || n < 1 {
		return nil, fmt.Errorf("bad crash point %q", text)
	}
	b.point = point
	b.left.Store(n)
	return b, nil
}

// at ends the process as if it were killed, if this is the point and the time:
// nothing is flushed, closed or said.
func (b *bomb) at(point string) {
	if point != b.point || b.left.Add(-1) != 0 {
		return
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // until the signal arrives
}

func (b *bomb) hooks() app.Hooks {
	return app.Hooks{
		LedgerDB: func(path string, o database.Options) (dbm.DB, error) {
			db, err := database.OpenLedger(path, o)
			return &ledgerDB{db, b}, err
		},
		EngineDB: func(c *cmtcfg.DBContext, o database.Options) (cmtdb.DB, error) {
			db, err := database.OpenEngine(filepath.Join(c.Config.DBDir(), c.ID+".db"), o)
			return &engineDB{db, b, c.ID}, err
		},
		Connections: func(c proxy.ClientCreator) proxy.ClientCreator { return &connections{c, b} },
	}
}

// ledgerDB is the ledger's database with crash points.
type ledgerDB struct {
	dbm.DB
	*bomb
}

// Get has the point at which a commit that prunes reads what to delete.
func (d *ledgerDB) Get(key []byte) ([]byte, error) {
	if bytes.HasPrefix(key, []byte{'s'}) {
		d.at("prune/list")
	}
	return d.DB.Get(key)
}

func (d *ledgerDB) NewBatch() dbm.Batch { return &ledgerBatch{d.DB.NewBatch(), d.bomb} }

func (d *ledgerDB) Close() error {
	d.at("shutdown/before-close")
	err := d.DB.Close()
	d.at("shutdown/after-close")
	return err
}

type ledgerBatch struct {
	dbm.Batch
	*bomb
}

func (b *ledgerBatch) Set(k, v []byte) error {
	b.at("batch/set")
	return b.Batch.Set(k, v)
}

func (b *ledgerBatch) Delete(k []byte) error {
	b.at("prune/delete")
	return b.Batch.Delete(k)
}

func (b *ledgerBatch) WriteSync() error {
	b.at("batch/before-write")
	err := b.Batch.WriteSync()
	b.at("batch/after-write")
	return err
}

func (b *ledgerBatch) Close() error {
	b.at("batch/close")
	return b.Batch.Close()
}

// engineDB is one of the engine's databases with crash points.
type engineDB struct {
	cmtdb.DB
	*bomb
	name string
}

func (d *engineDB) SetSync(k, v []byte) error {
	d.at(d.name + "/before-write")
	err := d.DB.SetSync(k, v)
	d.at(d.name + "/after-write")
	return err
}

func (d *engineDB) NewBatch() cmtdb.Batch { return &engineBatch{d.DB.NewBatch(), d} }

type engineBatch struct {
	cmtdb.Batch
	db *engineDB
}

func (b *engineBatch) WriteSync() error {
	b.db.at(b.db.name + "/before-write")
	err := b.Batch.WriteSync()
	b.db.at(b.db.name + "/after-write")
	return err
}

// connections makes connections with crash points.
type connections struct {
	proxy.ClientCreator
	*bomb
}

func (c *connections) NewABCIClient() (abcicli.Client, error) {
	client, err := c.ClientCreator.NewABCIClient()
	return &connection{client, c.bomb}, err
}

type connection struct {
	abcicli.Client
	*bomb
}

// around calls a method between two points.
func around[Q, R any](ctx context.Context, b *bomb, name string, call func(context.Context, Q) (R, error), req Q) (R, error) {
	b.at(name + "/before")
	r, err := call(ctx, req)
	b.at(name + "/after")
	return r, err
}

func (c *connection) InitChain(ctx context.Context, r *cmtabci.RequestInitChain) (*cmtabci.ResponseInitChain, error) {
	return around(ctx, c.bomb, "init-chain", c.Client.InitChain, r)
}

func (c *connection) PrepareProposal(ctx context.Context, r *cmtabci.RequestPrepareProposal) (*cmtabci.ResponsePrepareProposal, error) {
	return around(ctx, c.bomb, "prepare-proposal", c.Client.PrepareProposal, r)
}

func (c *connection) ProcessProposal(ctx context.Context, r *cmtabci.RequestProcessProposal) (*cmtabci.ResponseProcessProposal, error) {
	return around(ctx, c.bomb, "process-proposal", c.Client.ProcessProposal, r)
}

func (c *connection) FinalizeBlock(ctx context.Context, r *cmtabci.RequestFinalizeBlock) (*cmtabci.ResponseFinalizeBlock, error) {
	return around(ctx, c.bomb, "finalize-block", c.Client.FinalizeBlock, r)
}

func (c *connection) Commit(ctx context.Context, r *cmtabci.RequestCommit) (*cmtabci.ResponseCommit, error) {
	return around(ctx, c.bomb, "commit", c.Client.Commit, r)
}

// ledgerDir is where a node keeps the ledger's database.
func ledgerDir(home app.Home) string { return filepath.Join(string(home), "data", "ledger.db") }
