package client

import (
	"maps"
	"slices"

	"hullmark/tuf"
)

// roleTree has the parent of each delegated role in a repository's tree, as far as it is
// known: the role whose file gives it keys. It is never a circle.
type roleTree map[string]string

// above reports whether a role is an ancestor of another.
func (t roleTree) above(ancestor, role string) bool {
	if ancestor == tuf.RoleTargets {
		return role != tuf.RoleTargets
	}
	for role = t[role]; role != ""; role = t[role] {
		if role == ancestor {
			return true
		}
	}
	return false
}

// subtree returns a role and all roles below it: the role, then those below, by name.
func (t roleTree) subtree(role string) []string {
	out := []string{role}
	for _, name := range slices.Sorted(maps.Keys(t)) {
		if t.above(role, name) {
			out = append(out, name)
		}
	}
	return out
}

// gives reports whether a file of a role that names another gives it keys. It does not
// if the other is somebody else's since an ancestor took it.
func (t roleTree) gives(role, name string, namedBefore bool) bool {
	parent := t[name]
	switch {
	case parent == "" || parent == role || t.above(role, name):
		return true
	case namedBefore:
		return false
	}
	// The ledger refuses this, so some of the tree is not known.
	return !t.above(parent, role) && !t.above(name, role)
}

// nextToJudge returns which of a record's files the ledger judged first: the first by
// name of a role in the tree that has no ancestor among the others.
func (t roleTree) nextToJudge(files []string) int {
	free := func(name string) bool {
		return !slices.ContainsFunc(files, func(other string) bool { return t.above(other, name) })
	}
	i := slices.IndexFunc(files, func(name string) bool { return (name == tuf.RoleTargets || t[name] != "") && free(name) })
	if i < 0 { // not all of the tree is known
		i = slices.IndexFunc(files, free)
	}
	return i
}
