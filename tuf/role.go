package tuf

import (
	"fmt"
	"slices"
	"strings"

	"hullmark/keys"
)

// Names of the top-level roles, and the prefix of all others.
const (
	RoleRoot      = "root"
	RoleSnapshot  = "snapshot"
	RoleTargets   = "targets"
	RoleTimestamp = "timestamp"

	delegatedPrefix = RoleTargets + "/"
)

// IsDelegatedRole reports whether name is that of a delegated role: "targets/"
// and 1 to MaxRoleNameSize characters out of a-z, 0-9, '.', '_' and '-', the
// first a letter or digit. Capital letters are left out for the sake of file
// systems that fold case.
func IsDelegatedRole(name string) bool {
	short, ok := strings.CutPrefix(name, delegatedPrefix)
	if !ok || len(short) == 0 || len(short) > MaxRoleNameSize {
		return false
	}
	lower := func(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }
	return lower(short[0]) && onlyHolds(short, func(c byte) bool {
		return lower(c) || c == '.' || c == '_' || c == '-'
	})
}

// Role says who may sign a file: Threshold distinct keys out of KeyIDs.
type Role struct {
	KeyIDs    []keys.ID // unique, in the order of the file
	Threshold int
}

// Has reports whether the key belongs to the role.
func (r Role) Has(id keys.ID) bool { return slices.Contains(r.KeyIDs, id) }

func (r Role) clone() Role {
	return Role{KeyIDs: slices.Clone(r.KeyIDs), Threshold: r.Threshold}
}

// Met reports whether signatures by the given keys reach the threshold. Keys
// outside the role, and keys that lookup does not know, count nothing, and a
// key counts once whatever ids it has. Met does not verify: it recounts
// signatures that were verified before, when the role that delegates changes.
func (r Role) Met(signers []keys.ID, lookup func(keys.ID) (keys.PublicKey, bool)) bool {
	var counted [][32]byte
	for _, id := range signers {
		if !r.Has(id) {
			continue
		}
		key, ok := lookup(id)
		if !ok || slices.Contains(counted, key.Material()) {
			continue
		}
		counted = append(counted, key.Material())
	}
	return r.Threshold >= 1 && len(counted) >= r.Threshold
}

// check applies the rules of a role on its own and against the listed keys. It
// ticks off in used the keys that the role names.
func (r Role) check(maxKeys, maxThreshold int, set []keys.PublicKey, used map[keys.ID]bool) error {
	if len(r.KeyIDs) > maxKeys {
		return fmt.Errorf("%w: more than %d keys", ErrLimit, maxKeys)
	}
	if r.Threshold < 1 || r.Threshold > len(r.KeyIDs) || r.Threshold > maxThreshold {
		return fmt.Errorf("%w: %d of %d keys", ErrThreshold, r.Threshold, len(r.KeyIDs))
	}
	for i, id := range r.KeyIDs {
		if slices.Contains(r.KeyIDs[:i], id) {
			return fmt.Errorf("%w: key %s", ErrSameKey, id)
		}
		if _, ok := findKey(set, id); !ok {
			return fmt.Errorf("%w: key %s", ErrUnknownKey, id)
		}
		used[id] = true
	}
	return nil
}

// checkKeys refuses keys without a role. No key can be listed twice: field
// names are unique, and an id is the hash of the one encoding of its key.
func checkKeys(set []keys.PublicKey, used map[keys.ID]bool) error {
	for _, key := range set {
		if !used[key.ID()] {
			return fmt.Errorf("%w: key %s", ErrUnusedKey, key.ID())
		}
	}
	return nil
}

// keyIDs reads the field keyids of a role.
func (d *decoder) keyIDs(limit int) ([]keys.ID, error) {
	var ids []keys.ID
	err := d.list(limit, func() error {
		id, err := d.keyID()
		ids = append(ids, id)
		return err
	})
	return ids, err
}

// threshold reads the field threshold of a role. Role.check judges the value.
func (d *decoder) threshold() (int, error) {
	n, err := d.integer()
	if err != nil {
		return 0, err
	}
	if n < 1 || n > MaxNotaryKeys {
		return 0, fmt.Errorf("%w: %d", ErrThreshold, n)
	}
	return int(n), nil
}

func writeKeyIDs(w *writer, ids []keys.ID) {
	w.raw(`"keyids":[`)
	for i, id := range ids {
		w.comma(i)
		w.hex(id[:])
	}
	w.raw(`]`)
}
