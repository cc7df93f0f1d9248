package ledger

import (
	"crypto/sha256"
	"slices"
	"time"

	"hullmark/proto"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// newFile is a role file that was accepted.
type newFile struct {
	role    string
	change  record.RoleChange
	signers []keyID
	// put and remove are the rows that differ from the stored file: as they are
	// now, and as they were.
	put, remove []tuf.Target
}

// newFiles judges the role files of a repository other than roots, delegators
// first, and makes them current. Their effect on tags is not theirs alone and
// comes later. They are kept in the order in which they were judged.
func (x *examiner) newFiles(u *update, updates []*proto.RoleUpdate) error {
	scopes := slices.DeleteFunc(slices.Clone(u.scopes), func(c record.Scope) bool { return c.Role == record.RoleRoot })
	if len(updates) != len(scopes) {
		return record.Reject(record.CodeScopeMismatch, "%d role files of %s for %d scopes", len(updates), u.name, len(scopes))
	}
	for i, m := range updates {
		if m.GetRole() != scopes[i].Role {
			return record.Reject(record.CodeScopeMismatch, "file of role %q, the scope is of %s", m.GetRole(), scopes[i].Role)
		}
	}
	for len(scopes) > 0 {
		i := nextToJudge(u.repo, scopes)
		if i < 0 {
			return record.Reject(record.CodeWrongRole, "no role of %s delegates to %s", u.name, scopes[0].Role)
		}
		if err := x.newFile(u, scopes[i], updates[i]); err != nil {
			return err
		}
		scopes, updates = slices.Delete(scopes, i, i+1), slices.Delete(slices.Clone(updates), i, i+1)
	}
	return nil
}

// nextToJudge returns which of the files comes next: the first by name of a role
// that has a delegator and no ancestor among the others. It returns -1 if there is
// none, because nobody delegates to any of them.
func nextToJudge(repo *record.Repository, scopes []record.Scope) int {
	return slices.IndexFunc(scopes, func(c record.Scope) bool {
		if c.Role != record.RoleTargets {
			if _, ok := repo.Role(c.Role); !ok {
				return false
			}
		}
		return !slices.ContainsFunc(scopes, func(other record.Scope) bool { return repo.Ancestor(other.Role, c.Role) })
	})
}

// newFile judges one role file by the current file of its delegator and makes it
// current.
func (x *examiner) newFile(u *update, scope record.Scope, m *proto.RoleUpdate) error {
	state, ok := u.repo.Role(scope.Role)
	if !ok {
		state = record.RoleState{Name: record.RoleTargets, Parent: record.RoleRoot}
	}
	next, content, err := x.readFile(state, m)
	if err != nil {
		return err
	}
	x.watchFile(&next.Metadata, x.params.TargetsHorizon)
	if next.Version != scope.Number {
		return record.Reject(record.CodeWrongVersion, "%s %d of %s, the scope names %d", scope.Role, next.Version, u.name, scope.Number)
	}
	if !u.repo.Effective(state.Parent, x.now) {
		return record.Reject(record.CodeRoleNotEffective, "%s of %s, which delegates to %s, is expired or must be signed anew; publish its next version first",
			state.Parent, u.name, scope.Role)
	}
	by, err := x.delegator(u, state)
	if err != nil {
		return err
	}
	if err := tuf.VerifyTargetsFile(x.verifier, by, &next.Metadata, x.binding(u.subject, scope.Role), x.now); err != nil {
		return rejectMetadata(err)
	}
	if next.Expires.After(x.now.Add(x.params.TargetsHorizon)) {
		return record.Reject(record.CodeExpiresTooLate, "%s expires %s, at most %s ahead", scope.Role, next.Expires, x.params.TargetsHorizon)
	}
	changes := len(next.Put) + len(next.Remove)
	if u.changes += changes; u.changes > record.MaxChanges {
		return record.Reject(record.CodeTooManyChanges, "%d tags change, at most %d", u.changes, record.MaxChanges)
	}
	rows := next.Put
	if state.Narrowed {
		if rows, err = allRows(next.Bytes()); err != nil {
			return err
		}
	}
	if err := x.checkCovered(u, state, rows); err != nil {
		return err
	}
	return x.makeCurrent(u, state, next, content)
}

// readFile returns the file an update carries, whole or as a change of the stored
// one, and what it takes to store it.
func (x *examiner) readFile(state record.RoleState, m *proto.RoleUpdate) (*tuf.Successor, blob, error) {
	change, isDelta := m.GetContent().(*proto.RoleUpdate_Delta)
	if !isDelta {
		next, err := tuf.ParseTargets(m.GetFile())
		if err != nil {
			return nil, blob{}, rejectMetadata(err)
		}
		old, err := x.files.stored(state)
		if err != nil {
			return nil, blob{}, err
		}
		return old.Follow(next), blob{bytes: next.Bytes()}, nil
	}
	if state.Version == 0 {
		return nil, blob{}, record.Reject(record.CodeStaleBase, "there is no file of %s yet", m.GetRole())
	}
	delta, err := readDelta(change.Delta, m.GetRole())
	if err != nil {
		return nil, blob{}, err
	}
	if delta.Base != state.SignedDigest { // found out without the file
		return nil, blob{}, rejectMetadata(tuf.ErrStaleBase)
	}
	old, err := x.files.stored(state)
	if err != nil {
		return nil, blob{}, err
	}
	next, err := old.Apply(delta, state.SignedDigest)
	if err != nil {
		return nil, blob{}, rejectMetadata(err)
	}
	return next, blob{base: state.FileDigest, delta: &delta}, nil
}

// allRows returns the rows of a file.
func allRows(file []byte) ([]tuf.Target, error) {
	s, err := tuf.OpenStored(file)
	if err != nil {
		return nil, err
	}
	return slices.Collect(s.Rows()), nil
}

// delegator returns what says who signs for a role: the root, or the delegations
// of its parent.
func (x *examiner) delegator(u *update, state record.RoleState) (tuf.Delegator, error) {
	if state.Name == record.RoleTargets {
		return u.root, nil
	}
	return x.delegations(u, state.Parent)
}

// delegations returns those of the current file of a role, which may be one of this
// transaction's.
func (x *examiner) delegations(u *update, role string) (*tuf.Delegations, error) {
	if d, ok := u.redelegated[role]; ok {
		return d, nil
	}
	return x.files.delegations(u.repo, role)
}

// checkCovered checks that a role may set the tags of some rows: that every
// delegation from targets down to the role covers them, and that no search for
// them ends at a terminating role before.
func (x *examiner) checkCovered(u *update, state record.RoleState, rows []tuf.Target) error {
	for ; !state.TopLevel() && len(rows) > 0; state, _ = u.repo.Role(state.Parent) {
		delegations, err := x.delegations(u, state.Parent)
		if err != nil {
			return err
		}
		reach, _ := delegations.Reach(state.Name)
		for _, row := range rows {
			if !reach.Covers(row.Tag) {
				return record.Reject(record.CodeTagNotDelegated, "%s does not delegate tag %s to %s", state.Parent, row.Tag, state.Name)
			}
		}
	}
	return nil
}

// makeCurrent replaces the stored file of a role. The file before is needed no
// longer, except by heights that are kept.
func (x *examiner) makeCurrent(u *update, state record.RoleState, next *tuf.Successor, content blob) error {
	if state.Version > 0 {
		u.superseded = append(u.superseded, state.FileDigest)
	}
	before, err := x.delegations(u, state.Name)
	if err != nil {
		return err
	}
	after := before
	r := replaced(state, &next.Metadata)
	if next.Redelegate {
		after = next.Delegations
		r.DelegationsSize, r.DelegationsDigest = 0, [32]byte{}
		if after != nil {
			b := after.Bytes()
			r.DelegationsSize, r.DelegationsDigest = uint32(len(b)), sha256.Sum256(b)
			if r.DelegationsDigest != state.DelegationsDigest {
				u.contents = append(u.contents, newContent{r.DelegationsDigest, blob{bytes: b}})
			}
		}
		if u.redelegated == nil {
			u.redelegated = make(map[string]*tuf.Delegations)
		}
		u.redelegated[state.Name] = after
	}
	u.contents = append(u.contents, newContent{r.FileDigest, content})
	x.files.keep(r.FileDigest, next.Bytes())
	u.effect.files = append(u.effect.files, &newFile{
		role: state.Name, change: roleChange(state.Name, &next.Metadata, r.DelegationsDigest), signers: next.Signers(), put: next.Put, remove: next.Remove,
	})
	u.repo.SetRole(r)
	removed, err := redelegate(u.repo, state.Name, before, after, sinceNow)
	for _, r := range removed {
		if r.Version > 0 {
			u.superseded = append(u.superseded, r.FileDigest)
		}
	}
	return err
}

// readDelta returns a delta of a role's file as package tuf has it.
func readDelta(m *proto.Delta, role string) (tuf.Delta, error) {
	malformed := func(err error) (tuf.Delta, error) {
		return tuf.Delta{}, record.Reject(record.CodeInvalidMetadata, "delta of %s: %v", role, err)
	}
	d := tuf.Delta{Version: m.GetVersion(), Expires: time.Unix(m.GetExpires(), 0).UTC()}
	if copy(d.Base[:], m.GetBase()) != len(d.Base) || len(m.GetBase()) != len(d.Base) {
		return malformed(tuf.ErrDelta)
	}
	for _, row := range m.GetPut() {
		tag, err := reference.ParseTag(row.GetTag())
		if err != nil {
			return malformed(err)
		}
		digest, err := record.DecodeDigest(row.GetDigest())
		if err != nil {
			return malformed(err)
		}
		d.Put = append(d.Put, tuf.Target{Tag: tag, Digest: digest, Length: row.GetLength()})
	}
	for _, name := range m.GetRemove() {
		tag, err := reference.ParseTag(name)
		if err != nil {
			return malformed(err)
		}
		d.Remove = append(d.Remove, tag)
	}
	for _, sig := range m.GetSignatures() {
		var id keyID
		if len(sig.GetKeyId()) != len(id) {
			return malformed(tuf.ErrSignature)
		}
		copy(id[:], sig.GetKeyId())
		d.Signatures = append(d.Signatures, tuf.Signature{KeyID: id, Sig: sig.GetSignature()})
	}
	if r, ok := m.GetRedelegation().(*proto.Delta_Delegations); ok {
		d.Redelegate = true
		if len(r.Delegations) > 0 {
			var err error
			if d.Delegations, err = tuf.ParseDelegations(r.Delegations, role); err != nil {
				return tuf.Delta{}, rejectMetadata(err)
			}
		}
	}
	return d, nil
}
