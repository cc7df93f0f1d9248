package bundle

import (
	"bytes"

	cmtcrypto "github.com/cometbft/cometbft/proto/tendermint/crypto"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/cometbft/cometbft/types"

	"hullmark/printable"
)

// EncodeLightBlock returns the bytes of a light block as bundles carry them.
func EncodeLightBlock(lb *types.LightBlock) ([]byte, error) {
	pb, err := lb.ToProto()
	if err != nil {
		return nil, fail(ErrMalformed, "couldn't encode light block: %w", err)
	}
	b, err := pb.Marshal()
	if err != nil {
		return nil, fail(ErrMalformed, "couldn't encode light block: %w", err)
	}
	return b, nil
}

// DecodeLightBlock reads a light block of a ledger and checks everything but its
// signatures: sizes, canonical encoding, that the commit is for the header and
// the validators are the header's. Errors wrap ErrMalformed, ErrWrongLedger or
// ErrHeader.
func DecodeLightBlock(ledger string, b []byte) (*types.LightBlock, error) {
	if len(b) == 0 || len(b) > MaxLightBlockSize {
		return nil, fail(ErrMalformed, "light block of %d bytes, at most %d", len(b), MaxLightBlockSize)
	}
	var pb cmtproto.LightBlock
	if err := pb.Unmarshal(b); err != nil {
		return nil, fail(ErrMalformed, "light block: %w", err)
	}
	// The decoder skips unknown fields and takes fields in any order.
	if again, err := pb.Marshal(); err != nil || !bytes.Equal(again, b) {
		return nil, fail(ErrMalformed, "light block is not in canonical encoding")
	}
	// CometBFT's own checks assume that these parts exist and are of bounded
	// number, and its codecs know kinds of keys no Hullmark validator has.
	if pb.GetSignedHeader().GetHeader() == nil || pb.GetSignedHeader().GetCommit() == nil || pb.GetValidatorSet() == nil {
		return nil, fail(ErrMalformed, "light block without header, commit or validators")
	}
	validators := pb.GetValidatorSet().GetValidators()
	if n, m := len(validators), len(pb.GetSignedHeader().GetCommit().GetSignatures()); n == 0 || n > MaxValidators || n != m {
		return nil, fail(ErrMalformed, "light block with %d validators and %d signatures, at most %d", n, m, MaxValidators)
	}
	for _, v := range append(validators[:len(validators):len(validators)], pb.GetValidatorSet().GetProposer()) {
		if v == nil {
			return nil, fail(ErrMalformed, "light block without proposer")
		}
		if _, ok := v.PubKey.GetSum().(*cmtcrypto.PublicKey_Ed25519); !ok {
			return nil, fail(ErrMalformed, "validator key is not Ed25519")
		}
	}
	if power := pb.GetValidatorSet().GetTotalVotingPower(); power != 0 {
		// Nobody reads it: the engine writes zero and counts anew.
		return nil, fail(ErrMalformed, "total voting power %d is set", power)
	}
	if id := pb.GetSignedHeader().GetHeader().GetChainID(); id != ledger {
		return nil, fail(ErrWrongLedger, "light block of %s, this client trusts %q", printable.Quote(id), ledger)
	}
	lb, err := types.LightBlockFromProto(&pb)
	if err != nil {
		return nil, fail(ErrHeader, "%w", err)
	}
	if err := checkLightBlock(ledger, lb); err != nil {
		return nil, err
	}
	return lb, nil
}
