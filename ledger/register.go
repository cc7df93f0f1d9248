package ledger

import (
	"hullmark/proto"
	"hullmark/record"
	"hullmark/tuf"
)

// registration is the row of registrations: an operator enters a repository with its first
// root (docs/spec.md, "register-repository").
func registration() kind {
	return kind{
		scopes:  claimFirstRoot,
		parties: (*transaction).newParties,
		have:    func(*record.StoredRepository, record.Scope) uint64 { return 0 },
		quota:   (*transaction).takeOperatorQuota,
		work:    registrationWork,
		content: (*examiner).registration,
		apply:   (*transaction).applyRegistration,
		replay:  (*history).replayFilesOf,
	}
}

// claimFirstRoot checks that there is one scope, of the first version of a root.
func claimFirstRoot(h *record.Header) error {
	if c := h.Scopes[0]; len(h.Scopes) != 1 || c.Kind != record.ScopeRole || c.Role != record.RoleRoot || c.Number != 1 {
		return record.Reject(record.CodeScopeMismatch, "a registration has one scope, version 1 of the root")
	}
	return nil
}

// newParties finds that a repository is new, and that the operator who registers it
// owns the longest namespace around its name. That spares clients trust on first use.
func (t *transaction) newParties() error {
	h := &t.env.Header
	name := h.Scopes[0].Repository
	if err := t.loadPayer(); err != nil {
		return err
	}
	if _, exists, err := t.Get(record.RepositoryKey(name)); err != nil {
		return err
	} else if exists {
		return record.Reject(record.CodeRepositoryExists, "%s", name)
	}
	owner, ok, err := t.owner(name)
	if err != nil {
		return err
	}
	if !ok {
		return record.Reject(record.CodeNotOwner, "no operator owns a namespace of %s", name)
	}
	if owner != h.Payer {
		return record.Reject(record.CodeNotOwner, "%s belongs to operator %q", name, owner)
	}
	t.subjects = []*subject{{name: name, scopes: h.Scopes, stored: new(record.StoredRepository)}}
	return nil
}

// registrationWork is the work on the first root, which is the body.
func registrationWork(body []byte, _ []*subject) (n, files int) {
	return repositoryTime + rootTime(body), len(body)
}

// applyRegistration enters the repository, with full buckets.
func (t *transaction) applyRegistration(s *subject, e *effect) error {
	s.repo = &record.Repository{Profile: t.env.Header.Profile, Registrant: t.env.Header.Payer}
	for i, q := range t.params.Quotas {
		s.quotas[i] = record.Bucket{Tokens: q.Capacity, Height: t.block.Height}
	}
	return t.applyFiles(s, e)
}

// registration judges the first root of a repository.
func (x *examiner) registration(subjects []*subject) error {
	var body proto.RegisterRepository
	if err := x.decode(&body); err != nil {
		return err
	}
	root, err := tuf.ParseRoot(body.GetRoot())
	if err != nil {
		return rejectMetadata(err)
	}
	u := &update{subject: subjects[0]}
	x.watchFile(&root.Metadata, x.params.RootHorizon)
	if err := tuf.VerifyFirstRoot(x.verifier, root, x.binding(u.subject, record.RoleRoot), x.now); err != nil {
		return rejectMetadata(err)
	}
	if err := x.checkRoot(nil, root); err != nil {
		return err
	}
	u.addRoot(root)
	recountTargets(u.repo, root)
	u.hold(u.repo)
	u.changed = []record.RoleChange{roleChange(record.RoleRoot, &root.Metadata, [32]byte{})}
	u.signers = record.SortKeyIDs(u.signers)
	x.effects = append(x.effects, u.effect)
	return nil
}

// checkRoot applies the ledger's own rules for roots, beyond those of TUF. old is
// the root it follows, nil for the first.
func (x *examiner) checkRoot(old, root *tuf.Root) error {
	if root.Expires.After(x.now.Add(x.params.RootHorizon)) {
		return record.Reject(record.CodeExpiresTooLate, "root expires %s, at most %s ahead", root.Expires, x.params.RootHorizon)
	}
	return x.checkNotaryKeys(old, root)
}

// checkNotaryKeys checks that the roles the publisher does not sign are in the
// operators' hands. A root whose notary keys are those of its predecessor is never
// refused for them: a consortium's change must not stop a publisher's emergency.
func (x *examiner) checkNotaryKeys(old, root *tuf.Root) error {
	snapshot, timestamp := root.Roles.Snapshot, root.Roles.Timestamp
	if old != nil && sameRole(old.Roles.Snapshot, snapshot) && sameRole(old.Roles.Timestamp, timestamp) {
		return nil
	}
	if x.notary != nil {
		for _, l := range x.notary.Lists {
			x.passes(l.Since.Add(record.NotaryGrace))
		}
	}
	for _, role := range []tuf.Role{snapshot, timestamp} {
		if x.notary == nil || !x.notary.Accepts(role.KeyIDs, x.now) || role.Threshold != record.NotaryThreshold(len(role.KeyIDs)) {
			return record.Reject(record.CodeNotaryKeys, "snapshot and timestamp need the operators' keys with threshold floor(2n/3)+1")
		}
	}
	return nil
}

func sameRole(a, b tuf.Role) bool {
	if a.Threshold != b.Threshold || len(a.KeyIDs) != len(b.KeyIDs) {
		return false
	}
	for i, id := range record.SortKeyIDs(a.KeyIDs) {
		if record.SortKeyIDs(b.KeyIDs)[i] != id {
			return false
		}
	}
	return true
}

// addRoot makes root the current one of a repository.
func (u *update) addRoot(root *tuf.Root) {
	digest := root.FileDigest()
	u.roots = append(u.roots, newRoot{root.Version, digest})
	u.contents = append(u.contents, newContent{digest, blob{bytes: root.Bytes()}})
	u.signers = append(u.signers, root.Signers()...)
	u.repo.SetRole(rootState(root))
	u.root = root
}

// rootState is the entry of the root in the repository value.
func rootState(root *tuf.Root) record.RoleState {
	return record.RoleState{
		Name: record.RoleRoot, Version: root.Version,
		SignedDigest: root.SignedDigest(), FileDigest: root.FileDigest(), FileSize: uint32(len(root.Bytes())),
		Expires: root.Expires, MeetsKeys: true, Signers: root.Signers(),
	}
}

func roleChange(name string, m *tuf.Metadata, delegations [32]byte) record.RoleChange {
	return record.RoleChange{
		Name: name, Version: m.Version, SignedDigest: m.SignedDigest(), FileDigest: m.FileDigest(), Delegations: delegations,
	}
}
