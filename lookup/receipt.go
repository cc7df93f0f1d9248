package lookup

import (
	"fmt"

	cmttypes "github.com/cometbft/cometbft/types"

	"hullmark/bundle"
	"hullmark/proto"
	"hullmark/query"
	"hullmark/record"
	"hullmark/reference"
)

// receiptWindow is how many blocks back a receipt is looked for when nobody says
// in which block the transaction is. Whoever submitted it was told.
const receiptWindow = 16

func (r *Reader) receipt(q query.Receipt, k query.Known) (*proto.ReceiptAnswer, error) {
	height, index, txs, err := r.findTransaction(q.Hash[:], q.Height)
	if err != nil {
		return nil, err
	}
	receipt, err := Receipt(txs, index, height)
	if err != nil {
		return nil, err
	}
	block, err := r.blocks.LightBlock(height)
	if err != nil {
		return nil, err
	}
	a := &proto.ReceiptAnswer{Transaction: receipt}
	if a.Block, err = bundle.EncodeLightBlock(block); err != nil {
		return nil, err
	}
	if newest, ok := r.StateHeight(); !ok || newest < height {
		return nil, ErrNotReady
	}
	return read(r, 0, func(s *State) (*proto.ReceiptAnswer, error) {
		if a.State, err = s.proof(k.TrustedHeight); err != nil {
			return nil, err
		}
		a.Records, err = madeRecords(s.View, txs, index, height)
		return a, err
	})
}

// Receipt returns what a node answers about a transaction of a block.
func Receipt(txs cmttypes.Txs, index int, height uint64) (*proto.TransactionResponse, error) {
	proof := txs.Proof(index).ToProto()
	b, err := proof.Marshal()
	if err != nil {
		return nil, fmt.Errorf("couldn't encode transaction proof: %w", err)
	}
	return &proto.TransactionResponse{Hash: txs[index].Hash(), Height: height, Index: uint32(index), Proof: b}, nil
}

// findTransaction returns the block of a transaction and its place there.
func (r *Reader) findTransaction(hash []byte, height uint64) (uint64, int, cmttypes.Txs, error) {
	from, to := height, height
	if height == 0 {
		to = r.blocks.Tip()
		from = max(1, to-min(to, receiptWindow-1))
	}
	for h := to; h >= from && h > 0; h-- {
		txs, err := r.blocks.Transactions(h)
		if err != nil {
			return 0, 0, nil, err
		}
		if i := txs.IndexByHash(hash); i >= 0 {
			return h, i, txs, nil
		}
	}
	if height == 0 {
		return 0, 0, nil, fmt.Errorf("%w: transaction %x is in none of the newest %d blocks; name its block with height", ErrNotFound, hash, receiptWindow)
	}
	return 0, 0, nil, fmt.Errorf("%w: transaction %x is not in block %d", ErrNotFound, hash, height)
}

// madeRecords returns the records a transaction of a block made, with proofs. Every
// transaction of a block makes one record about each repository that its scopes
// name, in the order of the block: the n-th transaction about a repository made
// the n-th record about it.
func madeRecords(v View, txs cmttypes.Txs, index int, height uint64) ([]*proto.LogEntry, error) {
	wanted, err := about(txs[index])
	if err != nil {
		return nil, err
	}
	skip := make(map[reference.Repository]int)
	for _, tx := range txs[:index] {
		before, err := about(tx)
		if err != nil {
			return nil, err
		}
		for r := range before {
			skip[r]++
		}
	}
	var out []*proto.LogEntry
	first, err := recordsOf(v, height)
	if err != nil {
		return nil, err
	}
	for i := first; i < v.State().Log.Size && len(wanted) > 0; i++ {
		r, err := recordAt(v, i)
		if err != nil {
			return nil, err
		}
		if r.Height != height {
			break
		}
		if !wanted[r.Repository] {
			continue
		}
		if skip[r.Repository]--; skip[r.Repository] >= 0 {
			continue
		}
		delete(wanted, r.Repository)
		entry, err := logEntry(v, i)
		if err != nil {
			return nil, err
		}
		out = append(out, entry)
	}
	return out, nil
}

// about returns the repositories a transaction makes records about.
func about(tx []byte) (map[reference.Repository]bool, error) {
	env, err := record.DecodeEnvelope(tx)
	if err != nil {
		return nil, fmt.Errorf("couldn't read transaction: %w", err)
	}
	return env.Header.Repositories(), nil
}
