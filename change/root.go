package change

import (
	"cmp"
	"slices"
	"time"

	"hullmark/keys"
	"hullmark/record"
	"hullmark/tuf"
)

// Holders are the keys that are to hold a role of a root, and how many must sign.
type Holders struct {
	// Keys replace those of the role. Without any the role keeps its own.
	Keys []keys.PublicKey
	// Threshold is how many of them must sign; zero keeps it as it is.
	Threshold int
}

// RootChange is what the next root of a repository is to say.
type RootChange struct {
	// Root and Targets are the holders of the two roles that are the publisher's.
	Root, Targets Holders
	// Expires is the expiry of the new file, in whole seconds.
	Expires time.Time
}

// FirstRoot returns the unsigned first root of a repository. Binding is that of the file;
// notaries are the notary keys of the ledger's operators, which every root lists as well
// (docs/spec.md, "Roles"). Errors are those of tuf.NewRoot.
func FirstRoot(binding tuf.Binding, notaries []keys.PublicKey, c RootChange) (*tuf.Root, error) {
	spec := tuf.RootSpec{Version: 1, Binding: binding, Keys: slices.Clone(notaries)}
	notary := NotaryRole(notaries)
	spec.Roles.Snapshot, spec.Roles.Timestamp = notary, notary
	return c.root(spec)
}

// NextRoot returns the unsigned successor of a root. Keys that no role has any more are
// left out. Errors are those of tuf.NewRoot.
func NextRoot(current *tuf.Root, c RootChange) (*tuf.Root, error) {
	spec := current.Spec()
	spec.Version++
	return c.root(spec)
}

// root applies the change to the content of a root.
func (c RootChange) root(spec tuf.RootSpec) (*tuf.Root, error) {
	spec.Expires = c.Expires
	for _, r := range []struct {
		role    *tuf.Role
		holders Holders
	}{{&spec.Roles.Root, c.Root}, {&spec.Roles.Targets, c.Targets}} {
		r.role.Threshold = cmp.Or(r.holders.Threshold, r.role.Threshold)
		if len(r.holders.Keys) == 0 {
			continue
		}
		r.role.KeyIDs = nil
		for _, k := range r.holders.Keys {
			spec.Keys = append(spec.Keys, k)
			r.role.KeyIDs = append(r.role.KeyIDs, k.ID())
		}
	}
	roles := spec.Roles
	spec.Keys = slices.DeleteFunc(spec.Keys, func(k keys.PublicKey) bool {
		id := k.ID()
		return !roles.Root.Has(id) && !roles.Targets.Has(id) && !roles.Snapshot.Has(id) && !roles.Timestamp.Has(id)
	})
	return tuf.NewRoot(spec)
}

// Rotate returns the part of a request that asks to sign the next root of a repository and,
// when there is an adoption, the next targets file under it (NextUnder), which expires at
// the time given. Left is what verifies nothing once the new root is there, nil for
// nothing.
func Rotate(current *Current, c RootChange, a Adoption, targetsExpire time.Time) (part *RequestPart, left *Inherited, err error) {
	root, err := NextRoot(current.Root, c)
	if err != nil {
		return nil, nil, err
	}
	stored := current.Files[tuf.RoleTargets]
	targets, err := NextUnder(root, stored, a, targetsExpire)
	if err != nil {
		return nil, nil, err
	}
	part = &RequestPart{Repository: current.Repository, Root: current.Root, NewRoots: []*tuf.Root{root}}
	if targets == nil {
		return part, InheritedUnder(root, stored), nil
	}
	part.Roles, part.NewRoles = []*tuf.Targets{stored}, []*tuf.Targets{targets}
	return part, nil, nil
}

// NotaryRole returns what a root must give to the snapshot and timestamp roles: the
// operators' notary keys, with the threshold that the ledger asks for.
func NotaryRole(notaries []keys.PublicKey) tuf.Role {
	var ids []keys.ID
	for _, k := range notaries {
		ids = append(ids, k.ID())
	}
	return tuf.Role{KeyIDs: record.SortKeyIDs(ids), Threshold: record.NotaryThreshold(len(ids))}
}
