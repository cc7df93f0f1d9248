package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	cmtdb "github.com/cometbft/cometbft-db"
	cmtjson "github.com/cometbft/cometbft/libs/json"
	"github.com/cometbft/cometbft/privval"
	cmtstore "github.com/cometbft/cometbft/store"
	cmttypes "github.com/cometbft/cometbft/types"
)

// ErrDamagedState is returned for a priv_validator_state.json that cannot be what the
// validator left: with it the validator might sign a second block of one height.
var ErrDamagedState = errors.New("the record of what this validator signed is missing or damaged")

// signedSearch is how many of the newest blocks are searched for the validator's own
// signature at the start: at a block a second more than a quarter of an hour, in less
// than one. fsck searches all.
const signedSearch = 1000

// lastStep is the greatest step of a round in which a validator signs, its precommit.
const lastStep = 3

// validatorState reads what the validator has signed last. The engine's reader takes
// what is missing for zero, and so anything in braces for a validator that has never
// signed.
func (h Home) validatorState() (*privval.FilePVLastSignState, error) {
	path := h.validatorStateFile()
	b, err := readTrusted(path)
	if err != nil {
		return nil, fmt.Errorf("couldn't read validator state: %w: %w", ErrDamagedState, err)
	}
	state, err := decodeSignState(b)
	if err != nil {
		return nil, fmt.Errorf("couldn't read validator state %s: %w: %w", path, ErrDamagedState, err)
	}
	return state, nil
}

// decodeSignState reads the engine's file strictly: height, round and step are there
// and in range, nothing unknown or behind them.
func decodeSignState(b []byte) (*privval.FilePVLastSignState, error) {
	var f struct {
		Height    *string          `json:"height"`
		Round     *int32           `json:"round"`
		Step      *int8            `json:"step"`
		Signature *json.RawMessage `json:"signature"`
		SignBytes *json.RawMessage `json:"signbytes"`
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something stands behind it")
	}
	if f.Height == nil || f.Round == nil || f.Step == nil {
		return nil, errors.New("height, round or step is missing")
	}
	height, err := strconv.ParseInt(*f.Height, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("height %q is no number", *f.Height)
	}
	if height < 0 || *f.Round < 0 || *f.Step < 0 || *f.Step > lastStep {
		return nil, fmt.Errorf("height %d, round %d, step %d is out of range", height, *f.Round, *f.Step)
	}
	if (f.Signature == nil) != (f.SignBytes == nil) {
		return nil, errors.New("it has a signature or what was signed, not both")
	}
	// The engine reads it in its own way. Both must mean the same.
	state := new(privval.FilePVLastSignState)
	if err := cmtjson.Unmarshal(b, state); err != nil {
		return nil, err
	}
	if state.Height != height || state.Round != *f.Round || state.Step != *f.Step || (state.SignBytes == nil) != (f.SignBytes == nil) {
		return nil, errors.New("it can be read in two ways")
	}
	return state, nil
}

// checkSigned refuses a record that is older than a signature of the validator among
// the newest stored blocks.
func checkSigned(blocks cmtdb.DB, v *privval.FilePV) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("couldn't read the blockstore database: %w: %v", ErrDamagedData, p)
		}
	}()
	store := cmtstore.NewBlockStore(blocks)
	newest := store.Height()
	for height := newest; height > 0 && height >= store.Base() && height > newest-signedSearch && height > v.LastSignState.Height; height-- {
		if signedBy(commitOf(store, height), v.GetAddress()) {
			return fmt.Errorf("%w: priv_validator_state.json says height %d, block %d carries its signature", ErrDamagedState, v.LastSignState.Height, height)
		}
	}
	return nil
}

// commitOf returns the commit of a stored block, or nil. That of the newest block is
// not in a block yet.
func commitOf(blocks *cmtstore.BlockStore, height int64) *cmttypes.Commit {
	if c := blocks.LoadBlockCommit(height); c != nil {
		return c
	}
	return blocks.LoadSeenCommit(height)
}

// signedBy reports whether a validator's signature is in a commit, for the block or for
// none.
func signedBy(c *cmttypes.Commit, validator cmttypes.Address) bool {
	if c == nil || len(validator) == 0 {
		return false
	}
	for _, s := range c.Signatures {
		if s.BlockIDFlag != cmttypes.BlockIDFlagAbsent && bytes.Equal(s.ValidatorAddress, validator) {
			return true
		}
	}
	return false
}
