package workload

import (
	"context"
	"sync/atomic"

	cmtabci "github.com/cometbft/cometbft/abci/types"
)

// accepting is an application that takes whatever it is given and keeps nothing:
// what is left is the engine.
type accepting struct {
	cmtabci.BaseApplication
	height, count atomic.Int64
}

// Info implements abci.Application.
func (a *accepting) Info(context.Context, *cmtabci.RequestInfo) (*cmtabci.ResponseInfo, error) {
	return &cmtabci.ResponseInfo{LastBlockHeight: a.height.Load(), AppVersion: 1}, nil
}

// FinalizeBlock implements abci.Application.
func (a *accepting) FinalizeBlock(_ context.Context, req *cmtabci.RequestFinalizeBlock) (*cmtabci.ResponseFinalizeBlock, error) {
	resp := &cmtabci.ResponseFinalizeBlock{AppHash: make([]byte, 32)}
	for range req.Txs {
		resp.TxResults = append(resp.TxResults, new(cmtabci.ExecTxResult))
	}
	a.height.Store(req.Height)
	a.count.Add(int64(len(req.Txs)))
	return resp, nil
}
