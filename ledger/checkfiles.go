package ledger

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"hullmark/merkle"
	"hullmark/merkle/store"
	"hullmark/record"
	"hullmark/tuf"
)

// replayRoots verifies the roots a record brought, one after the other, and
// returns the keys that signed them.
func (h *history) replayRoots(r indexedRecord, change record.RoleChange) ([]keyID, error) {
	var signed []keyID
	first := uint64(1)
	if h.root != nil {
		first = h.root.Version + 1
	}
	if change.Version < first || change.Version-first >= record.MaxRotations || h.root == nil && change.Version != 1 {
		return nil, inconsistent("roots from version %d to %d", first, change.Version)
	}
	for version := first; version <= change.Version; version++ {
		key := record.RootKey(h.name, version)
		file, ok, err := load(h.view, key, record.DecodeRootFile)
		if err != nil {
			return nil, fmt.Errorf("couldn't read value of root %d: %w", version, err)
		}
		if !ok {
			return nil, inconsistent("there is no value of root %d", version)
		}
		h.accounted[merkle.KeyPath(key)] = true
		b, err := h.view.Content(file.FileDigest)
		if err != nil {
			return nil, fmt.Errorf("couldn't read root %d: %w", version, err)
		}
		root, err := tuf.ParseRoot(b)
		if err == nil && h.root == nil {
			err = tuf.VerifyFirstRoot(h.verifier, root, h.binding(record.RoleRoot), r.Time)
		} else if err == nil {
			err = tuf.VerifyNextRoot(h.verifier, h.root, root, r.Time)
		}
		if err != nil {
			return nil, inconsistent("root %d: %v", version, err)
		}
		signed = append(signed, root.Signers()...)
		h.root = root
	}
	h.repo.SetRole(rootState(h.root))
	recountTargets(h.repo, h.root)
	if got := roleChange(record.RoleRoot, &h.root.Metadata, [32]byte{}); got != change {
		return nil, inconsistent("record names root %+v, stored is %+v", change, got)
	}
	return signed, nil
}

func (h *history) binding(role string) tuf.Binding {
	return tuf.Binding{Ledger: h.ledger.id, Repository: h.name, Role: role}
}

// replayFiles verifies the role files a record brought, delegators first, and
// returns those that are there: only current ones must be.
func (h *history) replayFiles(r indexedRecord, roles []record.RoleChange) ([]*newFile, error) {
	var scopes []record.Scope
	for _, change := range roles {
		// Without all files it is not known which roles were removed since.
		before := h.current[change.Name].Version
		if h.derived {
			before = h.repo.After(change.Name)
		}
		if change.Version <= before || h.derived && change.Version != before+1 {
			return nil, inconsistent("%s %d after %s %d", change.Name, change.Version, change.Name, before)
		}
		h.current[change.Name] = change
		scopes = append(scopes, record.RoleScope(h.name, change.Name, change.Version))
	}
	var out []*newFile
	for len(scopes) > 0 {
		i := 0
		if h.derived {
			if i = nextToJudge(h.repo, scopes); i < 0 {
				return nil, inconsistent("no role delegates to %s", scopes[0].Role)
			}
		}
		change := h.current[scopes[i].Role]
		scopes = slices.Delete(scopes, i, i+1)
		next, err := h.readFile(change)
		if err != nil {
			return nil, err
		}
		old := h.files[change.Name]
		if h.files[change.Name] = next; next == nil {
			h.derived = false
			continue
		}
		if h.derived {
			if err := h.replayFile(r, change.Name, old, next); err != nil {
				return nil, err
			}
		}
		f := &newFile{role: change.Name, signers: next.Signers()}
		f.put, f.remove = tuf.DiffTargets(old, next)
		out = append(out, f)
	}
	return out, nil
}

// readFile returns the file a record names, or nil if it is missing and need not
// be there.
func (h *history) readFile(change record.RoleChange) (*tuf.Targets, error) {
	if change.Delegations != [32]byte{} {
		// They stay when the file goes.
		if _, err := h.view.Content(change.Delegations); err != nil {
			return nil, fmt.Errorf("couldn't read delegations of %s %d: %w", change.Name, change.Version, err)
		}
	}
	b, err := h.view.Content(change.FileDigest)
	current, _ := h.value.Role(change.Name)
	older := change.Version < current.Version
	removed := change.Version != current.Version && change.Version <= h.value.RemovedVersion && change.Name != record.RoleTargets
	if errors.Is(err, store.ErrNotFound) && (older || removed) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("couldn't read %s %d: %w", change.Name, change.Version, err)
	}
	next, err := tuf.ParseTargets(b)
	if err != nil {
		return nil, inconsistent("%s %d: %v", change.Name, change.Version, err)
	}
	if next.Binding != h.binding(change.Name) {
		return nil, inconsistent("%s %d is bound elsewhere", change.Name, change.Version)
	}
	if got := roleChange(change.Name, &next.Metadata, next.Delegations.Digest()); got != change {
		return nil, inconsistent("record names %s %+v, stored is %+v", change.Name, change, got)
	}
	return next, nil
}

// replayFile judges one file as of its block and puts it into the tree of roles.
func (h *history) replayFile(r indexedRecord, role string, old, next *tuf.Targets) error {
	state, ok := h.repo.Role(role)
	if !ok {
		state = record.RoleState{Name: record.RoleTargets, Parent: record.RoleRoot}
	}
	if !h.repo.Effective(state.Parent, r.Time) {
		return inconsistent("%s %d while %s was not effective", role, next.Version, state.Parent)
	}
	if err := tuf.VerifyTargets(h.verifier, h.delegator(state.Parent), next, h.binding(role), r.Time); err != nil {
		return inconsistent("%s %d: %v", role, next.Version, err)
	}
	if err := h.checkCovered(h.repo, state, next); err != nil {
		return err
	}
	h.repo.SetRole(replacedBy(state, next))
	var before *tuf.Delegations
	if old != nil {
		before = old.Delegations
	}
	removed, err := redelegate(h.repo, role, before, next.Delegations, r.index)
	if err != nil {
		return inconsistent("%s %d: %v", role, next.Version, err)
	}
	for _, gone := range removed {
		delete(h.files, gone.Name)
	}
	return nil
}

// delegator returns the newest file of a role that delegates.
func (h *history) delegator(role string) tuf.Delegator {
	if role == record.RoleRoot {
		return h.root
	}
	if f := h.files[role]; f != nil {
		return f
	}
	return (*tuf.Delegations)(nil)
}

// replacedBy is replaced, with the delegations of the file.
func replacedBy(r record.RoleState, next *tuf.Targets) record.RoleState {
	r = replaced(r, &next.Metadata)
	r.DelegationsSize, r.DelegationsDigest = 0, [32]byte{}
	if next.Delegations != nil {
		b := next.Delegations.Bytes()
		r.DelegationsSize, r.DelegationsDigest = uint32(len(b)), sha256.Sum256(b)
	}
	return r
}

// checkCovered checks that all tags of a file are delegated to its role, all the
// way from targets.
func (h *history) checkCovered(repo *record.Repository, state record.RoleState, file *tuf.Targets) error {
	role := state.Name
	for ok := true; !state.TopLevel(); state, ok = repo.Role(state.Parent) {
		parent := h.files[state.Parent]
		if !ok || parent == nil {
			return inconsistent("there is no file of a role above %s", role)
		}
		reach, _ := parent.Delegations.Reach(state.Name)
		for _, row := range file.Targets {
			if !reach.Covers(row.Tag) {
				return inconsistent("%s lists tag %s, which %s does not delegate to %s", role, row.Tag, state.Parent, state.Name)
			}
		}
	}
	return nil
}
