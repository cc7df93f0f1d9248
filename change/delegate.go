package change

import (
	"fmt"
	"slices"
	"time"

	"hullmark/keys"
	"hullmark/tuf"
)

// DelegationChange is a change of what a role's file hands on to one other role.
type DelegationChange struct {
	// Role is what the other role is to be, new or changed. Of one that is to be
	// removed only the name counts.
	Role tuf.DelegatedRole
	// Keys are those that Role.KeyIDs name, as far as the file does not list them
	// already.
	Keys []keys.PublicKey
	// Before is the role over which Role takes precedence, directly. Empty leaves
	// Role where it is, or puts a new one last.
	Before string
	// Remove takes the delegation away: whatever the role and those below it have
	// published verifies nothing from then on.
	Remove bool
}

// NextDelegator returns the unsigned successor of a role's file with a change of
// its delegations, and the same tags. Current has the files that lead to the role that
// delegates. Errors wrap ErrNotDelegated when a role that the change names
// has no delegation in the file, and ErrNotAdopted when the file says what nobody has
// decided about; a delegation that is changed and not dropped first keeps something of
// what it was.
func NextDelegator(current *Current, delegator string, change DelegationChange, a Adoption, expires time.Time) (*tuf.Targets, error) {
	spec, err := inherit(current, delegator, a, func(name string) bool { return change.Remove && name == change.Role.Name })
	if err != nil {
		return nil, fmt.Errorf("couldn't change delegations of %s: %w", delegator, err)
	}
	spec = successor(spec, expires)
	var list tuf.Delegations
	if spec.Delegations != nil {
		list = *spec.Delegations
	}
	roles, err := changeRoles(list.Roles, change)
	if err != nil {
		return nil, fmt.Errorf("couldn't change delegations of %s: %w", delegator, err)
	}
	spec.Delegations = nil
	if len(roles) > 0 {
		spec.Delegations = &tuf.Delegations{Roles: roles, Keys: usedKeys(append(list.Keys, change.Keys...), roles)}
	}
	return tuf.NewTargets(spec)
}

// changeRoles returns delegated roles, in order of precedence, after a change.
func changeRoles(roles []tuf.DelegatedRole, change DelegationChange) ([]tuf.DelegatedRole, error) {
	find := func(name string) int {
		return slices.IndexFunc(roles, func(r tuf.DelegatedRole) bool { return r.Name == name })
	}
	at := find(change.Role.Name)
	if change.Remove {
		if at < 0 {
			return nil, fmt.Errorf("%w: %s", ErrNotDelegated, change.Role.Name)
		}
		return slices.Delete(roles, at, at+1), nil
	}
	if change.Before != "" && change.Before != change.Role.Name {
		if at >= 0 {
			roles = slices.Delete(roles, at, at+1)
		}
		if at = find(change.Before); at < 0 {
			return nil, fmt.Errorf("%w: %s", ErrNotDelegated, change.Before)
		}
		return slices.Insert(roles, at, change.Role), nil
	}
	if at < 0 {
		return append(roles, change.Role), nil
	}
	roles[at] = change.Role
	return roles, nil
}

// usedKeys returns the keys that roles name.
func usedKeys(list []keys.PublicKey, roles []tuf.DelegatedRole) []keys.PublicKey {
	return slices.DeleteFunc(list, func(k keys.PublicKey) bool {
		return !slices.ContainsFunc(roles, func(r tuf.DelegatedRole) bool { return r.Has(k.ID()) })
	})
}
