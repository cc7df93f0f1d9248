package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"

	cmtabci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/mempool"

	"hullmark/abci"
	"hullmark/app/admission"
	"hullmark/lookup"
	"hullmark/proto"
	"hullmark/record"
)

// submit takes a transaction and answers when it is in a committed block, with
// the proof that it is. The same bytes may be sent again at any time.
func (n *Node) submit(w http.ResponseWriter, r *http.Request) {
	client := admission.ClientOf(r)
	tx, room, err := n.gate.Bodies.ReadBody(client, http.MaxBytesReader(w, r.Body, record.MaxTransactionSize), record.MaxTransactionSize)
	if err != nil {
		n.refuse(w, r, unread(err))
		return
	}
	defer room.Release()
	ctx, cancel := context.WithTimeout(r.Context(), n.config.HTTP.SubmitTimeout)
	defer cancel()
	p, err := n.offerOnce(ctx, client, tx)
	if err != nil {
		n.refuse(w, r, err)
		return
	}
	defer p.leave()
	room.Release() // the mempool has the bytes now
	resp, err := n.await(ctx, p)
	if err != nil {
		n.refuse(w, r, err)
		return
	}
	writeMessage(w, http.StatusOK, "application/json", resp)
}

// unread says why a transaction could not be read.
func unread(err error) error {
	switch {
	case errors.As(err, new(*http.MaxBytesError)), errors.Is(err, admission.ErrTooLarge):
		return &apiError{status: http.StatusRequestEntityTooLarge, code: record.CodeTooLarge.Name(), ledgerCode: record.CodeTooLarge,
			message: fmt.Sprintf("a transaction has at most %d bytes", record.MaxTransactionSize)}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &apiError{status: http.StatusRequestTimeout, code: "bad-request",
			message: fmt.Sprintf("the transaction did not arrive within %s", admission.ReadTime)}
	case errors.Is(err, admission.ErrOwnShare), errors.Is(err, admission.ErrFull):
		return err
	default:
		return badRequest("couldn't read the transaction")
	}
}

// pending is a transaction that was offered, and what its request holds meanwhile.
type pending struct {
	env    *record.Envelope
	client admission.Client
	places []*admission.Share
	hash   [32]byte
	sub    *submission
	leave  func()
	// done is set if it was in a block already.
	done *proto.TransactionResponse
}

// offerOnce gives a transaction to the mempool, unless another request does, and
// returns when that has taken it (*record.Rejection, *apiError).
//
// Its request gets a place while the transaction is judged, and an entry among those
// that wait for a block, which it keeps if the transaction is taken. A header that
// claims an emergency opens the places and entries that are kept for those; it keeps
// them if the keys of a root have signed it, without which it is not taken.
func (n *Node) offerOnce(ctx context.Context, client admission.Client, tx []byte) (_ *pending, err error) {
	env, err := record.ReadEnvelope(tx)
	if err != nil {
		return nil, err
	}
	places, waits := []*admission.Share{n.gate.Submissions}, []*admission.Share{n.gate.SubmitWaits}
	if env.Header.Emergency() {
		places, waits = append([]*admission.Share{n.gate.Urgent}, places...), append([]*admission.Share{n.gate.UrgentWaits}, waits...)
	}
	entry, err := admission.TakeFirst(client, 1, waits...)
	if err != nil {
		return nil, err
	}
	// Joined before it is offered, or its block could come in between.
	hash, known := env.Hash, &record.Envelope{Header: env.Header, Hash: env.Hash} // and not its bytes, while it is waited for
	sub, first := n.submissions.join(hash)
	p := &pending{env: known, places: places, client: client, hash: hash, sub: sub, leave: func() {
		n.submissions.leave(hash, sub)
		entry.Release()
	}}
	defer func() {
		if err != nil {
			p.leave()
		}
	}()
	if first {
		go func() { // ctx may end before there is a verdict
			sub.err = n.offerIn(client, tx, places)
			cached := errors.Is(sub.err, mempool.ErrTxInCache)
			// What was sent before may still come into a block; what is refused will not.
			if sub.err != nil && !cached {
				n.submissions.drop(hash, sub)
			}
			close(sub.offered)
			if cached && n.submissions.pauses(hash, sub, offerInterval) {
				// Its refusal may have been reported just before anybody waited for it here.
				if err := n.offerIn(client, tx, places); err != nil && !errors.Is(err, mempool.ErrTxInCache) {
					n.submissions.refuse(hash, err)
				}
			}
		}()
	}
	select {
	case <-sub.offered:
	case <-ctx.Done():
		return nil, notCommitted()
	}
	if sub.err != nil {
		if p.done, err = n.refused(p, sub.err); p.done == nil && !errors.Is(err, mempool.ErrTxInCache) {
			return nil, err
		}
	}
	return p, nil
}

// offerIn offers a transaction from one of some places.
func (n *Node) offerIn(client admission.Client, tx []byte, places []*admission.Share) error {
	place, err := admission.TakeFirst(client, 1, places...)
	if err != nil {
		return err
	}
	defer place.Release()
	return n.offer(tx)
}

// await waits until a transaction that was offered is in a block or ctx is done.
func (n *Node) await(ctx context.Context, p *pending) (*proto.TransactionResponse, error) {
	if p.done != nil {
		return p.done, nil
	}
	select {
	case <-ctx.Done():
		return nil, notCommitted()
	case <-p.sub.decided:
	}
	switch {
	case p.sub.refusal != nil:
		return n.refused(p, p.sub.refusal)
	case p.sub.lost != nil:
		return nil, notCommitted()
	case p.sub.result.Code != cmtabci.CodeTypeOK:
		return nil, record.ReadRejection(record.Code(p.sub.result.Code), p.sub.result.Log)
	}
	return n.receipt(p.sub.height, p.hash[:], false)
}

// offerInterval is the pause before what the mempool says it knows is offered again.
const offerInterval = time.Second

// refused returns why a transaction is not taken, or its receipt: what was sent before
// may be in a block already, which is work to find out.
func (n *Node) refused(p *pending, reason error) (*proto.TransactionResponse, error) {
	code, _ := record.CodeOf(reason)
	if errors.Is(reason, mempool.ErrTxInCache) || code == record.CodeStaleScope || code == record.CodeRepositoryExists {
		place, err := admission.TakeFirst(p.client, 1, p.places...)
		if err != nil {
			return nil, err
		}
		defer place.Release()
		if resp, err := n.committed(p.env); resp != nil || err != nil {
			return resp, err
		}
	}
	return nil, reason
}

func notCommitted() error {
	return &apiError{status: http.StatusGatewayTimeout, code: "not-committed", retry: time.Second,
		message: "the transaction was accepted but is in no block yet; send the same bytes again"}
}

// offer gives a transaction to the mempool and returns its verdict:
// mempool.ErrTxInCache for what was sent before, a *record.Rejection, or that the
// node takes none.
func (n *Node) offer(tx []byte) error {
	check := make(chan *cmtabci.ResponseCheckTx, 1)
	err := n.engine.Mempool().CheckTx(tx, func(r *cmtabci.ResponseCheckTx) { check <- r }, mempool.TxInfo{})
	switch {
	case errors.As(err, new(mempool.ErrMempoolIsFull)), errors.Is(err, mempool.ErrRecheckFull):
		return refusal(&cmtabci.ResponseCheckTx{Code: abci.CodeFull})
	case errors.Is(err, mempool.ErrTxInCache):
		return err
	case err != nil:
		return fmt.Errorf("couldn't offer transaction: %w", err)
	}
	return refusal(<-check)
}

// refusal turns the verdict of the mempool's check into an error, nil for accepted.
func refusal(r *cmtabci.ResponseCheckTx) error {
	unavailable := func(code, message string) error {
		return &apiError{status: http.StatusServiceUnavailable, code: code, retry: 2 * time.Second, message: message}
	}
	switch r.Code {
	case cmtabci.CodeTypeOK:
		return nil
	case abci.CodeFull:
		return unavailable("mempool-full", "too many transactions wait; send the same bytes again later")
	case abci.CodeStopping:
		return unavailable("busy", "the node is stopping; ask another")
	case abci.CodeBusy:
		return unavailable("busy", "too many transactions wait for their check; send the same bytes again later, or ask another node")
	case abci.CodeCharged:
		seconds, _ := strconv.Atoi(r.Info) // zero if it does not say
		return &apiError{
			status: http.StatusTooManyRequests, code: "busy", retry: time.Duration(max(1, seconds)) * time.Second,
			message: "too many transactions of this repository or operator were refused lately; send the same bytes again later, or ask another node",
		}
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
	if errors.Is(err, lookup.ErrNotFound) {
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
	r, err := lookup.Receipt(txs, index, height)
	if err != nil {
		return nil, err
	}
	r.Duplicate = duplicate
	return r, nil
}
