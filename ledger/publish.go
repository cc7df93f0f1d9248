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

// subject is one repository a transaction is about: what the ledger has of it, and
// what the scopes claim.
type subject struct {
	name   reference.Repository
	scopes []record.Scope // of its roles, ascending by role
	// stored is what the ledger has of the repository, and quotas its buckets less what
	// the transaction takes.
	stored *record.StoredRepository
	quotas [3]record.Bucket
	// repo is what becomes of it. Nothing needs it before the submitter's signature has
	// verified.
	repo *record.Repository
}

// decoded returns a copy of a subject with all that the ledger has of it, to be changed.
func (s *subject) decoded() (*subject, error) {
	c := *s
	var err error
	c.repo, err = s.stored.Decode()
	return &c, err
}

func (s *subject) scope(role string) (record.Scope, bool) {
	for _, c := range s.scopes {
		if c.Role == role {
			return c, true
		}
	}
	return record.Scope{}, false
}

// update is what judging the files of one repository has come to so far.
type update struct {
	*subject
	effect
	root *tuf.Root
	// changes are the rows that new files change.
	changes int
	// redelegated are the delegations of new files that have others than the stored
	// ones, nil for none, by role.
	redelegated map[string]*tuf.Delegations
}

// publication is the row of publishes: new files of roles of one or more repositories
// (docs/spec.md, "publish").
func publication() kind {
	return kind{
		scopes:  claimOnly(record.ScopeRole),
		parties: (*transaction).knownParties,
		have:    func(r *record.StoredRepository, c record.Scope) uint64 { return r.After(c.Role) },
		quota:   (*transaction).takeQuotas,
		work:    publicationWork,
		content: (*examiner).publication,
		apply:   (*transaction).applyFiles,
		replay:  (*history).replayFilesOf,
	}
}

// publicationWork is the work on the updates of repositories.
func publicationWork(body []byte, subjects []*subject) (n, files int) {
	updates := newCounter().updates(body)
	for i, s := range subjects {
		n += repositoryTime
		if i < len(updates) {
			t, b := publishTime(s, updates[i])
			n, files = n+t, files+b
		}
	}
	return n, files
}

// publication judges the role files of one or more repositories.
func (x *examiner) publication(subjects []*subject) error {
	var body proto.Publish
	if err := x.decode(&body); err != nil {
		return err
	}
	if len(body.GetUpdates()) != len(subjects) {
		return record.Reject(record.CodeScopeMismatch, "%d updates for %d repositories", len(body.GetUpdates()), len(subjects))
	}
	for i, m := range body.GetUpdates() {
		if m.GetRepository() != subjects[i].name.String() {
			return record.Reject(record.CodeScopeMismatch, "update of another repository than the scope's")
		}
		u := &update{subject: subjects[i]}
		if err := x.update(u, m); err != nil {
			return err
		}
		u.hold(u.repo)
		x.effects = append(x.effects, u.effect)
	}
	return nil
}

// update judges what one repository gets: root rotations first, then the files of
// other roles, delegators before those they delegate to, so that everything is judged
// by the newest file above it.
func (x *examiner) update(u *update, m *proto.RepositoryUpdate) (err error) {
	x.watch(u.subject)
	if u.root, err = x.files.root(u.repo); err != nil {
		return err
	}
	if err := x.rotate(u, m.GetRoots()); err != nil {
		return err
	}
	if err := x.newFiles(u, m.GetRoles()); err != nil {
		return err
	}
	if len(u.effect.files) > 0 {
		if err := checkSize(u.repo); err != nil {
			return err
		}
	}
	for _, f := range u.effect.files {
		u.changed = append(u.changed, f.change)
		u.signers = append(u.signers, f.signers...)
	}
	slices.SortFunc(u.changed, func(a, b record.RoleChange) int { return strings.Compare(a.Name, b.Name) })
	u.signers = record.SortKeyIDs(u.signers)
	u.offline = signers(u.root.Signatures, u.root.Roles.Root.KeyIDs)
	return nil
}

// rotate judges the new roots.
func (x *examiner) rotate(u *update, files [][]byte) error {
	scope, rotates := u.scope(record.RoleRoot)
	if rotates != (len(files) > 0) || len(files) > record.MaxRotations {
		return record.Reject(record.CodeScopeMismatch, "%d root files of %s", len(files), u.name)
	}
	for i, b := range files {
		next, err := tuf.ParseRoot(b)
		if err != nil {
			return rejectMetadata(err)
		}
		if next.Version != scope.Number+uint64(i) {
			return record.Reject(record.CodeWrongVersion, "root %d of %s, the scope begins with %d", next.Version, u.name, scope.Number)
		}
		x.watchFile(&next.Metadata, x.params.RootHorizon)
		if err := tuf.VerifyNextRoot(x.verifier, u.root, next, x.now); err != nil {
			return rejectMetadata(err)
		}
		if err := x.checkRoot(u.root, next); err != nil {
			return err
		}
		u.addRoot(next)
	}
	if rotates {
		u.changed = append(u.changed, roleChange(record.RoleRoot, &u.root.Metadata, [32]byte{}))
		recountTargets(u.repo, u.root)
	}
	return nil
}
