package ledger

import (
	"fmt"
	"slices"

	"hullmark/keys"
	"hullmark/merkle/store"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// State is the ledger with some transactions of one block applied. It is for one
// goroutine.
type State struct {
	ledger *Ledger
	block  Block
	params *record.Params
	// paramsHash is that of the parameters, which verdicts depend on.
	paramsHash [32]byte
	view       *store.View // empty before the first commit
	logSize    uint64      // records committed before this block
	spent      cost        // of the transactions applied so far
	refused    uint64      // work of those that were refused once their content was judged
	pending    bool        // many blocks' worth may be applied
	// nextValidators is the hash of the set that signs the next block.
	nextValidators [32]byte
	*overlay
}

// newState returns the state on top of a view, which is its to close.
func newState(l *Ledger, b Block, v *store.View) (*State, error) {
	s := &State{ledger: l, block: b, view: v, logSize: v.State().Log.Size, overlay: newOverlay(committed{v, l.values})}
	p, err := s.loadParams()
	if err != nil {
		v.Close()
		return nil, err
	}
	s.params, s.paramsHash = p, record.MetaOf(p).ParamsHash
	return s, nil
}

// Close gives up the state. Nothing was written.
func (s *State) Close() { s.view.Close() }

// Block returns the block the state is for.
func (s *State) Block() Block { return s.block }

// RefusedWork returns the work, in units, of the transactions that were refused for their
// content or for what it met in the ledger. They took the time and are in no block.
func (s *State) RefusedWork() uint64 { return s.refused }

// Params returns the parameters in force.
func (s *State) Params() *record.Params { return s.params }

// Stage computes what the block writes. It writes nothing.
func (s *State) Stage() (*store.Staged, error) {
	contents, err := s.lastingContents()
	if err != nil {
		return nil, fmt.Errorf("couldn't stage height %d: %w", s.block.Height, err)
	}
	staged, err := s.ledger.store.Stage(s.block.Height, store.Changes{
		Map:        s.changes(),
		Records:    s.records,
		Contents:   contents,
		Superseded: s.superseded,
		Meta:       record.MetaOf(s.params).Encode(),
		Extra:      s.extra(),
	})
	if err != nil {
		return nil, fmt.Errorf("couldn't stage height %d: %w", s.block.Height, err)
	}
	return staged, nil
}

// lastingContents returns the new contents without those that the block itself
// supersedes: no height ever names them.
func (s *State) lastingContents() ([][]byte, error) {
	superseded := make(map[[32]byte]bool, len(s.superseded))
	for _, d := range s.superseded {
		superseded[d] = true
	}
	var out [][]byte
	for _, d := range s.newContents {
		if superseded[d] {
			continue
		}
		b, err := s.Content(d)
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, nil
}

// files reads contents through the memory of the ledger.
func (s *State) files() files { return files{s.ledger.kept, s.overlay} }

// Content returns a content by its digest.
func (s *State) Content(digest [32]byte) ([]byte, error) { return s.files().bytes(digest) }

// fork returns a state for one transaction, to be merged or forgotten.
func (s *State) fork() *State {
	f := *s
	f.overlay = newOverlay(s.overlay)
	return &f
}

// nextIndex is the log index the next record gets.
func (s *State) nextIndex() uint64 {
	n := s.logSize
	for o := s.overlay; o != nil; o, _ = o.base.(*overlay) {
		n += uint64(len(o.records))
	}
	return n
}

// load reads and decodes one value of the map; ok is false if there is none.
// A value that does not decode is damage to the node's own state.
func load[T any](r getter, key []byte, decode func([]byte) (T, error)) (value T, ok bool, err error) {
	b, ok, err := r.Get(key)
	if err != nil || !ok {
		return value, false, err
	}
	value, err = decode(b)
	return value, err == nil, err
}

func (s *State) loadParams() (*record.Params, error) {
	p, ok, err := load(s, record.ParamsKey(), record.DecodeParams)
	if err == nil && !ok {
		err = fmt.Errorf("there are none")
	}
	if err != nil {
		return nil, fmt.Errorf("couldn't load parameters: %w", err)
	}
	return p, nil
}

// owner returns the operator that owns a repository: that of the longest
// namespace granted which contains it.
func (s *State) owner(r reference.Repository) (string, bool, error) {
	for _, n := range record.Namespaces(r) {
		g, ok, err := load(s, record.NamespaceKey(n), record.DecodeNamespaceGrant)
		if err != nil {
			return "", false, err
		}
		if ok {
			return g.Operator, true, nil
		}
	}
	return "", false, nil
}

// signers returns the ids of the keys that signed a file, ascending, limited to
// those in the list.
func signers(signatures []tuf.Signature, of []keys.ID) []keys.ID {
	var out []keys.ID
	for _, sig := range signatures {
		if slices.Contains(of, sig.KeyID) {
			out = append(out, sig.KeyID)
		}
	}
	return record.SortKeyIDs(out)
}
