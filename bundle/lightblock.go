package bundle

import (
	"bytes"
	"time"

	cmtcrypto "github.com/cometbft/cometbft/proto/tendermint/crypto"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/cometbft/cometbft/types"
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
		return nil, fail(ErrWrongLedger, "light block of %q, this client trusts %q", clip(id), ledger)
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

// decodeBridge reads the blocks that lead to a target, which must ascend and end
// below it.
func decodeBridge(ledger string, bridge [][]byte, target *types.LightBlock) ([]*types.LightBlock, error) {
	var out []*types.LightBlock
	var last int64
	for _, b := range bridge {
		lb, err := DecodeLightBlock(ledger, b)
		if err != nil {
			return nil, err
		}
		if lb.Height <= last || lb.Height >= target.Height {
			return nil, fail(ErrMalformed, "bridging light blocks are not ascending")
		}
		last = lb.Height
		out = append(out, lb)
	}
	return out, nil
}

// follow verifies the target, starting at the highest trusted block below it and
// going over the bridge, and returns the memory that knows what was verified on
// the way.
func (m *Memory) follow(bridge []*types.LightBlock, target *types.LightBlock, now time.Time, drift time.Duration) (*Memory, error) {
	path := append(bridge[:len(bridge):len(bridge)], target)
	for _, lb := range path {
		known := m.block(lb.Height)
		if known == nil {
			continue
		}
		if !bytes.Equal(known.Hash(), lb.Hash()) {
			return nil, contradict(known, lb, m.trustingPeriod, now)
		}
		// The header is known, and another commit for it is anybody's: it may be shown to
		// others, and kept.
		if err := checkCommit(lb); err != nil {
			return nil, err
		}
	}
	next := m
	if m.block(target.Height) == nil {
		verified, err := m.walk(path, now)
		if err != nil {
			return nil, err
		}
		next = m.withBlocks(verified, now)
	}
	// Times rise along the path, so only the target can be ahead of the clock. It
	// is judged last: a forged header should be called forged.
	if err := checkDrift(target, now, drift); err != nil {
		return nil, err
	}
	return next, nil
}

// walk verifies each block of an ascending path by the one before it, from the
// highest trusted block below its end, and returns those it verified.
func (m *Memory) walk(path []*types.LightBlock, now time.Time) ([]*types.LightBlock, error) {
	trusted, err := m.start(path[len(path)-1].Height, now)
	if err != nil {
		return nil, err
	}
	var verified []*types.LightBlock
	for _, lb := range path {
		if lb.Height <= trusted.Height {
			continue // the bundle was made for somebody who knew less
		}
		if err := verifyFrom(trusted, lb, m.trustingPeriod, now); err != nil {
			return nil, err
		}
		trusted = lb
		verified = append(verified, lb)
	}
	return verified, nil
}

// start returns the highest known block at or below a height that may still be
// trusted.
func (m *Memory) start(height int64, now time.Time) (*types.LightBlock, error) {
	fresh := false
	for i := len(m.blocks) - 1; i >= 0; i-- {
		lb := m.blocks[i]
		if expired(lb, m.trustingPeriod, now) {
			continue
		}
		if lb.Height <= height {
			return lb, nil
		}
		fresh = true
	}
	if fresh {
		return nil, fail(ErrBelowTrusted, "it takes a trust anchor of height %d or below, from within the trusting period of %s", height, m.trustingPeriod)
	}
	newest := m.blocks[len(m.blocks)-1]
	return nil, fail(ErrAnchorExpired, "the newest trusted block is of %s, the trusting period is %s", stamp(newest.Time), m.trustingPeriod)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
