package bundle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/cometbft/cometbft/types"
)

// Fork is an error that carries its evidence: two blocks of one height, both
// signed by more than two thirds of validators the client trusts. It unwraps to
// ErrFork. Nobody else can make one, so it is never the fault of the node that
// showed it.
type Fork struct {
	// Known is the block the client had verified before, Other the one it was
	// shown.
	Known, Other *types.LightBlock
}

// Error implements error.
func (f *Fork) Error() string {
	return fmt.Sprintf("%v: height %d: %s and %s", ErrFork, f.Known.Height, f.Known.Hash(), f.Other.Hash())
}

// Unwrap makes errors.Is find ErrFork.
func (f *Fork) Unwrap() error { return ErrFork }

// forkJSON is the form of the evidence in a file.
type forkJSON struct {
	Version int    `json:"version"`
	Ledger  string `json:"ledger"`
	Height  int64  `json:"height"`
	Known   []byte `json:"known"`
	Other   []byte `json:"other"`
}

// Encode returns the evidence as indented JSON, with the light blocks as bundles
// carry them, in base64: all that a third party needs to convict the signers.
func (f *Fork) Encode() ([]byte, error) {
	known, err := EncodeLightBlock(f.Known)
	if err != nil {
		return nil, fmt.Errorf("couldn't encode fork: %w", err)
	}
	other, err := EncodeLightBlock(f.Other)
	if err != nil {
		return nil, fmt.Errorf("couldn't encode fork: %w", err)
	}
	b, err := json.MarshalIndent(forkJSON{FormatVersion, f.Known.ChainID, f.Known.Height, known, other}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("couldn't encode fork: %w", err)
	}
	return append(b, '\n'), nil
}

// DecodeFork reads what Encode returned, and checks again that both blocks are signed.
// Errors wrap ErrMalformed, or those of DecodeLightBlock.
func DecodeFork(data []byte) (*Fork, error) {
	f, err := decodeFork(data)
	if err != nil {
		return nil, fmt.Errorf("couldn't decode fork: %w", err)
	}
	return f, nil
}

func decodeFork(data []byte) (*Fork, error) {
	var j forkJSON
	if len(data) > MaxForkSize {
		return nil, fail(ErrMalformed, "%d bytes, at most %d", len(data), MaxForkSize)
	}
	if err := json.Unmarshal(data, &j); err != nil {
		return nil, fail(ErrMalformed, "%w", err)
	}
	if j.Version != FormatVersion {
		return nil, fail(ErrMalformed, "version %d", j.Version)
	}
	known, err := DecodeLightBlock(j.Ledger, j.Known)
	if err != nil {
		return nil, err
	}
	other, err := DecodeLightBlock(j.Ledger, j.Other)
	if err != nil {
		return nil, err
	}
	if known.Height != j.Height || other.Height != j.Height || bytes.Equal(known.Hash(), other.Hash()) {
		return nil, fail(ErrMalformed, "blocks %d and %d, which are no fork of height %d", known.Height, other.Height, j.Height)
	}
	f := &Fork{Known: known, Other: other}
	if err := f.check(); err != nil {
		return nil, err
	}
	return f, nil
}

// check checks that the evidence convicts: more than two thirds of its own validators
// signed each block, and more than two thirds of those of the known one signed the
// other.
func (f *Fork) check() error {
	for _, lb := range []*types.LightBlock{f.Known, f.Other} {
		if err := checkCommit(lb); err != nil {
			return err
		}
	}
	err := f.Known.ValidatorSet.VerifyCommitLightTrusting(f.Known.ChainID, f.Other.Commit, trustLevel())
	if err != nil {
		return fail(ErrHeader, "block %d is not the known one: %w", f.Other.Height, err)
	}
	return nil
}

// CompareBlocks judges the light block that somebody else has at the height of a
// verified one. It returns nil for the same block, a *Fork when validators who may
// still be trusted signed both, and otherwise ErrHeader, or an error of
// DecodeLightBlock: whoever has it is wrong.
func CompareBlocks(verified *types.LightBlock, other []byte, trustingPeriod time.Duration, now time.Time) error {
	lb, err := DecodeLightBlock(verified.ChainID, other)
	if err != nil {
		return err
	}
	if lb.Height != verified.Height {
		return fail(ErrMalformed, "light block of height %d instead of %d", lb.Height, verified.Height)
	}
	if bytes.Equal(lb.Hash(), verified.Hash()) {
		return nil
	}
	return contradict(verified, lb, trustingPeriod, now)
}

// contradict judges another block at a known height by the validators of the known
// one, as long as they are trusted: keys of those who left long ago may be anybody's
// by now.
func contradict(known, other *types.LightBlock, trustingPeriod time.Duration, now time.Time) error {
	if expired(known, trustingPeriod, now) {
		return fail(ErrHeader, "block %d is not the known one, which is older than the trusting period", other.Height)
	}
	return conflict(known, other)
}

// conflict judges another block at a known height. Anybody can write a header;
// it is a fork only when the validators signed it, and evidence of one only if anybody
// can see that from it.
func conflict(known, other *types.LightBlock) error {
	f := &Fork{Known: known, Other: other}
	if err := f.check(); err != nil {
		return err
	}
	return f
}
