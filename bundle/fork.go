package bundle

import (
	"encoding/json"
	"fmt"

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
	b, err := json.MarshalIndent(struct {
		Version int    `json:"version"`
		Ledger  string `json:"ledger"`
		Height  int64  `json:"height"`
		Known   []byte `json:"known"`
		Other   []byte `json:"other"`
	}{FormatVersion, f.Known.ChainID, f.Known.Height, known, other}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("couldn't encode fork: %w", err)
	}
	return append(b, '\n'), nil
}

// conflict judges another block at a known height. Anybody can write a header;
// it is a fork only when the validators signed it.
func conflict(known, other *types.LightBlock) error {
	err := known.ValidatorSet.VerifyCommitLightTrusting(known.ChainID, other.Commit, trustLevel())
	if err != nil {
		return fail(ErrHeader, "block %d is not the known one: %w", other.Height, err)
	}
	return &Fork{Known: known, Other: other}
}
