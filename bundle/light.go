package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	cmted25519 "github.com/cometbft/cometbft/crypto/ed25519"
	cmtmath "github.com/cometbft/cometbft/libs/math"
	"github.com/cometbft/cometbft/types"

	"hullmark/merkle"
	"hullmark/printable"
	"hullmark/record"
)

// The verification of CometBFT's light client, written over package types. CometBFT's
// own package light would link its RPC, its peers and its databases into every client;
// the tests compare with it (ADR 47). The order of the checks is that of docs/spec.md,
// "Following the chain".

// trustLevel is the part of the trusted validators that must have signed a block
// for it to be trusted without the blocks in between. CometBFT's own default is
// a third; two thirds leave no block that some honest validator vouches for
// and the rest never saw.
func trustLevel() cmtmath.Fraction { return cmtmath.Fraction{Numerator: 2, Denominator: 3} }

// checkLightBlock checks a light block by itself: everything but its signatures. Errors
// wrap ErrMalformed, ErrWrongLedger or ErrHeader.
//
// Verification relies on it: CometBFT's functions panic on an empty set of validators, on
// powers whose sum overflows and on a hash of parts that has not 32 bytes, and they take
// as many validators as they are given.
func checkLightBlock(ledger string, lb *types.LightBlock) error {
	if lb == nil || lb.SignedHeader == nil || lb.Header == nil || lb.Commit == nil || lb.ValidatorSet == nil {
		return fail(ErrMalformed, "light block without header, commit or validators")
	}
	if n, m := lb.ValidatorSet.Size(), lb.Commit.Size(); n == 0 || n > MaxValidators || n != m {
		return fail(ErrMalformed, "light block with %d validators and %d signatures, at most %d", n, m, MaxValidators)
	}
	for _, v := range append(lb.ValidatorSet.Validators[:lb.ValidatorSet.Size():lb.ValidatorSet.Size()], lb.ValidatorSet.Proposer) {
		if v == nil {
			return fail(ErrMalformed, "light block without proposer")
		}
		if _, ok := v.PubKey.(cmted25519.PubKey); !ok {
			return fail(ErrMalformed, "validator key is not Ed25519")
		}
	}
	if lb.ChainID != ledger {
		return fail(ErrWrongLedger, "light block of %s, this client trusts %q", printable.Quote(lb.ChainID), ledger)
	}
	// Header and commit are valid and belong together; the validators are valid and the
	// header's.
	if err := lb.ValidateBasic(ledger); err != nil {
		return fail(ErrHeader, "%w", err)
	}
	if err := lb.Commit.BlockID.ValidateBasic(); err != nil {
		return fail(ErrHeader, "%w", err)
	}
	if _, err := lb.ValidatorSet.TotalVotingPowerSafe(); err != nil {
		return fail(ErrHeader, "%w", err)
	}
	if len(lb.AppHash) != merkle.HashSize || !record.CheckTime(lb.Time) {
		return fail(ErrHeader, "app hash of %d bytes or time out of range", len(lb.AppHash))
	}
	return nil
}

// checkTrusted checks that a light block may be verified from a trusted one: that it is
// above it, and that the trusted one is still within the trusting period. Errors wrap
// ErrHeader.
func checkTrusted(trusted, lb *types.LightBlock, trustingPeriod time.Duration, now time.Time) error {
	if lb.Height <= trusted.Height {
		return fail(ErrHeader, "block %d is not above the trusted block %d", lb.Height, trusted.Height)
	}
	if expired(trusted, trustingPeriod, now) {
		return fail(ErrHeader, "block %d from block %d, which is of %s: the trusting period is %s", lb.Height, trusted.Height, stamp(trusted.Time), trustingPeriod)
	}
	return nil
}

// verifyFrom verifies a light block that passed checkLightBlock and checkTrusted from a
// trusted one. Errors wrap ErrHeader, and ErrNotEnoughTrust too when light blocks in between may
// help. How far the time may be ahead of now is for the caller to judge.
func verifyFrom(trusted, lb *types.LightBlock) error {
	if err := verifyStep(trusted, lb); err != nil {
		return fail(ErrHeader, "block %d from block %d: %w", lb.Height, trusted.Height, err)
	}
	return nil
}

func verifyStep(trusted, lb *types.LightBlock) error {
	if lb.ChainID != trusted.ChainID {
		return fmt.Errorf("it is of %s, the trusted block of %s", printable.Quote(lb.ChainID), printable.Quote(trusted.ChainID))
	}
	if !lb.Time.After(trusted.Time) {
		return errors.New("its time is not after that of the trusted block")
	}
	// A signature that both sets count is verified once.
	verified := types.NewSignatureCache()
	if lb.Height == trusted.Height+1 {
		if !bytes.Equal(lb.ValidatorsHash, trusted.NextValidatorsHash) {
			return fmt.Errorf("validators %X, the trusted block names %X", lb.ValidatorsHash, trusted.NextValidatorsHash)
		}
	} else {
		err := trusted.ValidatorSet.VerifyCommitLightTrustingWithCache(trusted.ChainID, lb.Commit, trustLevel(), verified)
		if types.IsErrNotEnoughVotingPowerSigned(err) {
			return fmt.Errorf("%w: %w", ErrNotEnoughTrust, err)
		}
		if err != nil {
			return err
		}
	}
	// This comes last: whoever makes a block chooses the size of its set.
	return verifyCommit(lb, verified)
}

// verifyCommit checks that more than two thirds of a block's own validators signed it.
func verifyCommit(lb *types.LightBlock, verified *types.SignatureCache) error {
	return lb.ValidatorSet.VerifyCommitLightWithCache(lb.ChainID, lb.Commit.BlockID, lb.Height, lb.Commit, verified)
}

// checkCommit is verifyCommit for a block that nothing else was verified of. Errors wrap
// ErrHeader.
func checkCommit(lb *types.LightBlock) error {
	if err := verifyCommit(lb, nil); err != nil {
		return fail(ErrHeader, "commit of block %d: %w", lb.Height, err)
	}
	return nil
}

// checkDrift refuses a verified block whose time is ahead of the clock by drift or more,
// with ErrFuture.
func checkDrift(lb *types.LightBlock, now time.Time, drift time.Duration) error {
	if !lb.Time.Before(now.Add(drift)) {
		return fail(ErrFuture, "block %d has time %s, the clock says %s", lb.Height, stamp(lb.Time), stamp(now))
	}
	return nil
}

// expired reports whether a light block is too old to verify others from.
func expired(lb *types.LightBlock, trustingPeriod time.Duration, now time.Time) bool {
	return !lb.Time.Add(trustingPeriod).After(now)
}
