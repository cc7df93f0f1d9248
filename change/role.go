package change

import (
	"hullmark/keys"
	"hullmark/tuf"
)

// RoleKeys returns who may sign for targets or a delegated role, as the file in
// force of its delegator has it, and the keys by id. Without that file the role has no
// keys.
func RoleKeys(current *Current, role string) (tuf.Role, func(keys.ID) (keys.PublicKey, bool)) {
	if role == tuf.RoleTargets {
		return current.Root.Roles.Targets, current.Root.Key
	}
	by := delegatorOf(current, role)
	if by == nil {
		return tuf.Role{}, func(keys.ID) (keys.PublicKey, bool) { return keys.PublicKey{}, false }
	}
	r, _ := by.Delegated(role)
	return r, by.Key
}

// delegatorOf returns the file in force that delegates to a role, nil when that is
// the root or not there.
func delegatorOf(current *Current, role string) *tuf.Targets {
	s, ok := current.role(role)
	if !ok {
		return nil
	}
	return current.Files[s.Parent]
}

// after returns the version that the first file of a role follows.
func after(current *Current, role string) uint64 {
	s, _ := current.role(role)
	return s.After
}

// roleBinding returns what files of a role are bound to.
func roleBinding(current *Current, role string) tuf.Binding {
	return tuf.Binding{Ledger: current.Root.Binding.Ledger, Repository: current.Repository, Role: role}
}

// NewRolePart returns the part of a request that asks to sign the next file of a
// role: with the file it replaces, and those that say who signs, up to targets.
func NewRolePart(current *Current, next *tuf.Targets) RequestPart {
	role := next.Binding.Role
	p := RequestPart{Repository: current.Repository, Root: current.Root, NewRoles: []*tuf.Targets{next}}
	if stored := current.Files[role]; stored != nil {
		p.Roles = append(p.Roles, stored)
	}
	for by := delegatorOf(current, role); by != nil && fileOf(p.Roles, by.Binding.Role) == nil; by = delegatorOf(current, by.Binding.Role) {
		p.Roles = append(p.Roles, by)
	}
	return p
}
