package ledger

import (
	"slices"
	"time"

	"hullmark/record"
	"hullmark/tuf"
)

// The tree of a repository's roles. Each role that is not removed has one parent,
// whose stored file names it. The functions here keep it so when a file is
// replaced; they know repository values and delegations only, and read nothing
// else, so that switching off a role costs the same whatever hangs on it.

// recountTargets notes the keys of the current root, and decides anew whether the
// stored targets file meets them. A rotation that drops a stolen key thereby switches off
// everything the key signed or delegated, at once.
func recountTargets(repo *record.Repository, root *tuf.Root) {
	repo.RootKeys = record.SortKeyIDs(root.Roles.Root.KeyIDs)
	repo.TargetsKeys = record.SortKeyIDs(root.Roles.Targets.KeyIDs)
	r, ok := repo.Role(record.RoleTargets)
	if !ok {
		return
	}
	r.MeetsKeys = root.Roles.Targets.Met(r.Signers, root.Key)
	repo.SetRole(r)
}

// replaced returns the entry of a role whose file was replaced by one that its
// delegator's keys signed. Its delegations are for the caller.
func replaced(r record.RoleState, next *tuf.Metadata) record.RoleState {
	r.Version, r.Expires = next.Version, next.Expires
	r.SignedDigest, r.FileDigest, r.FileSize = next.SignedDigest(), next.FileDigest(), uint32(len(next.Bytes()))
	r.MeetsKeys, r.Narrowed, r.Signers = true, false, next.Signers()
	return r
}

// redelegate makes the roles below a delegator what its new file says, and returns
// those it removed, which no height needs any more. old are the delegations of its
// file before, and index is that of the record.
func redelegate(repo *record.Repository, delegator string, old, next *tuf.Delegations, index uint64) ([]record.RoleState, error) {
	var removed []record.RoleState
	for _, r := range slices.Clone(repo.Roles) {
		if _, named := next.Role(r.Name); r.Parent == delegator && !named {
			removed = append(removed, removeRole(repo, r.Name)...)
		}
	}
	if next != nil {
		for _, role := range next.Roles {
			if err := delegate(repo, delegator, old, next, role, index); err != nil {
				return nil, err
			}
		}
	}
	if len(repo.Roles) > record.MaxRoles {
		return nil, record.Reject(record.CodeRoleConflict, "%d roles, at most %d", len(repo.Roles), record.MaxRoles)
	}
	return removed, nil
}

// checkSize refuses role files that make the repository's value too large: every
// answer about the repository would carry it.
func checkSize(repo *record.Repository) error {
	if n := len(repo.Encode()); n > record.MaxRepositorySize {
		return record.Reject(record.CodeRoleConflict, "the roles, their keys and signers take %d bytes, at most %d", n, record.MaxRepositorySize)
	}
	return nil
}

// delegate gives one role that a new file names its parent, its keys and its
// flags.
func delegate(repo *record.Repository, delegator string, old, next *tuf.Delegations, role tuf.DelegatedRole, index uint64) error {
	r, known := repo.Role(role.Name)
	before, namedBefore := old.Reach(role.Name)
	after, _ := next.Reach(role.Name)
	narrower := false
	switch {
	case !known:
		r = record.RoleState{Name: role.Name, Since: index, Expires: time.Unix(0, 0).UTC()}
	case r.Parent == delegator:
		narrower = !after.Includes(before)
	case repo.Ancestor(delegator, role.Name):
		narrower = true // taken from a role below
	case namedBefore:
		return nil // an ancestor took it since; this file has no say in it
	default:
		return record.Reject(record.CodeRoleConflict, "%s delegates to %s, to which %s does", delegator, role.Name, r.Parent)
	}
	r.Parent = delegator
	r.Keys, r.Patterns = record.SortKeyIDs(role.KeyIDs), uint16(after.Patterns())
	r.MeetsKeys = r.Version > 0 && role.Met(r.Signers, next.Key)
	repo.SetRole(r)
	if narrower {
		for _, name := range subtree(repo, role.Name) {
			r, _ := repo.Role(name)
			r.Narrowed = r.Version > 0
			repo.SetRole(r)
		}
	}
	return nil
}

// removeRole takes a role that no delegator names any more, and all below it, out
// of the tree, and returns what they were.
func removeRole(repo *record.Repository, name string) []record.RoleState {
	var out []record.RoleState
	for _, name := range subtree(repo, name) {
		r, _ := repo.Role(name)
		out = append(out, r)
	}
	for _, r := range out {
		repo.RemoveRole(r.Name)
	}
	return out
}

// subtree returns a role and all roles below it, ascending.
func subtree(repo *record.Repository, name string) []string {
	var out []string
	for _, r := range repo.Roles {
		if r.Name == name || repo.Ancestor(name, r.Name) {
			out = append(out, r.Name)
		}
	}
	return out
}
