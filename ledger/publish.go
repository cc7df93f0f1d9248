package ledger

import (
	"slices"
	"strings"

	"hullmark/keys"
	"hullmark/proto"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

type keyID = keys.ID

// subject is one repository a publish is about: what the ledger has of it, and
// what the scopes claim.
type subject struct {
	name   reference.Repository
	repo   *record.Repository
	root   *tuf.Root
	scopes []record.Scope // of its roles, ascending by role
	// changes are the rows that new files change, so far.
	changes int
}

func (s *subject) scope(role string) (record.Scope, bool) {
	for _, c := range s.scopes {
		if c.Role == role {
			return c, true
		}
	}
	return record.Scope{}, false
}

// maySubmit reports whether the stored metadata of a repository gives a role to the
// submitter's key. It reads nothing but the repository's value.
func (t *transaction) maySubmit(repo *record.Repository) bool {
	id := t.env.Header.Submitter.ID()
	has := func(list []keyID) bool { return slices.Contains(list, id) }
	return has(repo.RootKeys) || has(repo.TargetsKeys) ||
		slices.ContainsFunc(repo.Roles, func(r record.RoleState) bool { return has(r.Keys) })
}

// publish replaces role files of one or more repositories. The first half knows
// the header only and ends with the submitter's signature; the second parses
// and judges what the publishers signed.
func (t *transaction) publish() error {
	subjects, err := t.loadSubjects()
	if err != nil {
		return err
	}
	// An operator who pays may carry anybody's signed files.
	var payer *record.Operator
	if t.env.Header.Payer != "" {
		if payer, err = t.payer(); err != nil {
			return err
		}
	}
	for _, s := range subjects {
		for _, c := range s.scopes {
			var have uint64
			if r, ok := s.repo.Role(c.Role); ok {
				have = r.Version
			}
			if err := checkNext(c, have); err != nil {
				return err
			}
		}
	}
	if err := t.takeQuota(subjects, payer); err != nil {
		return err
	}
	stored := 0
	for _, s := range subjects {
		stored += storedSize(s)
	}
	if err := t.takeWork(stored); err != nil {
		return err
	}
	if err := t.verifySubmitter(); err != nil {
		return err
	}

	var body proto.Publish
	if err := proto.Unmarshal(t.env.Body, &body); err != nil {
		return record.Reject(record.CodeMalformed, "%v", err)
	}
	if len(body.GetUpdates()) != len(subjects) {
		return record.Reject(record.CodeScopeMismatch, "%d updates for %d repositories", len(body.GetUpdates()), len(subjects))
	}
	for i, u := range body.GetUpdates() {
		s := subjects[i]
		if s.root, err = t.loadRoot(s.repo); err != nil {
			return err
		}
		if u.GetRepository() != s.name.String() {
			return record.Reject(record.CodeScopeMismatch, "update of another repository than the scope's")
		}
		if err := t.update(s, u); err != nil {
			return err
		}
	}
	return nil
}

// loadSubjects groups the scopes by repository and loads what it takes to know
// whether the submitter may submit: unless an operator pays, its key must be in the
// stored metadata of every repository concerned. Scopes are ascending, so those of
// one repository stand together. Keys that only a new root or a new delegation names
// submit from the next transaction on.
func (t *transaction) loadSubjects() ([]*subject, error) {
	var out []*subject
	for _, c := range t.env.Header.Scopes {
		if c.Kind != record.ScopeRole {
			return nil, record.Reject(record.CodeScopeMismatch, "a publish has only scopes of roles")
		}
		if n := len(out); n > 0 && out[n-1].name == c.Repository {
			out[n-1].scopes = append(out[n-1].scopes, c)
			continue
		}
		s, err := t.loadSubject(c)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// loadSubject loads the repository of a scope.
func (t *transaction) loadSubject(c record.Scope) (*subject, error) {
	repo, ok, err := t.loadRepository(c.Repository)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, record.Reject(record.CodeUnknownRepository, "%s", c.Repository)
	}
	if t.env.Header.Payer == "" && !t.maySubmit(repo) {
		return nil, record.Reject(record.CodeUnknownSubmitter, "key %s is not in the metadata of %s", t.env.Header.Submitter.ID(), c.Repository)
	}
	return &subject{name: c.Repository, repo: repo, scopes: []record.Scope{c}}, nil
}

// update judges and applies what one repository gets: root rotations first, then
// the files of other roles, delegators before those they delegate to, so that
// everything is judged by the newest file above it; then all changes of tags at
// once.
func (t *transaction) update(s *subject, u *proto.RepositoryUpdate) error {
	signed, err := t.rotate(s, u.GetRoots())
	if err != nil {
		return err
	}
	var changed []record.RoleChange
	if len(u.GetRoots()) > 0 {
		changed = append(changed, roleChange(record.RoleRoot, &s.root.Metadata))
	}
	files, err := t.newFiles(s, u.GetRoles())
	if err != nil {
		return err
	}
	for _, f := range files {
		changed = append(changed, roleChange(f.role, &f.next.Metadata))
		signed = append(signed, f.next.Signers()...)
	}
	slices.SortFunc(changed, func(a, b record.RoleChange) int { return strings.Compare(a.Name, b.Name) })
	tags, err := t.changeTags(s, files)
	if err != nil {
		return err
	}
	return t.appendRecord(s.name, s.repo, changed, tags, signed)
}

// rotate judges and applies the new roots and returns the keys that signed them.
func (t *transaction) rotate(s *subject, files [][]byte) ([]keyID, error) {
	scope, rotates := s.scope(record.RoleRoot)
	if rotates != (len(files) > 0) || len(files) > record.MaxRotations {
		return nil, record.Reject(record.CodeScopeMismatch, "%d root files of %s", len(files), s.name)
	}
	var signed []keyID
	for i, b := range files {
		next, err := tuf.ParseRoot(b)
		if err != nil {
			return nil, rejectMetadata(err)
		}
		if next.Version != scope.Number+uint64(i) {
			return nil, record.Reject(record.CodeWrongVersion, "root %d of %s, the scope begins with %d", next.Version, s.name, scope.Number)
		}
		if err := t.addWork(len(next.Signatures)); err != nil {
			return nil, err
		}
		if err := tuf.VerifyNextRoot(t.verifier, s.root, next, t.block.Time); err != nil {
			return nil, rejectMetadata(err)
		}
		if err := t.checkRoot(s.root, next); err != nil {
			return nil, err
		}
		t.storeRoot(s.name, s.repo, next)
		signed = append(signed, next.Signers()...)
		s.root = next
	}
	if rotates {
		recountTargets(s.repo, s.root)
	}
	return signed, nil
}
