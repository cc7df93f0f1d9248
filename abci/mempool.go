package abci

import (
	"context"
	"errors"
	"fmt"

	cmtabci "github.com/cometbft/cometbft/abci/types"

	"hullmark/keys"
	"hullmark/ledger"
	"hullmark/record"
)

// CheckTx judges a transaction for the mempool, on top of the ones that already
// wait, so that versions published in a row are admitted in a row. It may be
// called for several transactions at once. After each
// block the waiting ones are judged again without their signatures: those were
// verified when they came in, and a signature that verified once always will.
func (a *Application) CheckTx(_ context.Context, req *cmtabci.RequestCheckTx) (*cmtabci.ResponseCheckTx, error) {
	env, err := decodeTx(req.Tx)
	return a.checkTx(req, env, err)
}

// decodeTx reads the envelope of a transaction (*record.Rejection).
func decodeTx(tx []byte) (*record.Envelope, error) {
	if len(tx) > record.MaxTransactionSize {
		return nil, record.Reject(record.CodeTooLarge, "%d bytes, at most %d", len(tx), record.MaxTransactionSize)
	}
	env, err := record.DecodeEnvelope(tx)
	if err != nil {
		return nil, record.Reject(record.CodeMalformed, "%v", err)
	}
	return env, nil
}

// checkTx is CheckTx for a transaction that is decoded, or could not be.
func (a *Application) checkTx(req *cmtabci.RequestCheckTx, env *record.Envelope, err error) (*cmtabci.ResponseCheckTx, error) {
	defer a.guard("CheckTx")
	var v keys.Verifier = a.cache
	known := req.Type == cmtabci.CheckTxType_Recheck
	if known {
		v = alreadyVerified{}
	}
	var out *ledger.Outcome
	if err == nil {
		out, err = a.nowWaiting().admit(env, req.Tx, known, v)
	}
	var full errFull
	switch {
	case errors.Is(err, ledger.ErrClosed):
		return nil, fmt.Errorf("couldn't check transaction: %w", err)
	case errors.As(err, &full):
		a.metrics.checked(CodeFull)
		return &cmtabci.ResponseCheckTx{Code: CodeFull, Codespace: NodeCodespace, Log: full.Error()}, nil
	case err == nil:
		a.judged.add(env.Hash)
	}
	r := a.result(out, err)
	if !known {
		a.metrics.checked(r.Code)
	}
	return &cmtabci.ResponseCheckTx{
		Code: r.Code, Codespace: r.Codespace, Log: r.Log, GasWanted: r.GasWanted, GasUsed: r.GasUsed,
	}, nil
}

// Codes for what is wrong with the node and not with the transaction. They are
// beyond those of the ledger, in the range CometBFT keeps for "try again".
const (
	// NodeCodespace is the codespace of these codes.
	NodeCodespace = "hullmark-node"
	// CodeStopping means that the node is ending.
	CodeStopping = cmtabci.CodeTypeRetry + 1
	// CodeFull means that as many transactions of its class wait as there is room
	// for.
	CodeFull = cmtabci.CodeTypeRetry + 2
)

func refuseStopping() *cmtabci.ResponseCheckTx {
	return &cmtabci.ResponseCheckTx{Code: CodeStopping, Codespace: NodeCodespace, Log: "the node is stopping"}
}

// result turns what the ledger said of a transaction into its ABCI form. It
// carries nothing local: code and work are hashed into the next header.
func (a *Application) result(out *ledger.Outcome, err error) *cmtabci.ExecTxResult {
	if err == nil {
		return &cmtabci.ExecTxResult{
			Code: cmtabci.CodeTypeOK, GasWanted: int64(out.Work), GasUsed: int64(out.Work), Events: events(out),
		}
	}
	var rejection *record.Rejection
	if !errors.As(err, &rejection) {
		a.die(err)
	}
	code, _ := record.CodeOf(err)
	return &cmtabci.ExecTxResult{Code: uint32(code), Codespace: record.Codespace, Log: err.Error()}
}

// alreadyVerified is the Verifier for transactions whose signatures this node
// has verified before.
type alreadyVerified struct{}

// Verify implements keys.Verifier.
func (alreadyVerified) Verify(keys.PublicKey, []byte, []byte) error { return nil }
