package tuf

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"slices"

	"hullmark/keys"
	"hullmark/printable"
	"hullmark/reference"
)

// Delegations hands tags on to further roles.
type Delegations struct {
	Keys  []keys.PublicKey // sorted by id
	Roles []DelegatedRole  // in order of precedence, at least one
}

// DelegatedRole is a role to which a targets file delegates.
type DelegatedRole struct {
	Role
	Name        string   // see IsDelegatedRole
	Paths       []string // patterns of tags, at least one
	Terminating bool     // whether roles of lower precedence are left out of a search
}

// Covers reports whether the tag is delegated to the role. In a path, '*'
// stands for any number of characters and '?' for one; there are no character
// classes, about which implementations differ.
func (r DelegatedRole) Covers(tag reference.Tag) bool {
	return matchAny(r.Paths, tag)
}

// Role returns the delegation to the role of that name.
func (l *Delegations) Role(name string) (DelegatedRole, bool) {
	if l == nil {
		return DelegatedRole{}, false
	}
	for _, role := range l.Roles {
		if role.Name == name {
			return role, true
		}
	}
	return DelegatedRole{}, false
}

// Key returns the key of that id.
func (l *Delegations) Key(id keys.ID) (keys.PublicKey, bool) {
	if l == nil {
		return keys.PublicKey{}, false
	}
	return findKey(l.Keys, id)
}

// Delegated returns the role of that name, to judge the files of the role. With
// Key it makes delegations a Delegator, without the file they stand in.
func (l *Delegations) Delegated(name string) (Role, bool) {
	role, ok := l.Role(name)
	return role.Role, ok
}

func (l *Delegations) covers(name string, tag reference.Tag) bool {
	role, ok := l.Role(name)
	return ok && role.Covers(tag)
}

// Reach returns what the delegator lets a role set, false if it does not delegate
// to the role.
func (l *Delegations) Reach(name string) (Reach, bool) {
	if l == nil {
		return Reach{}, false
	}
	var r Reach
	for _, role := range l.Roles {
		if role.Name == name {
			r.Paths = role.Paths
			return r, true
		}
		if role.Terminating {
			r.Barred = append(r.Barred, role.Paths...)
		}
	}
	return Reach{}, false
}

// Reach is what one delegator lets a role set: tags that match its own patterns
// and none of a terminating role of higher precedence, at which a search for them
// ends.
type Reach struct {
	Paths  []string
	Barred []string
}

// Covers reports whether the role may set the tag, as far as this delegator is
// concerned.
func (r Reach) Covers(tag reference.Tag) bool {
	return matchAny(r.Paths, tag) && !matchAny(r.Barred, tag)
}

// Includes reports whether everything in another reach is certainly in r too. It
// compares patterns as text, so that it is cheap, and errs on the side of no.
func (r Reach) Includes(other Reach) bool {
	within := func(some, list []string) bool {
		return !slices.ContainsFunc(some, func(p string) bool { return !slices.Contains(list, p) })
	}
	return within(other.Paths, r.Paths) && within(r.Barred, other.Barred)
}

// Patterns is the number of patterns a tag is compared with at most.
func (r Reach) Patterns() int { return len(r.Paths) + len(r.Barred) }

// ParseDelegations decodes the delegations object of a file of the given role, as
// it stands in the file, and applies every rule that concerns it alone.
func ParseDelegations(b []byte, delegator string) (*Delegations, error) {
	l, err := parseDelegations(b, delegator)
	if err != nil {
		return nil, fmt.Errorf("couldn't parse delegations: %w", err)
	}
	return l, nil
}

func parseDelegations(b []byte, delegator string) (*Delegations, error) {
	if len(b) > MaxTargetsSize {
		return nil, fmt.Errorf("%w: %d bytes, limit %d", ErrTooLarge, len(b), MaxTargetsSize)
	}
	if err := scan(b); err != nil {
		return nil, err
	}
	d := &decoder{b: b}
	l, err := d.delegations()
	if err != nil {
		return nil, err
	}
	if err := l.check(delegator); err != nil {
		return nil, err
	}
	if !bytes.Equal(l.Bytes(), b) {
		return nil, fmt.Errorf("%w: differs from its own re-encoding", ErrNotCanonical)
	}
	return l, nil
}

// Bytes returns the delegations object as it stands in a file.
func (l *Delegations) Bytes() []byte {
	w := writer{form: fileForm}
	l.write(&w)
	return w.b
}

// Digest returns the SHA-256 of Bytes, zero for no delegations.
func (l *Delegations) Digest() [32]byte {
	if l == nil {
		return [32]byte{}
	}
	return sha256.Sum256(l.Bytes())
}

// equal reports whether both stand in a file alike.
func (l *Delegations) equal(other *Delegations) bool {
	if l == nil || other == nil {
		return l == other
	}
	return bytes.Equal(l.Bytes(), other.Bytes())
}

func (d *decoder) delegations() (*Delegations, error) {
	list := new(Delegations)
	err := d.record([]string{"keys", "roles"}, func(name string) (err error) {
		if name == "keys" {
			list.Keys, err = d.keySet(MaxDelegationKeys)
			return err
		}
		return d.list(MaxDelegations, func() error {
			role, err := d.delegatedRole()
			list.Roles = append(list.Roles, role)
			return err
		})
	})
	return list, err
}

func (d *decoder) delegatedRole() (DelegatedRole, error) {
	var role DelegatedRole
	fields := []string{"keyids", "name", "paths", "terminating", "threshold"}
	err := d.record(fields, func(name string) (err error) {
		switch name {
		case "keyids":
			role.KeyIDs, err = d.keyIDs(MaxRoleKeys)
		case "name":
			role.Name, err = d.text()
		case "paths":
			err = d.list(MaxPaths, func() error {
				path, err := d.text()
				role.Paths = append(role.Paths, path)
				return err
			})
		case "terminating":
			role.Terminating, err = d.boolean()
		case "threshold":
			role.Threshold, err = d.threshold()
		}
		return err
	})
	return role, err
}

// check applies the rules that concern several fields. The delegator is the
// role that the file is bound to.
func (l *Delegations) check(delegator string) error {
	if len(l.Roles) == 0 {
		return fmt.Errorf("%w: empty delegations", ErrNotCanonical)
	}
	if len(l.Roles) > MaxDelegations {
		return fmt.Errorf("%w: more than %d delegated roles", ErrLimit, MaxDelegations)
	}
	used := make(map[keys.ID]bool, len(l.Keys))
	names := make(map[string]bool, len(l.Roles))
	for _, role := range l.Roles {
		if !IsDelegatedRole(role.Name) || role.Name == delegator {
			return fmt.Errorf("%w: delegation to %s", ErrRole, printable.Quote(role.Name))
		}
		if names[role.Name] {
			return fmt.Errorf("%w: %s", ErrDuplicateRole, role.Name)
		}
		names[role.Name] = true
		if err := role.Role.check(MaxRoleKeys, MaxThreshold, l.Keys, used); err != nil {
			return fmt.Errorf("role %s: %w", role.Name, err)
		}
		if err := checkPaths(role.Paths); err != nil {
			return fmt.Errorf("role %s: %w", role.Name, err)
		}
	}
	return checkKeys(l.Keys, used)
}

// checkPaths accepts unique patterns made of the characters of tags, '*' and
// '?'.
func checkPaths(paths []string) error {
	if len(paths) == 0 {
		return fmt.Errorf("%w: none", ErrPath)
	}
	if len(paths) > MaxPaths {
		return fmt.Errorf("%w: more than %d paths", ErrLimit, MaxPaths)
	}
	for i, path := range paths {
		if len(path) == 0 || len(path) > MaxPathSize || !onlyHolds(path, isPathByte) {
			return fmt.Errorf("%w: %s", ErrPath, printable.Quote(path))
		}
		if slices.Contains(paths[:i], path) {
			return fmt.Errorf("%w: %q is listed twice", ErrPath, path)
		}
	}
	return nil
}

func isPathByte(c byte) bool {
	return isAlphanumeric(c) || c == '_' || c == '.' || c == '-' || c == '*' || c == '?'
}

func (l *Delegations) write(w *writer) {
	w.raw(`{"keys":`)
	writeKeys(w, l.Keys)
	w.raw(`,"roles":[`)
	for i, role := range l.Roles {
		w.comma(i)
		w.raw(`{`)
		writeKeyIDs(w, role.KeyIDs)
		w.raw(`,"name":`)
		w.text(role.Name)
		w.raw(`,"paths":[`)
		for i, path := range role.Paths {
			w.comma(i)
			w.text(path)
		}
		w.raw(`],"terminating":`)
		w.boolean(role.Terminating)
		w.raw(`,"threshold":`)
		w.integer(uint64(role.Threshold))
		w.raw(`}`)
	}
	w.raw(`]}`)
}
