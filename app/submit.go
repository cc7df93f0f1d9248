package app

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	cmtabci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/mempool"

	"hullmark/abci"
	"hullmark/proto"
	"hullmark/record"
)

// submit takes a transaction and answers when it is in a committed block, with
// the proof that it is. The same bytes may be sent again at any time.
func (n *Node) submit(w http.ResponseWriter, r *http.Request) {
	tx, err := io.ReadAll(http.MaxBytesReader(w, r.Body, record.MaxTransactionSize))
	if err != nil {
		if maxErr := new(http.MaxBytesError); errors.As(err, &maxErr) {
			err = &apiError{status: http.StatusRequestEntityTooLarge, code: record.CodeTooLarge.Name(), ledgerCode: record.CodeTooLarge,
				message: fmt.Sprintf("a transaction has at most %d bytes", record.MaxTransactionSize)}
		} else {
			err = badRequest("couldn't read the transaction")
		}
		writeError(w, toAPIError(err))
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), n.config.HTTP.SubmitTimeout)
	defer cancel()
	resp, err := n.Submit(ctx, tx)
	if err != nil {
		n.refuse(w, r, err)
		return
	}
	writeMessage(w, http.StatusOK, "application/json", resp)
}

// Submit offers a transaction to the network and waits until it is in a block or
// ctx is done. A rejection is a *record.Rejection.
func (n *Node) Submit(ctx context.Context, tx []byte) (*proto.TransactionResponse, error) {
	hash := sha256.Sum256(tx)
	env, err := record.DecodeEnvelope(tx)
	if err != nil {
		return nil, record.Reject(record.CodeMalformed, "%v", err)
	}
	// Joined before it is offered, or its block could come in between.
	sub, first := n.submissions.join(hash)
	defer n.submissions.leave(hash, sub)
	if first {
		// What was sent before may still come into a block; what is refused will not.
		if sub.err = n.offer(tx); sub.err != nil && !errors.Is(sub.err, mempool.ErrTxInCache) {
			n.submissions.drop(hash, sub)
		}
		close(sub.offered)
	}
	select {
	case <-sub.offered:
	case <-ctx.Done():
		return nil, notCommitted()
	}
	switch code, _ := record.CodeOf(sub.err); {
	case errors.Is(sub.err, mempool.ErrTxInCache), code == record.CodeStaleScope, code == record.CodeRepositoryExists:
		// Sent before: it may be in a block already.
		if resp, err := n.committed(env); resp != nil || err != nil {
			return resp, err
		}
		if code != 0 {
			return nil, sub.err
		}
	case sub.err != nil:
		return nil, sub.err
	}
	select {
	case <-ctx.Done():
		return nil, notCommitted()
	case <-sub.decided:
	}
	switch {
	case sub.lost != nil:
		return nil, notCommitted()
	case sub.result.Code != cmtabci.CodeTypeOK:
		return nil, record.ReadRejection(record.Code(sub.result.Code), sub.result.Log)
	}
	return n.receipt(sub.height, hash[:], false)
}

func notCommitted() error {
	return &apiError{status: http.StatusGatewayTimeout, code: "not-committed", retry: time.Second,
		message: "the transaction was accepted but is in no block yet; send the same bytes again"}
}

// offer gives a transaction to the mempool and returns its verdict:
// mempool.ErrTxInCache for what was sent before, a *record.Rejection, or that the
// node takes none.
func (n *Node) offer(tx []byte) error {
	unavailable := func(code, message string) error {
		return &apiError{status: http.StatusServiceUnavailable, code: code, retry: 2 * time.Second, message: message}
	}
	const full = "too many transactions wait; send the same bytes again later"
	check := make(chan *cmtabci.ResponseCheckTx, 1)
	err := n.engine.Mempool().CheckTx(tx, func(r *cmtabci.ResponseCheckTx) { check <- r }, mempool.TxInfo{})
	switch {
	case errors.As(err, new(mempool.ErrMempoolIsFull)), errors.Is(err, mempool.ErrRecheckFull):
		return unavailable("mempool-full", full)
	case errors.Is(err, mempool.ErrTxInCache):
		return err
	case err != nil:
		return fmt.Errorf("couldn't offer transaction: %w", err)
	}
	switch r := <-check; r.Code {
	case cmtabci.CodeTypeOK:
		return nil
	case abci.CodeFull:
		return unavailable("mempool-full", full)
	case abci.CodeStopping:
		return unavailable("busy", "the node is stopping; ask another")
	default:
		return record.ReadRejection(record.Code(r.Code), r.Log)
	}
}

// committed finds a transaction that is in a block already; nil if it is not.
func (n *Node) committed(env *record.Envelope) (*proto.TransactionResponse, error) {
	height, err := n.lookup.Committed(env)
	if err != nil {
		return nil, fmt.Errorf("couldn't look for transaction: %w", err)
	}
	if height == 0 {
		return nil, nil
	}
	txs, err := n.blocks.Transactions(height)
	if errors.Is(err, abci.ErrNotFound) {
		return nil, nil // a block that is not kept holds nothing this node can show
	}
	if err != nil {
		return nil, fmt.Errorf("couldn't read block %d: %w", height, err)
	}
	if txs.IndexByHash(env.Hash[:]) < 0 {
		return nil, nil
	}
	return n.receipt(height, env.Hash[:], true)
}

// receipt proves a transaction against the header of its block.
func (n *Node) receipt(height uint64, hash []byte, duplicate bool) (*proto.TransactionResponse, error) {
	txs, err := n.blocks.Transactions(height)
	if err != nil {
		return nil, err
	}
	index := txs.IndexByHash(hash)
	if index < 0 {
		return nil, fmt.Errorf("couldn't find transaction %x in block %d", hash[:8], height)
	}
	r, err := abci.Receipt(txs, index, height)
	if err != nil {
		return nil, err
	}
	r.Duplicate = duplicate
	return r, nil
}
