package client

import (
	"slices"

	"hullmark/keys"
	"hullmark/tuf"
)

// signers is who signed a role file, as far as its record tells: a record names the
// signers of all its files together.
type signers struct {
	// sure signed this file, and possible may have, sure among them.
	sure, possible []keys.ID
	// threshold is how many of them signed at least; 0 if it is not known.
	threshold int
}

// judgedFile is a role file with those who may have signed it: the signers of its record
// that were the role's.
type judgedFile struct {
	role      string
	possible  []keys.ID
	threshold int
}

// judged returns a file that is judged now, in a record with those signers.
func (p *powers) judged(role string, all []keys.ID) judgedFile {
	f := judgedFile{role: role, possible: all}
	if by := p.delegator(role); by != nil {
		if holders, ok := by.Delegated(role); ok {
			f.possible, f.threshold = among(all, holders), holders.Threshold
		}
	}
	return f
}

// rootFile returns the root of a record, or the last of several.
func rootFile(before, root *tuf.Root, all []keys.ID) judgedFile {
	f := judgedFile{role: tuf.RoleRoot, possible: all}
	switch {
	case root.Version == 1:
		f.possible = among(all, root.Roles.Root)
	case before != nil && root.Version == before.Version+1:
		f.possible = among(all, root.Roles.Root, before.Roles.Root)
	}
	return f
}

// among returns the keys that are in one of some roles.
func among(list []keys.ID, roles ...tuf.Role) []keys.ID {
	return slices.DeleteFunc(slices.Clone(list), func(id keys.ID) bool {
		return !slices.ContainsFunc(roles, func(r tuf.Role) bool { return r.Has(id) })
	})
}

// signersOf returns who signed one of a record's files: surely those who can have signed
// no other.
func signersOf(files []judgedFile, i int) signers {
	s := signers{possible: files[i].possible, threshold: files[i].threshold}
	for _, id := range s.possible {
		n := 0
		for _, f := range files {
			if slices.Contains(f.possible, id) {
				n++
			}
		}
		if n == 1 {
			s.sure = append(s.sure, id)
		}
	}
	return s
}

// meet reports whether the signers certainly reach the threshold of a role: those who
// are sure do, or any that the file was accepted with.
func (s signers) meet(role tuf.Role, by tuf.Delegator) bool {
	lost := 0
	for _, id := range s.possible {
		if !role.Has(id) {
			lost++
		}
	}
	return role.Met(s.sure, by.Key) || s.threshold-lost >= role.Threshold
}
