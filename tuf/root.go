package tuf

import (
	"fmt"

	"hullmark/keys"
)

// Root is a root file: it says which keys sign for which role.
type Root struct {
	Metadata
	Keys  []keys.PublicKey // sorted by id
	Roles Roles
}

// Roles holds the four top-level roles. Publishers hold the keys of Root and
// Targets; those of Snapshot and Timestamp are the operators' notary keys.
type Roles struct {
	Root, Snapshot, Targets, Timestamp Role
}

// Key returns the listed key of that id.
func (r *Root) Key(id keys.ID) (keys.PublicKey, bool) { return findKey(r.Keys, id) }

// Delegated returns the role of that name, to judge the files of the role.
func (r *Root) Delegated(name string) (Role, bool) {
	switch name {
	case RoleRoot:
		return r.Roles.Root, true
	case RoleSnapshot:
		return r.Roles.Snapshot, true
	case RoleTargets:
		return r.Roles.Targets, true
	case RoleTimestamp:
		return r.Roles.Timestamp, true
	}
	return Role{}, false
}

// ParseRoot decodes a root file and applies every rule that concerns the file
// alone. It does not look at signatures beyond their encoding; there may be
// none.
func ParseRoot(b []byte) (*Root, error) {
	r, err := parseRoot(b)
	if err != nil {
		return nil, fmt.Errorf("couldn't parse root metadata: %w", err)
	}
	return r, nil
}

func parseRoot(b []byte) (*Root, error) {
	if len(b) > MaxRootSize {
		return nil, fmt.Errorf("%w: %d bytes, limit %d", ErrTooLarge, len(b), MaxRootSize)
	}
	if err := scan(b); err != nil {
		return nil, err
	}
	r := new(Root)
	d := &decoder{b: b}
	if err := d.file(&r.Metadata, func() error { return d.root(r) }); err != nil {
		return nil, err
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	if err := r.finish(b, r.writeSigned); err != nil {
		return nil, err
	}
	return r, nil
}

// root reads the signed part.
func (d *decoder) root(r *Root) error {
	fields := []string{"_type", "consistent_snapshot", "expires", "keys", "roles", "spec_version", "version", bindingField}
	return d.record(fields, func(name string) error {
		known, err := d.common(&r.Metadata, RoleRoot, name)
		if known || err != nil {
			return err
		}
		switch name {
		case "consistent_snapshot":
			consistent, err := d.boolean()
			if err == nil && !consistent {
				err = ErrConsistentSnapshot
			}
			return err
		case "keys":
			r.Keys, err = d.keySet(MaxRootKeys)
		case "roles":
			r.Roles, err = d.roles()
		}
		return err
	})
}

func (d *decoder) roles() (Roles, error) {
	var roles Roles
	err := d.record([]string{RoleRoot, RoleSnapshot, RoleTargets, RoleTimestamp}, func(name string) (err error) {
		switch name {
		case RoleRoot:
			roles.Root, err = d.role()
		case RoleSnapshot:
			roles.Snapshot, err = d.role()
		case RoleTargets:
			roles.Targets, err = d.role()
		case RoleTimestamp:
			roles.Timestamp, err = d.role()
		}
		return err
	})
	return roles, err
}

func (d *decoder) role() (Role, error) {
	var role Role
	err := d.record([]string{"keyids", "threshold"}, func(name string) (err error) {
		if name == "keyids" {
			role.KeyIDs, err = d.keyIDs(MaxNotaryKeys)
			return err
		}
		role.Threshold, err = d.threshold()
		return err
	})
	return role, err
}

// check applies the rules that concern several fields.
func (r *Root) check() error {
	if r.Binding.Role != RoleRoot {
		return fmt.Errorf("%w: root metadata bound to role %s", ErrBinding, r.Binding.Role)
	}
	used := make(map[keys.ID]bool, len(r.Keys))
	for _, role := range []struct {
		name                  string
		role                  Role
		maxKeys, maxThreshold int
	}{
		{RoleRoot, r.Roles.Root, MaxRoleKeys, MaxThreshold},
		{RoleSnapshot, r.Roles.Snapshot, MaxNotaryKeys, MaxNotaryKeys},
		{RoleTargets, r.Roles.Targets, MaxRoleKeys, MaxThreshold},
		{RoleTimestamp, r.Roles.Timestamp, MaxNotaryKeys, MaxNotaryKeys},
	} {
		if err := role.role.check(role.maxKeys, role.maxThreshold, r.Keys, used); err != nil {
			return fmt.Errorf("role %s: %w", role.name, err)
		}
	}
	return checkKeys(r.Keys, used)
}

// writeSigned writes the signed part.
func (r *Root) writeSigned(w *writer) {
	w.raw(`{"_type":"root","consistent_snapshot":true,`)
	r.writeExpires(w)
	w.raw(`,"keys":`)
	writeKeys(w, r.Keys)
	w.raw(`,"roles":{"root":`)
	writeRole(w, r.Roles.Root)
	w.raw(`,"snapshot":`)
	writeRole(w, r.Roles.Snapshot)
	w.raw(`,"targets":`)
	writeRole(w, r.Roles.Targets)
	w.raw(`,"timestamp":`)
	writeRole(w, r.Roles.Timestamp)
	w.raw(`},`)
	r.writeSpecVersion(w)
	w.raw(`,`)
	r.writeVersion(w)
	w.raw(`,`)
	r.writeBinding(w)
	w.raw(`}`)
}

func writeRole(w *writer, r Role) {
	w.raw(`{`)
	writeKeyIDs(w, r.KeyIDs)
	w.raw(`,"threshold":`)
	w.integer(uint64(r.Threshold))
	w.raw(`}`)
}
