package lookup

import (
	"fmt"

	cmttypes "github.com/cometbft/cometbft/types"

	"hullmark/bundle"
	"hullmark/merkle"
	"hullmark/proto"
	"hullmark/record"
)

// View reads one version of a ledger's state. *store.View implements it and says what each
// method returns.
type View interface {
	Version() uint64
	State() merkle.AppState
	Get(key []byte) (value []byte, ok bool, err error)
	Prove(key []byte) (value, proof []byte, err error)
	Content(digest [32]byte) ([]byte, error)
	Record(index uint64) ([]byte, error)
	InclusionProof(index uint64) ([]merkle.Hash, error)
	ConsistencyProof(oldSize uint64) ([]merkle.Hash, error)
	Close()
}

// State is a version of a ledger with what proves it. Answers are made from it and from
// the question alone.
type State struct {
	// Ledger is the ledger's id.
	Ledger string
	View   View
	// Block is that of the next height, whose header has the app hash of the state.
	Block *cmttypes.LightBlock
	// Blocks are those that lead to Block.
	Blocks Blocks
	// ValidatorChanges are the heights of the first blocks of new validator sets up to
	// Block, ascending (ledger.ValidatorChanges).
	ValidatorChanges []uint64
}

// Close closes the view.
func (s *State) Close() { s.View.Close() }

// proof returns the proof of the state for a reader who trusts a block of a height.
func (s *State) proof(trusted uint64) (*proto.StateProof, error) {
	encoded, err := bundle.EncodeLightBlock(s.Block)
	if err != nil {
		return nil, err
	}
	p := &proto.StateProof{Version: bundle.FormatVersion, Ledger: s.Ledger, LightBlock: encoded, AppState: s.appState()}
	p.IntermediateBlocks, err = s.intermediateBlocks(trusted)
	return p, err
}

// appState returns the hashes of the state.
func (s *State) appState() *proto.AppState {
	a := s.View.State()
	return &proto.AppState{LogSize: a.Log.Size, LogRoot: a.Log.Root[:], MapRoot: a.Map[:], Meta: a.Meta}
}

// prove returns the entry of a key of the map, present or absent.
func prove(v View, key []byte) (*proto.MapEntry, error) {
	value, proof, err := v.Prove(key)
	if err != nil {
		return nil, err
	}
	return &proto.MapEntry{Value: value, Proof: proof}, nil
}

// params returns the parameters in force at a view's height.
func params(v View) (*record.Params, error) {
	b, ok, err := v.Get(record.ParamsKey())
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("%w: parameters", ErrNotFound)
	}
	return record.DecodeParams(b)
}
