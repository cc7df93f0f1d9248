package ledger

import (
	"slices"
	"time"

	"hullmark/proto"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// newFile is a role file that was accepted.
type newFile struct {
	role string
	next *tuf.Targets
	// put and remove are the rows that differ from the stored file: as they are
	// now, and as they were.
	put, remove []tuf.Target
}

// newFiles judges the role files of a repository other than roots, delegators
// first, and makes them current. Their effect on tags is not theirs alone and
// comes later. The files are returned in the order in which they were judged.
func (t *transaction) newFiles(s *subject, updates []*proto.RoleUpdate) ([]*newFile, error) {
	scopes := slices.DeleteFunc(slices.Clone(s.scopes), func(c record.Scope) bool { return c.Role == record.RoleRoot })
	if len(updates) != len(scopes) {
		return nil, record.Reject(record.CodeScopeMismatch, "%d role files of %s for %d scopes", len(updates), s.name, len(scopes))
	}
	for i, u := range updates {
		if u.GetRole() != scopes[i].Role {
			return nil, record.Reject(record.CodeScopeMismatch, "file of role %q, the scope is of %s", u.GetRole(), scopes[i].Role)
		}
	}
	var out []*newFile
	for len(scopes) > 0 {
		i := nextToJudge(s.repo, scopes)
		if i < 0 {
			return nil, record.Reject(record.CodeWrongRole, "no role of %s delegates to %s", s.name, scopes[0].Role)
		}
		f, err := t.newFile(s, scopes[i], updates[i])
		if err != nil {
			return nil, err
		}
		out = append(out, f)
		scopes, updates = slices.Delete(scopes, i, i+1), slices.Delete(slices.Clone(updates), i, i+1)
	}
	return out, nil
}

// nextToJudge returns which of the files comes next: the first by name of a role
// that has a delegator and no ancestor among the others. It returns -1 if there is
// none, because nobody delegates to any of them.
func nextToJudge(repo *record.Repository, scopes []record.Scope) int {
	return slices.IndexFunc(scopes, func(c record.Scope) bool {
		if c.Role != record.RoleTargets {
			if r, ok := repo.Role(c.Role); !ok || r.Removed {
				return false
			}
		}
		return !slices.ContainsFunc(scopes, func(other record.Scope) bool { return repo.Ancestor(other.Role, c.Role) })
	})
}

// newFile judges one role file by the current file of its delegator and makes it
// current.
func (t *transaction) newFile(s *subject, scope record.Scope, u *proto.RoleUpdate) (*newFile, error) {
	state, ok := s.repo.Role(scope.Role)
	if !ok {
		state = record.RoleState{Name: record.RoleTargets, Parent: record.RoleRoot}
	}
	old, err := t.loadFile(state)
	if err != nil {
		return nil, err
	}
	next, err := readFile(old, u)
	if err != nil {
		return nil, err
	}
	if next.Version != scope.Number {
		return nil, record.Reject(record.CodeWrongVersion, "%s %d of %s, the scope names %d", scope.Role, next.Version, s.name, scope.Number)
	}
	if !s.repo.Effective(state.Parent, t.block.Time) {
		return nil, record.Reject(record.CodeRoleNotEffective, "%s of %s, which delegates to %s, is expired or must be signed anew; publish its next version first",
			state.Parent, s.name, scope.Role)
	}
	if err := t.addWork(len(next.Signatures)); err != nil {
		return nil, err
	}
	by, err := t.delegator(s, state)
	if err != nil {
		return nil, err
	}
	if err := tuf.VerifyTargetsFile(t.verifier, by, next, t.binding(s.name, scope.Role), t.block.Time); err != nil {
		return nil, rejectMetadata(err)
	}
	if next.Expires.After(t.block.Time.Add(t.params.TargetsHorizon)) {
		return nil, record.Reject(record.CodeExpiresTooLate, "%s expires %s, at most %s ahead", scope.Role, next.Expires, t.params.TargetsHorizon)
	}
	f := &newFile{role: scope.Role, next: next}
	f.put, f.remove = tuf.DiffTargets(old, next)
	changes := len(f.put) + len(f.remove)
	if s.changes += changes; s.changes > record.MaxChanges {
		return nil, record.Reject(record.CodeTooManyChanges, "%d tags change, at most %d", s.changes, record.MaxChanges)
	}
	if err := t.addWork(changes); err != nil {
		return nil, err
	}
	rows := f.put
	if state.Narrowed {
		rows = next.Targets
	}
	if err := t.checkCovered(s, state, rows); err != nil {
		return nil, err
	}
	return f, t.makeCurrent(s, state, old, next)
}

// readFile returns the file an update carries, whole or as a change of the stored
// one.
func readFile(old *tuf.Targets, u *proto.RoleUpdate) (*tuf.Targets, error) {
	m, isDelta := u.GetContent().(*proto.RoleUpdate_Delta)
	if !isDelta {
		next, err := tuf.ParseTargets(u.GetFile())
		if err != nil {
			return nil, rejectMetadata(err)
		}
		return next, nil
	}
	if old == nil {
		return nil, record.Reject(record.CodeStaleBase, "there is no file of %s yet", u.GetRole())
	}
	delta, err := readDelta(m.Delta, u.GetRole())
	if err != nil {
		return nil, err
	}
	next, err := old.Apply(delta)
	if err != nil {
		return nil, rejectMetadata(err)
	}
	return next, nil
}

// delegator returns what says who signs for a role: the root, or the delegations
// of its parent.
func (t *transaction) delegator(s *subject, state record.RoleState) (tuf.Delegator, error) {
	if state.Name == record.RoleTargets {
		return s.root, nil
	}
	return t.loadDelegations(s.repo, state.Parent)
}

// patternsPerUnit is how many comparisons of a tag with a pattern make a unit of
// work. The longest that a pattern can take is a few microseconds.
const patternsPerUnit = 8

// checkCovered checks that a role may set the tags of some rows: that every
// delegation from targets down to the role covers them, and that no search for
// them ends at a terminating role before.
func (t *transaction) checkCovered(s *subject, state record.RoleState, rows []tuf.Target) error {
	for ; !state.TopLevel() && len(rows) > 0; state, _ = s.repo.Role(state.Parent) {
		delegations, err := t.loadDelegations(s.repo, state.Parent)
		if err != nil {
			return err
		}
		reach, _ := delegations.Reach(state.Name)
		if err := t.addWork((len(rows)*reach.Patterns() + patternsPerUnit - 1) / patternsPerUnit); err != nil {
			return err
		}
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
func (t *transaction) makeCurrent(s *subject, state record.RoleState, old, next *tuf.Targets) error {
	if state.Version > 0 {
		t.supersede(state.FileDigest)
	}
	t.addContent(next.Bytes())
	var before *tuf.Delegations
	if old != nil {
		before = old.Delegations
	}
	if next.Delegations != nil {
		t.addContent(next.Delegations.Bytes())
	}
	s.repo.SetRole(replaced(state, next))
	return redelegate(s.repo, state.Name, before, next.Delegations)
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
