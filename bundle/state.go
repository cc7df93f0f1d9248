package bundle

import (
	"bytes"

	"github.com/cometbft/cometbft/types"

	"hullmark/merkle"
	"hullmark/proto"
	"hullmark/record"
)

// readState returns a state that is the one a verified header commits to.
func readState(s *proto.AppState, header *types.Header) (merkle.AppState, error) {
	if s == nil || len(s.GetLogRoot()) != merkle.HashSize || len(s.GetMapRoot()) != merkle.HashSize {
		return merkle.AppState{}, fail(ErrMalformed, "no app state, or a hash of the wrong size")
	}
	if len(s.GetMeta()) > merkle.MaxMetaSize {
		return merkle.AppState{}, fail(ErrMalformed, "meta data of %d bytes", len(s.GetMeta()))
	}
	state := merkle.AppState{
		Log:  merkle.LogHead{Size: s.GetLogSize(), Root: merkle.Hash(s.GetLogRoot())},
		Map:  merkle.Hash(s.GetMapRoot()),
		Meta: s.GetMeta(),
	}
	if hash := state.AppHash(); !bytes.Equal(hash[:], header.AppHash) {
		return merkle.AppState{}, fail(ErrAppHash, "app hash %s, the header of block %d has %s", hash, header.Height, header.AppHash)
	}
	if _, err := merkle.DecodeLogHead(state.Log.Encode()); err != nil {
		return merkle.AppState{}, fail(ErrMismatch, "%w", err)
	}
	if _, err := record.DecodeMeta(state.Meta); err != nil {
		return merkle.AppState{}, fail(ErrMismatch, "%w", err)
	}
	return state, nil
}

// prove returns the proven value of a key, or nil when its absence is proven.
func prove(root merkle.Hash, what string, key []byte, e *proto.MapEntry) ([]byte, error) {
	if e == nil {
		return nil, fail(ErrMalformed, "no entry for %s", what)
	}
	if len(e.GetValue()) == 0 {
		if err := merkle.VerifyAbsence(root, key, e.GetProof()); err != nil {
			return nil, fail(ErrProof, "absence of %s: %w", what, err)
		}
		return nil, nil
	}
	if err := merkle.VerifyExistence(root, key, e.GetValue(), e.GetProof()); err != nil {
		return nil, fail(ErrProof, "%s: %w", what, err)
	}
	return e.GetValue(), nil
}

// decode reads a proven value. What the ledger committed to and cannot be read
// was not made by an honest state machine.
func decode[T any](what string, value []byte, read func([]byte) (*T, error)) (*T, error) {
	v, err := read(value)
	if err != nil {
		return nil, fail(ErrMismatch, "%s: %w", what, err)
	}
	return v, nil
}
