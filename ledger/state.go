package ledger

import (
	"crypto/sha256"
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
	ledger  *Ledger
	block   Block
	params  *record.Params
	view    *store.View // empty before the first commit
	logSize uint64      // records committed before this block
	work    uint64      // done by the transactions applied so far
	pending bool        // many blocks' worth may be applied
	// nextValidators is the hash of the set that signs the next block.
	nextValidators [32]byte
	*overlay
}

// newState returns the state on top of a view, which is its to close.
func newState(l *Ledger, b Block, v *store.View) (*State, error) {
	s := &State{ledger: l, block: b, view: v, logSize: v.State().Log.Size, overlay: newOverlay(v)}
	p, err := s.loadParams()
	if err != nil {
		v.Close()
		return nil, err
	}
	s.params = p
	return s, nil
}

// Close gives up the state. Nothing was written.
func (s *State) Close() { s.view.Close() }

// Block returns the block the state is for.
func (s *State) Block() Block { return s.block }

// Params returns the parameters in force.
func (s *State) Params() *record.Params { return s.params }

// Stage computes what the block writes. It writes nothing.
func (s *State) Stage() (*store.Staged, error) {
	staged, err := s.ledger.store.Stage(s.block.Height, store.Changes{
		Map:        s.changes(),
		Records:    s.records,
		Contents:   s.lastingContents(),
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
func (s *State) lastingContents() [][]byte {
	superseded := make(map[[32]byte]bool, len(s.superseded))
	for _, d := range s.superseded {
		superseded[d] = true
	}
	return slices.DeleteFunc(slices.Clone(s.newContents), func(b []byte) bool {
		return len(superseded) > 0 && superseded[sha256.Sum256(b)]
	})
}

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
func load[T any](r reader, key []byte, decode func([]byte) (T, error)) (value T, ok bool, err error) {
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

func (s *State) loadRepository(r reference.Repository) (*record.Repository, bool, error) {
	return load(s, record.RepositoryKey(r), record.DecodeRepository)
}

func (s *State) loadOperator(id string) (*record.Operator, bool, error) {
	return load(s, record.OperatorKey(id), record.DecodeOperator)
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

// loadRoot returns the current root of a registered repository.
func (s *State) loadRoot(repo *record.Repository) (*tuf.Root, error) {
	role, ok := repo.Role(record.RoleRoot)
	if !ok {
		return nil, fmt.Errorf("couldn't load root: repository has none")
	}
	if root := s.ledger.roots.get(role.FileDigest); root != nil {
		return root, nil
	}
	b, err := s.Content(role.FileDigest)
	if err != nil {
		return nil, fmt.Errorf("couldn't load root: %w", err)
	}
	root, err := tuf.ParseRoot(b)
	if err != nil {
		return nil, fmt.Errorf("couldn't load root: %w", err)
	}
	s.ledger.roots.put(role.FileDigest, root)
	return root, nil
}

// loadFile returns the stored file of a role, or nil if none was published.
func (s *State) loadFile(role record.RoleState) (*tuf.Targets, error) {
	if role.Version == 0 {
		return nil, nil
	}
	b, err := s.Content(role.FileDigest)
	if err != nil {
		return nil, fmt.Errorf("couldn't load file of %s: %w", role.Name, err)
	}
	return tuf.ParseTargets(b)
}

// loadDelegations returns the delegations of the stored file of a role, or nil if
// it has none.
func (s *State) loadDelegations(repo *record.Repository, role string) (*tuf.Delegations, error) {
	r, ok := repo.Role(role)
	if !ok || r.DelegationsSize == 0 {
		return nil, nil
	}
	b, err := s.Content(r.DelegationsDigest)
	if err != nil {
		return nil, fmt.Errorf("couldn't load delegations of %s: %w", role, err)
	}
	return tuf.ParseDelegations(b, role)
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
