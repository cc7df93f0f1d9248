package abci

import (
	"context"
	"runtime"
	"sync"

	abcicli "github.com/cometbft/cometbft/abci/client"
	cmtabci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/libs/service"

	"hullmark/record"
)

// ClientCreator makes the engine's connections to an Application of the same
// process. It is a proxy.ClientCreator.
//
// CometBFT's own local clients hold one lock per connection while the
// application works, and check a transaction in the routine that received it,
// which is the one that reads consensus messages of that peer too. Here queries
// run beside each other, and new transactions are checked by as many workers as
// there are cores.
type ClientCreator struct{ app *Application }

// NewClientCreator returns a ClientCreator for an application.
func NewClientCreator(a *Application) *ClientCreator { return &ClientCreator{app: a} }

// NewABCIClient implements proxy.ClientCreator.
func (c *ClientCreator) NewABCIClient() (abcicli.Client, error) {
	client := &localClient{Application: c.app, app: c.app, checks: newCheckQueue(runtime.GOMAXPROCS(0))}
	client.BaseService = *service.NewBaseService(nil, "hullmark", client)
	return client, nil
}

// localClient is one connection.
type localClient struct {
	service.BaseService
	cmtabci.Application
	app       *Application
	consensus sync.Mutex // serialises what changes the application
	callback  abcicli.Callback
	checks    *checkQueue
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

// Flush implements abcicli.Client: it returns when every check that was begun has
// been answered. The mempool lets nobody begin one meanwhile.
func (c *localClient) Flush(context.Context) error {
	c.checks.drain()
	return nil
}

// CheckTxAsync implements abcicli.Client. A new transaction is checked beside
// others, but after those that came before it and concern the same repository or
// operator, so that versions sent in a row are admitted in a row. Rechecks come
// from one routine, need no arithmetic and are answered in their order, at once.
func (c *localClient) CheckTxAsync(_ context.Context, req *cmtabci.RequestCheckTx) (*abcicli.ReqRes, error) {
	rr := abcicli.NewReqRes(cmtabci.ToRequestCheckTx(req))
	env, err := decodeTx(req.Tx)
	answer := func() {
		rr.Response = cmtabci.ToResponseCheckTx(c.check(req, env, err))
		c.callback(rr.Request, rr.Response)
		rr.Done()
		rr.InvokeCallback()
	}
	if req.Type == cmtabci.CheckTxType_Recheck {
		answer()
		return rr, nil
	}
	c.checks.run(subjects(env), answer)
	return rr, nil
}

// check answers whatever happens: a check without an answer would hold up the
// next commit for ever. A panic has been reported, and ends the process.
func (c *localClient) check(req *cmtabci.RequestCheckTx, env *record.Envelope, malformed error) (resp *cmtabci.ResponseCheckTx) {
	defer func() {
		if recover() != nil {
			resp = refuseStopping()
		}
	}()
	resp, err := c.app.checkTx(req, env, malformed)
	if err != nil {
		return refuseStopping()
	}
	return resp
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

// subjects names what a transaction is about, for the order of checks. What has
// no valid form is about nothing.
func subjects(env *record.Envelope) []string {
	if env == nil {
		return nil
	}
	out := make([]string, 0, len(env.Header.Scopes))
	for _, s := range env.Header.Scopes {
		if s.Operator != "" {
			out = append(out, "operator "+s.Operator)
		} else {
			out = append(out, s.Repository.String())
		}
	}
	return out
}
