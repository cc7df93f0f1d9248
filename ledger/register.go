package ledger

import (
	"hullmark/merkle"
	"hullmark/proto"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// register enters a repository with its first root. Only the operator that owns
// the longest namespace around the name may do so, which is what spares clients
// trust on first use.
func (t *transaction) register() error {
	h := &t.env.Header
	if len(h.Scopes) != 1 || h.Scopes[0].Kind != record.ScopeRole || h.Scopes[0].Role != record.RoleRoot || h.Scopes[0].Number != 1 {
		return record.Reject(record.CodeScopeMismatch, "a registration has one scope, version 1 of the root")
	}
	name := h.Scopes[0].Repository
	operator, err := t.payer()
	if err != nil {
		return err
	}
	if _, exists, err := t.loadRepository(name); err != nil {
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
	if err := t.takeOperatorQuota(operator); err != nil {
		return err
	}
	if err := t.takeWork(0); err != nil {
		return err
	}
	if err := t.verifySubmitter(); err != nil {
		return err
	}

	var body proto.RegisterRepository
	if err := proto.Unmarshal(t.env.Body, &body); err != nil {
		return record.Reject(record.CodeMalformed, "%v", err)
	}
	root, err := tuf.ParseRoot(body.GetRoot())
	if err != nil {
		return rejectMetadata(err)
	}
	if err := tuf.VerifyFirstRoot(t.verifier, root, t.binding(name, record.RoleRoot), t.block.Time); err != nil {
		return rejectMetadata(err)
	}
	if err := t.checkRoot(nil, root); err != nil {
		return err
	}

	repo := &record.Repository{Profile: h.Profile, Registrant: h.Payer}
	for i, q := range t.params.Quotas {
		repo.Quotas[i] = record.Bucket{Tokens: q.Capacity, Height: t.block.Height}
	}
	t.storeRoot(name, repo, root)
	recountTargets(repo, root)
	return t.appendRecord(name, repo, []record.RoleChange{roleChange(record.RoleRoot, &root.Metadata)}, nil, root.Signers())
}

// binding is what a file must say it was signed for.
func (t *transaction) binding(name reference.Repository, role string) tuf.Binding {
	return tuf.Binding{Ledger: t.ledger.id, Repository: name, Role: role}
}

// checkRoot applies the ledger's own rules for roots, beyond those of TUF. old is
// the root it follows, nil for the first.
func (t *transaction) checkRoot(old, root *tuf.Root) error {
	if root.Expires.After(t.block.Time.Add(t.params.RootHorizon)) {
		return record.Reject(record.CodeExpiresTooLate, "root expires %s, at most %s ahead", root.Expires, t.params.RootHorizon)
	}
	return t.checkNotaryKeys(old, root)
}

// checkNotaryKeys checks that the roles the publisher does not sign are in the
// operators' hands. A root whose notary keys are those of its predecessor is never
// refused for them: a consortium's change must not stop a publisher's emergency.
func (t *transaction) checkNotaryKeys(old, root *tuf.Root) error {
	snapshot, timestamp := root.Roles.Snapshot, root.Roles.Timestamp
	if old != nil && sameRole(old.Roles.Snapshot, snapshot) && sameRole(old.Roles.Timestamp, timestamp) {
		return nil
	}
	lists, ok, err := load(t, record.NotaryKey(), record.DecodeNotaryLists)
	if err != nil {
		return err
	}
	for _, role := range []tuf.Role{snapshot, timestamp} {
		if !ok || !lists.Accepts(role.KeyIDs, t.block.Time) || role.Threshold != record.NotaryThreshold(len(role.KeyIDs)) {
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

// storeRoot makes root the current one of a repository.
func (t *transaction) storeRoot(name reference.Repository, repo *record.Repository, root *tuf.Root) {
	digest := t.addContent(root.Bytes())
	t.set(record.RootKey(name, root.Version), record.RootFile{FileDigest: digest}.Encode())
	repo.SetRole(record.RoleState{
		Name: record.RoleRoot, Version: root.Version,
		SignedDigest: root.SignedDigest(), FileDigest: digest, FileSize: uint32(len(root.Bytes())),
		Expires: root.Expires, MeetsKeys: true, Signers: root.Signers(),
	})
}

func roleChange(name string, m *tuf.Metadata) record.RoleChange {
	return record.RoleChange{Name: name, Version: m.Version, SignedDigest: m.SignedDigest(), FileDigest: m.FileDigest()}
}

// appendRecord ends the work on files of one repository with the record about
// them.
func (t *transaction) appendRecord(name reference.Repository, repo *record.Repository, roles []record.RoleChange, changes []record.TagChange, signers []keyID) error {
	return t.commitRecord(name, repo, &record.LogRecord{
		Roles: roles, Changes: uint32(len(changes)), ChangesHash: t.addContent(record.EncodeChanges(changes)),
		KeyIDs: record.SortKeyIDs(signers),
	})
}

// commitRecord ends the work on one repository: it counts a revision, completes and
// appends the log record, and stores the repository's value.
func (t *transaction) commitRecord(name reference.Repository, repo *record.Repository, r *record.LogRecord) error {
	r.Kind, r.Profile = t.env.Header.Kind, repo.Profile
	r.Height, r.Time = t.block.Height, t.block.Time
	r.Repository, r.Revision, r.Previous = name, repo.Revision+1, record.NoRecord
	if repo.Revision > 0 {
		r.Previous = repo.LastIndex
	}
	encoded := r.Encode()
	if len(encoded) > record.MaxRecordSize || len(encoded) < merkle.MinRecordSize {
		return record.Reject(record.CodeMalformed, "log record of %d bytes", len(encoded))
	}
	repo.Revision = r.Revision
	repo.LastIndex = t.nextIndex()
	repo.LastHeight = t.block.Height
	repo.LastTime = t.block.Time
	t.records = append(t.records, encoded)
	t.set(record.RepositoryKey(name), repo.Encode())
	t.outcome.Records = append(t.outcome.Records, r)
	return nil
}
