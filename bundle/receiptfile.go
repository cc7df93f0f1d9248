package bundle

import (
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"

	"hullmark/proto"
	"hullmark/record"
)

// EncodeReceipt returns the content of a receipt file: the answer of a node about a
// transaction, which carries the transaction too, as ProtoJSON.
func EncodeReceipt(a *proto.ReceiptAnswer) ([]byte, error) {
	b, err := proto.MarshalJSON(a)
	if err != nil {
		return nil, err
	}
	if len(b) > MaxSize {
		return nil, fail(ErrRequest, "the receipt takes %d bytes, at most %d", len(b), MaxSize)
	}
	return append(b, '\n'), nil
}

// DecodeReceipt returns the answer in a receipt file and the transaction it is about.
// Nothing is verified: that is for VerifyReceipt. Errors wrap ErrMalformed,
// or ErrTransaction.
func DecodeReceipt(data []byte) (*proto.ReceiptAnswer, []byte, error) {
	if len(data) > MaxSize {
		return nil, nil, fail(ErrMalformed, "%d bytes, at most %d", len(data), MaxSize)
	}
	a := new(proto.ReceiptAnswer)
	if err := proto.UnmarshalJSON(data, a); err != nil {
		return nil, nil, fail(ErrMalformed, "%w", err)
	}
	tx, err := ProvenTransaction(a.GetTransaction())
	if err != nil {
		return nil, nil, err
	}
	if _, err := record.DecodeEnvelope(tx); err != nil {
		return nil, nil, fail(ErrTransaction, "its proof is about something else: %w", err)
	}
	return a, tx, nil
}

// ProvenTransaction returns the transaction that an answer carries in its proof.
// Whether the proof holds is for VerifyTransaction. Errors wrap ErrMalformed.
func ProvenTransaction(r *proto.TransactionResponse) ([]byte, error) {
	if n := len(r.GetProof()); n == 0 || n > maxTransactionProof {
		return nil, fail(ErrMalformed, "transaction proof of %d bytes, at most %d", n, maxTransactionProof)
	}
	var pb cmtproto.TxProof
	if err := pb.Unmarshal(r.GetProof()); err != nil {
		return nil, fail(ErrMalformed, "transaction proof: %w", err)
	}
	return pb.GetData(), nil
}
