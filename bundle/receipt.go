package bundle

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/cometbft/cometbft/types"

	"hullmark/proto"
	"hullmark/record"
)

// maxTransactionProof bounds a transaction proof in bytes: the transaction
// itself, and a path of at most 100 hashes (CometBFT's bound).
const maxTransactionProof = 512 << 10

// VerifyTransaction checks that a transaction is where a node says it is: in the
// block of the given verified header. Errors wrap ErrTransaction.
func VerifyTransaction(tx []byte, r *proto.TransactionResponse, header *types.Header) error {
	hash := sha256.Sum256(tx)
	if !bytes.Equal(r.GetHash(), hash[:]) {
		return fail(ErrTransaction, "it is about transaction %.32x, not %x", r.GetHash(), hash)
	}
	if r.GetHeight() != uint64(header.Height) {
		return fail(ErrTransaction, "it is about block %d, the header is of block %d", r.GetHeight(), header.Height)
	}
	if len(r.GetProof()) > maxTransactionProof {
		return fail(ErrTransaction, "proof of %d bytes, at most %d", len(r.GetProof()), maxTransactionProof)
	}
	var pb cmtproto.TxProof
	if err := pb.Unmarshal(r.GetProof()); err != nil || pb.Proof == nil {
		return fail(ErrTransaction, "the proof is malformed")
	}
	// The decoder skips unknown fields and takes fields in any order.
	if again, err := pb.Marshal(); err != nil || !bytes.Equal(again, r.GetProof()) {
		return fail(ErrTransaction, "the proof is not in canonical encoding")
	}
	proof, err := types.TxProofFromProto(pb)
	if err != nil {
		return fail(ErrTransaction, "%w", err)
	}
	// A proof carries the transaction it is about, which need not be ours.
	if !bytes.Equal(proof.Data, tx) {
		return fail(ErrTransaction, "the proof is about another transaction")
	}
	if proof.Proof.Index != int64(r.GetIndex()) {
		return fail(ErrTransaction, "the proof is about position %d, not %d", proof.Proof.Index, r.GetIndex())
	}
	if err := proof.Validate(header.DataHash); err != nil {
		return fail(ErrTransaction, "%w", err)
	}
	return nil
}

// Receipt is what a transaction did.
type Receipt struct {
	Proven
	// Height is that of the block the transaction is in, and Index its place there.
	Height uint64
	Index  uint32
	// Records are those it added to the log, one per repository, ascending by
	// their places in the log.
	Records []ProvenRecord
}

// VerifyReceipt verifies that a transaction is in a block and that the log records
// an answer carries are the ones it made. Errors have the classes of Verify.
func VerifyReceipt(a *proto.ReceiptAnswer, tx []byte, mem *Memory, now time.Time, p Policy, before ...*Trace) (*Receipt, *Memory, error) {
	env, err := record.DecodeEnvelope(tx)
	if err != nil {
		return nil, nil, fail(ErrRequest, "%w", err)
	}
	proven, next, err := verifyState(a.GetState(), mem, now, p, before)
	if err != nil {
		return nil, nil, err
	}
	block, next, err := VerifyLightBlock(a.GetBlock(), nil, next, now, p)
	if err != nil {
		return nil, nil, err
	}
	if err := VerifyTransaction(tx, a.GetTransaction(), block.Header); err != nil {
		return nil, nil, err
	}
	out := &Receipt{Proven: *proven, Height: uint64(block.Height), Index: a.GetTransaction().GetIndex()}
	made := env.Header.Repositories()
	if n := len(a.GetRecords()); n != len(made) {
		return nil, nil, fail(ErrTransaction, "%d log records, it is about %d repositories", n, len(made))
	}
	for i, e := range a.GetRecords() {
		r, err := proven.readEntry(e)
		if err != nil {
			return nil, nil, err
		}
		if i > 0 && out.Records[i-1].Index >= e.GetIndex() {
			return nil, nil, fail(ErrTransaction, "its log records are not ascending")
		}
		if !made[r.Repository] {
			return nil, nil, fail(ErrTransaction, "record %d is about %s, which it is not, or twice", e.GetIndex(), r.Repository)
		}
		delete(made, r.Repository)
		if err := checkMade(r, env, block); err != nil {
			return nil, nil, fail(ErrTransaction, "record %d: %w", e.GetIndex(), err)
		}
		out.Records = append(out.Records, ProvenRecord{Proven: *proven, Index: e.GetIndex(), LogRecord: r})
	}
	return out, next, nil
}

// checkMade checks that a record is the one a transaction in a block made. A
// version of a role is recorded once for ever, so its number names the record; so
// does the digest of a signed statement.
func checkMade(r *record.LogRecord, env *record.Envelope, block *types.LightBlock) error {
	h := &env.Header
	if r.Kind != h.Kind || r.Profile != h.Profile {
		return fmt.Errorf("of kind %s, the transaction is of kind %s", r.Kind, h.Kind)
	}
	if r.Height != uint64(block.Height) || !r.Time.Equal(block.Time) {
		return fmt.Errorf("of height %d, the transaction is in block %d", r.Height, block.Height)
	}
	for i, s := range h.Scopes {
		if s.Repository != r.Repository {
			continue
		}
		switch s.Kind {
		case record.ScopeRevocation, record.ScopeLift:
			var body proto.Statements
			if err := proto.Unmarshal(env.Body, &body); err != nil {
				return err
			}
			if i >= len(body.GetStatements()) || sha256.Sum256(body.GetStatements()[i]) != r.ChangesHash {
				return errors.New("its statement is another one")
			}
		case record.ScopeRole:
			i := slices.IndexFunc(r.Roles, func(c record.RoleChange) bool { return c.Name == s.Role })
			// A record with several rotations names the last.
			if i < 0 || r.Roles[i].Version < s.Number || r.Roles[i].Version >= s.Number+record.MaxRotations ||
				s.Role != record.RoleRoot && r.Roles[i].Version != s.Number {
				return fmt.Errorf("it does not say that %s became version %d", s.Role, s.Number)
			}
		case record.ScopeRecovery, record.ScopeOperator: // reserved
		}
	}
	return nil
}
