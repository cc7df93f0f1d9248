package ledger

import (
	"hullmark/proto"
	"hullmark/record"
	"hullmark/tuf"
)

// registration judges the first root of a repository.
func (x *examiner) registration() error {
	var body proto.RegisterRepository
	if err := x.decode(&body); err != nil {
		return err
	}
	root, err := tuf.ParseRoot(body.GetRoot())
	if err != nil {
		return rejectMetadata(err)
	}
	u := &update{subject: &subject{name: x.header.Scopes[0].Repository, repo: new(record.Repository)}}
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
