package change

import (
	"hullmark/reference"
	"hullmark/tuf"
)

// Current is what the ledger has of one repository, as far as a change of it needs to be
// told: files that were verified, or are the caller's word.
type Current struct {
	Repository reference.Repository
	// Root is the root in force.
	Root *tuf.Root
	// Files are the role files in force that the change needs, by role: that of the role
	// which it changes, if there is one yet, and those above it.
	Files map[string]*tuf.Targets
	// Roles are the repository's roles, whether they have a file yet or not.
	Roles []RoleState
	// Revocations and Lifts count the repository's statements of either kind, and
	// Recoveries its recoveries from a lost root: what the next statement follows.
	Revocations uint64
	Lifts       uint64
	Recoveries  uint32
}

// RoleState is the state of one role, targets among them.
type RoleState struct {
	Name string
	// Parent is the role that delegates to it.
	Parent string
	// After is the version that its next file follows.
	After uint64
	// Effective says whether its file verifies anything.
	Effective bool
}

// role returns the state of a role, false when the repository has none of that name.
func (c *Current) role(name string) (RoleState, bool) {
	for _, s := range c.Roles {
		if s.Name == name {
			return s, true
		}
	}
	return RoleState{}, false
}
