package bundle

import (
	"crypto/sha256"
	"slices"

	"hullmark/keys"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// verifyTargets verifies the publisher's targets files: each is the current one
// of its role, and, if the role is effective, signed as its delegator demands.
// A file whose role is not effective is returned for whoever wants to replace it
// and verifies nothing.
func (v *verification) verifyTargets() error {
	v.files = make(map[string]*tuf.Targets)
	v.result.Files = make(map[string]*tuf.Targets)
	given := make(map[string]bool)
	for _, b := range v.bundle.GetTargets() {
		t, err := tuf.ParseTargets(b)
		if err != nil {
			return fail(ErrTargets, "%w", err)
		}
		role := t.Binding.Role
		state, ok := v.repository.Role(role)
		if !ok || t.Binding != v.binding(role) || given[role] {
			return fail(ErrTargets, "file of role %s is bound elsewhere, not wanted, or sent twice", role)
		}
		given[role] = true
		if t.FileDigest() != state.FileDigest {
			return fail(ErrTargets, "file of role %s has version %d and is not the current one, version %d", role, t.Version, state.Version)
		}
		if !isFileOf(&t.Metadata, state) || !delegates(t, state) {
			return fail(ErrMismatch, "the ledger describes %s %d otherwise than it is", role, state.Version)
		}
		if v.result.Files[role] = t; role == tuf.RoleTargets {
			v.result.Targets = t
		}
		if v.repository.Effective(role, v.header.Time) {
			if err := v.verifyFile(t, state); err != nil {
				return err
			}
			v.files[role] = t
		}
	}
	var wanted []record.RoleState
	for _, role := range append([]string{tuf.RoleTargets}, v.chain(v.request.Role)...) {
		if state, ok := v.repository.Role(role); ok && state.Version > 0 {
			wanted = append(wanted, state)
		}
	}
	for _, state := range wanted {
		if !given[state.Name] {
			return lacks(state.Name, wanted)
		}
	}
	return nil
}

// lacks says that a file on which the verdict rests was not sent, of all those on
// which it does. Where there is no room for all it is sent later.
func lacks(role string, all []record.RoleState) error {
	size := 0
	for _, s := range all {
		size += int(s.FileSize)
	}
	if size > MaxTargetsBytes {
		return fail(ErrMoreFiles, "that of role %s; they have %d bytes in all", role, size)
	}
	return fail(ErrTargets, "the file of role %s is missing", role)
}

// lacksHolder is lacks for the role that holds the tag in question.
func (v *verification) lacksHolder(role string) error {
	var all []record.RoleState
	for _, name := range append(v.chain(role), tuf.RoleTargets) {
		s, _ := v.repository.Role(name)
		all = append(all, s)
	}
	return lacks(role, all)
}

// chain returns a delegated role and those above it, up to the one below targets;
// nothing for other names and for roles that nobody delegates to.
func (v *verification) chain(role string) []string {
	var out []string
	for range record.MaxRoles {
		state, ok := v.repository.Role(role)
		if !ok || state.TopLevel() {
			break
		}
		out = append(out, role)
		role = state.Parent
	}
	return out
}

// delegates reports whether the ledger describes the delegations of a file as they
// are.
func delegates(t *tuf.Targets, s record.RoleState) bool {
	if t.Delegations == nil {
		return s.DelegationsSize == 0
	}
	b := t.Delegations.Bytes()
	return int(s.DelegationsSize) == len(b) && s.DelegationsDigest == sha256.Sum256(b)
}

// covered reports whether a tag is delegated to a role all the way from targets,
// by the files verified here. A search for it must not end at a role before.
func (v *verification) covered(role string, tag reference.Tag) bool {
	for _, name := range v.chain(role) {
		state, _ := v.repository.Role(name)
		parent, ok := v.files[state.Parent]
		if !ok {
			return false
		}
		if reach, ok := parent.Delegations.Reach(name); !ok || !reach.Covers(tag) {
			return false
		}
	}
	return true
}

// verifyFile verifies the signatures of a file by its delegator, as of block
// time. Whether it still holds now is for the question to decide.
func (v *verification) verifyFile(t *tuf.Targets, state record.RoleState) error {
	by, ok := v.delegator(state.Parent)
	if !ok {
		return fail(ErrTargets, "the file of role %s, which delegates to %s, is missing", state.Parent, state.Name)
	}
	role, ok := by.Delegated(state.Name)
	if !ok {
		return fail(ErrTargets, "%s does not delegate to %s", state.Parent, state.Name)
	}
	if !state.TopLevel() && !slices.Equal(record.SortKeyIDs(role.KeyIDs), state.Keys) {
		return fail(ErrMismatch, "the ledger gives role %s other keys than %s does", state.Name, state.Parent)
	}
	if err := tuf.VerifyStoredTargets(v.verifier(), by, t, v.binding(state.Name), v.header.Time); err != nil {
		return fail(ErrTargets, "%w", err)
	}
	return nil
}

// delegator returns the verified file of a role that delegates.
func (v *verification) delegator(role string) (tuf.Delegator, bool) {
	if role == tuf.RoleRoot {
		// The chain is verified whatever its end expires; nothing rests on an
		// expired root, because then no role below it is effective.
		return v.root, v.root != nil
	}
	t, ok := v.files[role]
	return t, ok
}

// counted returns the keys of a role that signed a file, ascending.
func counted(m *tuf.Metadata, role tuf.Role) []keys.ID {
	var out []keys.ID
	for _, id := range m.Signers() {
		if role.Has(id) {
			out = append(out, id)
		}
	}
	return record.SortKeyIDs(out)
}
