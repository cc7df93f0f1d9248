package tuf

import (
	"fmt"
	"time"

	"hullmark/keys"
	"hullmark/printable"
	"hullmark/reference"
)

// Delegator is a trusted file that says who may sign for a role: *Root for
// RoleTargets, *Targets or the *Delegations of one for the roles it delegates
// to.
type Delegator interface {
	// Delegated returns the role of that name, false if there is none.
	Delegated(role string) (Role, bool)
	// Key returns the key of that id as the file lists it.
	Key(id keys.ID) (keys.PublicKey, bool)

	covers(role string, tag reference.Tag) bool
}

func (r *Root) covers(string, reference.Tag) bool { return true }

func (t *Targets) covers(role string, tag reference.Tag) bool { return t.Delegations.covers(role, tag) }

// VerifyFirstRoot judges the root that begins a repository: version 1, bound as
// wanted, not expired, signed by the threshold of its own root role.
func VerifyFirstRoot(v keys.Verifier, root *Root, want Binding, now time.Time) error {
	if err := verifyFirstRoot(v, root, want, now); err != nil {
		return fmt.Errorf("couldn't verify first root: %w", err)
	}
	return nil
}

func verifyFirstRoot(v keys.Verifier, root *Root, want Binding, now time.Time) error {
	if root.Version != 1 {
		return fmt.Errorf("%w: %d, want 1", ErrVersion, root.Version)
	}
	if err := root.verifyPlace(want, now); err != nil {
		return err
	}
	return root.verifySignatures(v, root.authority(RoleRoot))
}

// VerifyNextRoot judges the successor of a trusted root: the next version, with
// the same binding, not expired, and signed by the threshold of the old root
// role and by that of its own. The old root may be expired: expired metadata
// may still authorise its successor.
func VerifyNextRoot(v keys.Verifier, old, next *Root, now time.Time) error {
	if err := verifyNextRoot(v, old, next, now); err != nil {
		return fmt.Errorf("couldn't verify root %d: %w", next.Version, err)
	}
	return nil
}

func verifyNextRoot(v keys.Verifier, old, next *Root, now time.Time) error {
	if next.Version != old.Version+1 {
		return fmt.Errorf("%w: %d, want %d", ErrVersion, next.Version, old.Version+1)
	}
	if err := next.verifyPlace(old.Binding, now); err != nil {
		return err
	}
	return next.verifySignatures(v, old.authority(RoleRoot), next.authority(RoleRoot))
}

// VerifyTargets judges a targets file by the trusted file that delegates to it:
// bound as wanted, not expired, signed by the threshold of the role, and with
// no tag outside the paths of the delegation. Whether its version is the next
// one is for the caller to decide.
func VerifyTargets(v keys.Verifier, by Delegator, t *Targets, want Binding, now time.Time) error {
	if err := verifyTargets(v, by, t, want, now); err != nil {
		return fmt.Errorf("couldn't verify %s: %w", printable.Clip(want.Role, maxShown), err)
	}
	return nil
}

func verifyTargets(v keys.Verifier, by Delegator, t *Targets, want Binding, now time.Time) error {
	role, err := verifyDelegated(by, &t.Metadata, want, now)
	if err != nil {
		return err
	}
	for _, target := range t.Targets {
		if !by.covers(want.Role, target.Tag) {
			return fmt.Errorf("%w: tag %s is not delegated", ErrPath, target.Tag)
		}
	}
	return t.verifySignatures(v, authority{role: role, key: by.Key})
}

// VerifyTargetsFile is VerifyTargets but for the paths of the delegation, for
// callers who know that most tags are covered and check the others. It takes what a
// targets file has in common with others.
func VerifyTargetsFile(v keys.Verifier, by Delegator, t *Metadata, want Binding, now time.Time) error {
	role, err := verifyDelegated(by, t, want, now)
	if err == nil {
		err = t.verifySignatures(v, authority{role: role, key: by.Key})
	}
	if err != nil {
		return fmt.Errorf("couldn't verify %s: %w", printable.Clip(want.Role, maxShown), err)
	}
	return nil
}

// VerifyStoredTargets judges a file that was accepted before by the current file
// of its delegator. A key may have lost its place in the role since while the
// others still reach the threshold: its signature remains in the file and counts
// nothing. In all else it is VerifyTargets.
func VerifyStoredTargets(v keys.Verifier, by Delegator, t *Targets, want Binding, now time.Time) error {
	judged := *t
	judged.Signatures = nil
	role, _ := by.Delegated(want.Role)
	for _, s := range t.Signatures {
		if role.Has(s.KeyID) {
			judged.Signatures = append(judged.Signatures, s)
		}
	}
	return VerifyTargets(v, by, &judged, want, now)
}

// verifyDelegated checks binding and expiry of a file and returns the role that
// must have signed it.
func verifyDelegated(by Delegator, t *Metadata, want Binding, now time.Time) (Role, error) {
	if err := t.verifyPlace(want, now); err != nil {
		return Role{}, err
	}
	role, ok := by.Delegated(want.Role)
	if !ok {
		return Role{}, fmt.Errorf("%w: nothing is delegated to it", ErrRole)
	}
	return role, nil
}

// verifyPlace checks binding and expiry.
func (m *Metadata) verifyPlace(want Binding, now time.Time) error {
	if m.Binding != want {
		return fmt.Errorf("%w: made for %s of %s on %s, want %s of %s on %s", ErrBinding,
			m.Binding.Role, m.Binding.Repository, m.Binding.Ledger, want.Role, want.Repository, want.Ledger)
	}
	if m.Expired(now) {
		return fmt.Errorf("%w: at %s, now is %s", ErrExpired,
			m.Expires.Format(expiresLayout), now.UTC().Format(expiresLayout))
	}
	return nil
}

// authority is a role together with the keys it names.
type authority struct {
	role Role
	key  func(keys.ID) (keys.PublicKey, bool)
}

func (r *Root) authority(name string) authority {
	role, _ := r.Delegated(name)
	return authority{role: role, key: r.Key}
}

// verifySignatures checks that every signature is by a key of one of the
// authorities, that each authority's threshold is met, and that every signature
// verifies, in this order of cost. A surplus signature that does not verify is
// refused too: otherwise anybody could vary the file.
func (m *Metadata) verifySignatures(v keys.Verifier, authorities ...authority) error {
	signers := make([]keys.PublicKey, len(m.Signatures))
	for i, s := range m.Signatures {
		for _, a := range authorities {
			if key, ok := a.key(s.KeyID); ok && a.role.Has(s.KeyID) {
				signers[i] = key
			}
		}
		if signers[i].IsZero() {
			return fmt.Errorf("%w: signature of key %s", ErrUnknownKey, s.KeyID)
		}
	}
	for _, a := range authorities {
		if !a.role.Met(m.Signers(), a.key) {
			return fmt.Errorf("%w: want %d of %d keys", ErrTooFewSignatures, a.role.Threshold, len(a.role.KeyIDs))
		}
	}
	for i, s := range m.Signatures {
		if err := v.Verify(signers[i], m.signed, s.Sig); err != nil {
			return fmt.Errorf("%w: key %s: %w", ErrBadSignature, s.KeyID, err)
		}
	}
	return nil
}
