package abci

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"runtime"
	"slices"
	"sync"

	abcicli "github.com/cometbft/cometbft/abci/client"
	cmtabci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/libs/service"
	"github.com/cometbft/cometbft/mempool"

	"hullmark/ledger"
	"hullmark/record"
)

// ClientCreator makes the engine's connections to an Application of the same
// process. It is a proxy.ClientCreator.
//
// CometBFT's own local clients hold one lock per connection while the
// application works, and check a transaction in the routine that received it,
// which is the one that reads consensus messages of that peer too, while a commit
// waits. Here queries run beside each other. Of a new transaction that routine looks at
// what costs little, up to the submitter's signature, so that whoever sends junk slows
// down himself; its content is judged elsewhere, in turns by subject, by at most half of
// the cores, and no commit waits for it.
type ClientCreator struct {
	app    *Application
	intake chan struct{} // of checks of headers and submitters
	checks *checkQueue
}

// NewClientCreator returns a ClientCreator for an application.
func NewClientCreator(a *Application) *ClientCreator {
	intake, checks := workers(runtime.GOMAXPROCS(0))
	return &ClientCreator{app: a, intake: make(chan struct{}, intake), checks: newCheckQueue(checks)}
}

// workers says how many look at headers and how many judge content, at once: together
// half of the cores, and at least one each.
func workers(cores int) (intake, checks int) {
	intake = max(1, cores/8)
	return intake, max(1, cores/2-intake)
}

// NewABCIClient implements proxy.ClientCreator.
func (c *ClientCreator) NewABCIClient() (abcicli.Client, error) {
	client := &localClient{Application: c.app, app: c.app, ClientCreator: c}
	client.BaseService = *service.NewBaseService(nil, "hullmark", client)
	return client, nil
}

// localClient is one connection.
type localClient struct {
	service.BaseService
	cmtabci.Application
	*ClientCreator
	app       *Application
	consensus sync.Mutex // serialises what changes the application
	callback  abcicli.Callback

	mu sync.Mutex
	// late was dropped by the recheck that is under way, to be offered again, and offers by
	// those before it, as far as it has not been offered. offered is what somebody offers
	// at the moment, if anybody does.
	late, offers [][]byte
	offered      []byte
}

var _ abcicli.Client = (*localClient)(nil)

// Error implements abcicli.Client.
func (c *localClient) Error() error { return nil }

// Echo implements abcicli.Client.
func (c *localClient) Echo(_ context.Context, message string) (*cmtabci.ResponseEcho, error) {
	return &cmtabci.ResponseEcho{Message: message}, nil
}

// SetResponseCallback implements abcicli.Client. The mempool calls it once, before
// anything else.
func (c *localClient) SetResponseCallback(cb abcicli.Callback) { c.callback = cb }

// Flush implements abcicli.Client. The engine calls it before it commits and at the end
// of its recheck, with its mempool locked. Afterwards no verdict on a new transaction
// comes until the engine has let go of the mempool. Checks go on meanwhile.
func (c *localClient) Flush(context.Context) error {
	closing := c.app.gate.close()
	if pool := c.app.nowMempool(); pool != nil {
		go func() {
			pool.ReapMaxTxs(0) // waits for the lock
			c.app.gate.openAfter(closing)
			c.offerLate(pool)
		}()
	}
	return nil
}

// offerLate offers what recheck has put off to the mempool. What the last recheck has put
// off comes first: it was in the mempool when the rest was not.
func (c *localClient) offerLate(pool Mempool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offers = append(c.late, c.offers...)
	c.late = nil
	if c.offered != nil {
		return // by somebody else
	}
	for len(c.offers) > 0 {
		tx := c.offers[0]
		c.offered, c.offers = tx, c.offers[1:]
		c.mu.Unlock()
		c.offer(pool, tx)
		c.mu.Lock()
	}
	c.offered = nil
}

// offer offers one transaction to the mempool.
func (c *localClient) offer(pool Mempool, tx []byte) {
	err := pool.CheckTx(tx, nil, mempool.TxInfo{})
	// What is in the cache came from somebody else meanwhile, and its check is under
	// way: that check has the verdict.
	if err != nil && !errors.Is(err, mempool.ErrTxInCache) {
		// There is no room. It is not lost for who sends it again.
		c.app.log.Debug("couldn't offer transaction again", "err", err)
		c.app.refused(sha256.Sum256(tx), c.app.response(nil, errBusy))
	}
}

// CheckTxAsync implements abcicli.Client. A new transaction is checked beside
// others, but after those that came before it and concern the same repository or
// operator, so that versions sent in a row are admitted in a row. Rechecks come
// from one routine, look at no content and are answered in their order, at once.
func (c *localClient) CheckTxAsync(_ context.Context, req *cmtabci.RequestCheckTx) (*abcicli.ReqRes, error) {
	rr := abcicli.NewReqRes(cmtabci.ToRequestCheckTx(req))
	give := func(r *cmtabci.ResponseCheckTx) {
		rr.Response = cmtabci.ToResponseCheckTx(r)
		c.callback(rr.Request, rr.Response)
		rr.Done()
		rr.InvokeCallback()
		if r.Code == CodePostponed {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.late = append(c.late, req.Tx)
		} else if r.Code != cmtabci.CodeTypeOK {
			c.app.refused(sha256.Sum256(req.Tx), r)
		}
	}
	if req.Type == cmtabci.CheckTxType_Recheck {
		give(c.answered(func() *cmtabci.ResponseCheckTx { return c.app.recheck(req.Tx) }))
		return rr, nil
	}
	c.app.gate.open() // the engine's mempool is locked for reading
	c.begin(req.Tx, give)
	return rr, nil
}

// begin refuses a new transaction at once or puts it in line.
func (c *localClient) begin(tx []byte, give func(*cmtabci.ResponseCheckTx)) {
	refuse := func(err error) {
		give(c.answered(func() *cmtabci.ResponseCheckTx { return c.app.refuse(err) }))
	}
	env, err := record.ReadEnvelope(tx)
	if err != nil {
		refuse(err)
		return
	}
	check := newCheck(env, len(tx), func() { c.run(env, tx, give) })
	check.waited = c.isOffered(tx)
	alone, ok := c.checks.join(check)
	if !ok {
		refuse(errBusy)
		return
	}
	known, err := c.begun(env)
	switch {
	// What comes before it may change the verdict.
	case isRejection(err) && (alone || settled(err)), errors.Is(err, ledger.ErrClosed):
		c.checks.leave(check)
		refuse(err)
	case !c.checks.release(check, !known):
		c.checks.leave(check)
		refuse(errBusy)
	}
}

// isOffered reports whether a transaction is the one that is being offered again.
func (c *localClient) isOffered(tx []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.offered != nil && bytes.Equal(c.offered, tx)
}

// run checks a transaction whose turn has come.
func (c *localClient) run(env *record.Envelope, tx []byte, give func(*cmtabci.ResponseCheckTx)) {
	c.app.gate.begin()
	defer c.app.gate.finish()
	given := false
	defer func() {
		// A panic has been reported, and ends the process. Nobody is to wait for ever
		// meanwhile.
		if recover() != nil && !given {
			give(refuseStopping())
		}
	}()
	defer c.app.guard("CheckTx")
	c.app.check(env, tx, func(r *cmtabci.ResponseCheckTx) { given = true; give(r) })
}

// answered is an answer whatever happens: a check without one would hold up the
// next commit for ever.
func (c *localClient) answered(f func() *cmtabci.ResponseCheckTx) (resp *cmtabci.ResponseCheckTx) {
	defer func() {
		if recover() != nil {
			resp = refuseStopping()
		}
	}()
	defer c.app.guard("CheckTx")
	return f()
}

// begun is intake for as many at once as there may be. It also reports whether somebody
// known has signed the transaction.
func (c *localClient) begun(env *record.Envelope) (known bool, err error) {
	c.intake <- struct{}{}
	defer func() {
		<-c.intake
		if recover() != nil {
			err = ledger.ErrClosed
		}
	}()
	defer c.app.guard("CheckTx")
	err = c.app.intake(env)
	return !isRejection(err) || c.app.known(env, err), err
}

// InitChain implements abcicli.Client.
func (c *localClient) InitChain(ctx context.Context, req *cmtabci.RequestInitChain) (*cmtabci.ResponseInitChain, error) {
	c.consensus.Lock()
	defer c.consensus.Unlock()
	return c.app.InitChain(ctx, req)
}

// PrepareProposal implements abcicli.Client.
func (c *localClient) PrepareProposal(ctx context.Context, req *cmtabci.RequestPrepareProposal) (*cmtabci.ResponsePrepareProposal, error) {
	c.consensus.Lock()
	defer c.consensus.Unlock()
	return c.app.PrepareProposal(ctx, req)
}

// ProcessProposal implements abcicli.Client.
func (c *localClient) ProcessProposal(ctx context.Context, req *cmtabci.RequestProcessProposal) (*cmtabci.ResponseProcessProposal, error) {
	c.consensus.Lock()
	defer c.consensus.Unlock()
	return c.app.ProcessProposal(ctx, req)
}

// FinalizeBlock implements abcicli.Client.
func (c *localClient) FinalizeBlock(ctx context.Context, req *cmtabci.RequestFinalizeBlock) (*cmtabci.ResponseFinalizeBlock, error) {
	c.consensus.Lock()
	defer c.consensus.Unlock()
	return c.app.FinalizeBlock(ctx, req)
}

// Commit implements abcicli.Client.
func (c *localClient) Commit(ctx context.Context, req *cmtabci.RequestCommit) (*cmtabci.ResponseCommit, error) {
	c.consensus.Lock()
	defer c.consensus.Unlock()
	return c.app.Commit(ctx, req)
}

// subjects names what a transaction is about, for the order of checks: what its scopes
// name, and the operator who pays.
func subjects(env *record.Envelope) []string { return subjectsOf(&env.Header) }

func subjectsOf(h *record.Header) []string {
	out := make([]string, 0, len(h.Scopes)+1)
	for _, s := range h.Scopes {
		out = append(out, subject(s))
	}
	if h.Payer != "" {
		out = append(out, "operator "+h.Payer)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
