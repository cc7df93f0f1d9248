package client

import (
	"context"
	"crypto/sha256"
	"fmt"

	"hullmark/bundle"
	"hullmark/proto"
	"hullmark/query"
)

// Receipt returns what a committed transaction did: the records it added to the
// log, with the proof that they are there. Height is that of its block, as Submit
// returned it. The records are proven one block later; nodes wait for it.
func (c *Client) Receipt(ctx context.Context, tx []byte, height uint64) (*bundle.Receipt, []Warning, error) {
	_, r, warnings, err := c.receipt(ctx, tx, height)
	return r, warnings, err
}

// ReceiptFile is Receipt for others: it returns the content of a file that proves the
// same to whoever has the trust anchor. The client should know no more than such a
// reader, or the file will lack what it knows.
func (c *Client) ReceiptFile(ctx context.Context, tx []byte, height uint64) ([]byte, *bundle.Receipt, []Warning, error) {
	a, r, warnings, err := c.receipt(ctx, tx, height)
	if err != nil {
		return nil, nil, warnings, err
	}
	data, err := bundle.EncodeReceipt(a)
	return data, r, warnings, err
}

func (c *Client) receipt(ctx context.Context, tx []byte, height uint64) (*proto.ReceiptAnswer, *bundle.Receipt, []Warning, error) {
	q := query.Receipt{Hash: sha256.Sum256(tx), Height: height}
	var answer *proto.ReceiptAnswer
	var out *bundle.Receipt
	warnings, err := ask(ctx, c, inquiry[*proto.ReceiptAnswer]{
		question: q,
		empty:    func() *proto.ReceiptAnswer { return new(proto.ReceiptAnswer) },
		states:   oneState[*proto.ReceiptAnswer],
		verify: func(a *proto.ReceiptAnswer, m *bundle.Memory, traces []*bundle.Trace) (next *bundle.Memory, err error) {
			answer = a
			out, next, err = bundle.VerifyReceipt(a, tx, m, c.now(), c.policy, traces...)
			return next, err
		},
	})
	if err != nil {
		return nil, nil, warnings, fmt.Errorf("couldn't get receipt of transaction %.16s: %w", q, err)
	}
	return answer, out, warnings, nil
}

// VerifyReceiptFile verifies the content of a receipt file and asks nobody. It returns
// the transaction and what it did. The policy is usually bundle.OfflinePolicy.
func (c *Client) VerifyReceiptFile(ctx context.Context, data []byte, p bundle.Policy) ([]byte, *bundle.Receipt, []Warning, error) {
	a, tx, err := bundle.DecodeReceipt(data)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("couldn't verify receipt: %w", err)
	}
	var out *bundle.Receipt
	warnings, err := c.update(ctx, nil, func(m *bundle.Memory) (next *bundle.Memory, err error) {
		out, next, err = bundle.VerifyReceipt(a, tx, m, c.now(), p)
		return next, err
	})
	if err != nil {
		return nil, nil, nil, fmt.Errorf("couldn't verify receipt: %w", c.keepFork(err))
	}
	return tx, out, warnings, nil
}
