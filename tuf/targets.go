package tuf

import (
	"cmp"
	"fmt"
	"slices"

	"hullmark/keys"
	"hullmark/reference"
)

// Targets is a targets file or delegated targets file: it says which digest
// each tag means.
type Targets struct {
	Metadata
	Targets     []Target     // sorted by tag
	Delegations *Delegations // nil when nothing is delegated
}

// Target is the meaning of one tag.
type Target struct {
	Tag    reference.Tag
	Digest reference.Digest // of the manifest
	Length uint64           // of the manifest in bytes, 1 to MaxInteger
}

// Target returns the target of that tag.
func (t *Targets) Target(tag reference.Tag) (Target, bool) {
	i, found := slices.BinarySearchFunc(t.Targets, tag.String(), compareTag)
	if !found {
		return Target{}, false
	}
	return t.Targets[i], true
}

func compareTag(t Target, tag string) int { return cmp.Compare(t.Tag.String(), tag) }

// Key returns the key of that id among those of the delegations.
func (t *Targets) Key(id keys.ID) (keys.PublicKey, bool) { return t.Delegations.Key(id) }

// Delegated returns the delegated role of that name, to judge the files of the
// role.
func (t *Targets) Delegated(name string) (Role, bool) { return t.Delegations.Delegated(name) }

// Delegation returns the delegation to the role of that name.
func (t *Targets) Delegation(name string) (DelegatedRole, bool) { return t.Delegations.Role(name) }

// ParseTargets decodes a targets file, delegated or not, and applies every rule
// that concerns the file alone. It does not look at signatures beyond their
// encoding; there may be none.
func ParseTargets(b []byte) (*Targets, error) {
	t, err := parseTargets(b)
	if err != nil {
		return nil, fmt.Errorf("couldn't parse targets metadata: %w", err)
	}
	return t, nil
}

func parseTargets(b []byte) (*Targets, error) {
	if len(b) > MaxTargetsSize {
		return nil, fmt.Errorf("%w: %d bytes, limit %d", ErrTooLarge, len(b), MaxTargetsSize)
	}
	if err := scan(b); err != nil {
		return nil, err
	}
	t := new(Targets)
	d := &decoder{b: b}
	if err := d.file(&t.Metadata, func() error { return d.targetsSigned(t) }); err != nil {
		return nil, err
	}
	if err := t.check(); err != nil {
		return nil, err
	}
	if err := t.finish(b, t.writeSigned); err != nil {
		return nil, err
	}
	return t, nil
}

// targetsSigned reads the signed part.
func (d *decoder) targetsSigned(t *Targets) error {
	fields := []string{"_type", "delegations?", "expires", "spec_version", "targets", "version", bindingField}
	return d.record(fields, func(name string) error {
		known, err := d.common(&t.Metadata, RoleTargets, name)
		if known || err != nil {
			return err
		}
		switch name {
		case "delegations":
			t.Delegations, err = d.delegations()
		case "targets":
			t.Targets, err = d.targets()
		}
		return err
	})
}

func (d *decoder) targets() ([]Target, error) {
	var list []Target
	err := d.object(func(name string) error {
		tag, err := reference.ParseTag(name)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrTarget, err)
		}
		target := Target{Tag: tag}
		err = d.record([]string{"hashes", "length"}, func(name string) (err error) {
			if name == "hashes" {
				target.Digest, err = d.hashes()
				return err
			}
			target.Length, err = d.length()
			return err
		})
		list = append(list, target)
		return err
	})
	return list, err
}

// hashes reads the one hash of a target.
func (d *decoder) hashes() (reference.Digest, error) {
	var digest reference.Digest
	n := 0
	err := d.object(func(name string) error {
		text, err := d.text()
		if err != nil {
			return err
		}
		digest, err = reference.ParseDigest(name + ":" + text)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrTarget, err)
		}
		n++
		return nil
	})
	if err != nil {
		return reference.Digest{}, err
	}
	if n != 1 {
		return reference.Digest{}, fmt.Errorf("%w: %d hashes, want one", ErrTarget, n)
	}
	return digest, nil
}

func (d *decoder) length() (uint64, error) {
	n, err := d.integer()
	if err != nil {
		return 0, err
	}
	if n < 1 {
		return 0, fmt.Errorf("%w: length %d", ErrTarget, n)
	}
	return uint64(n), nil
}

// check applies the rules of a target that was not decoded from a file.
func (t Target) check() error {
	if t.Tag.IsZero() || t.Digest.IsZero() || t.Length < 1 || t.Length > MaxInteger {
		return fmt.Errorf("%w: tag %q, digest %q, length %d", ErrTarget, t.Tag, t.Digest, t.Length)
	}
	return nil
}

// check applies the rules that concern several fields.
func (t *Targets) check() error {
	if t.Binding.Role != RoleTargets && !IsDelegatedRole(t.Binding.Role) {
		return fmt.Errorf("%w: targets metadata bound to role %s", ErrBinding, t.Binding.Role)
	}
	if t.Delegations == nil {
		return nil
	}
	return t.Delegations.check(t.Binding.Role)
}

// writeSigned writes the signed part.
func (t *Targets) writeSigned(w *writer) {
	w.raw(`{"_type":"targets",`)
	if t.Delegations != nil {
		w.raw(`"delegations":`)
		t.Delegations.write(w)
		w.raw(`,`)
	}
	t.writeExpires(w)
	w.raw(`,`)
	t.writeSpecVersion(w)
	w.raw(`,"targets":{`)
	for i, target := range t.Targets {
		w.comma(i)
		target.write(w)
	}
	w.raw(`},`)
	t.writeVersion(w)
	w.raw(`,`)
	t.writeBinding(w)
	w.raw(`}`)
}

// write writes the row.
func (t Target) write(w *writer) {
	w.text(t.Tag.String())
	w.raw(`:{"hashes":{`)
	w.text(t.Digest.Algorithm().String())
	w.raw(`:`)
	w.text(t.Digest.Hex())
	w.raw(`},"length":`)
	w.integer(t.Length)
	w.raw(`}`)
}
