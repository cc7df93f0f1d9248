package tuf

import (
	"fmt"
	"slices"
	"time"

	"hullmark/reference"
)

// Delta is the change from one targets file to its successor. It carries what
// differs, so that a routine publish costs the same at any number of tags.
type Delta struct {
	Base    [32]byte // signed digest of the file that changes
	Version uint64
	Expires time.Time       // UTC, whole seconds
	Put     []Target        // sorted by tag; each new or with other content
	Remove  []reference.Tag // sorted; each present
	// Delegations are those of the successor if Redelegate is set, nil for none.
	// Else it delegates as the base does.
	Redelegate  bool
	Delegations *Delegations
	Signatures  []Signature // over the rebuilt signing form; sorted by key id
}

// Delta returns the change that leads from t to its successor, signatures
// included. The two must have the same binding and specification version, which
// no delta changes.
func (t *Targets) Delta(next *Targets) (Delta, error) {
	if next.Binding != t.Binding || next.SpecVersion != t.SpecVersion {
		return Delta{}, fmt.Errorf("couldn't make delta of %s: %w: another binding or specification version", t.Binding.Role, ErrDelta)
	}
	put, remove := DiffTargets(t, next)
	delta := Delta{
		Base: t.signedDigest, Version: next.Version, Expires: next.Expires, Put: put,
		Signatures: cloneSignatures(next.Signatures),
	}
	for _, target := range remove {
		delta.Remove = append(delta.Remove, target.Tag)
	}
	if !t.Delegations.equal(next.Delegations) {
		delta.Redelegate, delta.Delegations = true, next.Delegations
	}
	return delta, nil
}

// DiffTargets lists the rows of next that old has not or has otherwise, and the
// rows of old whose tags next has not, both ascending by tag. Either file may be
// nil, which counts as one without rows.
func DiffTargets(old, next *Targets) (put, remove []Target) {
	var before, after []Target
	if old != nil {
		before = old.Targets
	}
	if next != nil {
		after = next.Targets
	}
	for _, row := range after {
		for len(before) > 0 && compareTag(before[0], row.Tag.String()) < 0 {
			remove = append(remove, before[0])
			before = before[1:]
		}
		if len(before) > 0 && before[0].Tag == row.Tag {
			if before[0] != row {
				put = append(put, row)
			}
			before = before[1:]
			continue
		}
		put = append(put, row)
	}
	return put, append(remove, before...)
}

// Apply rebuilds the file that the delta stands for. What the delta does not
// carry, such as the specification version, is taken over from t. The result is the same as that of ParseTargets on the whole
// file, and judged by VerifyTargets like it. A delta without changes is valid:
// it raises the version and renews expiry and signatures. A publisher applies a
// delta without signatures to learn what to sign.
func (t *Targets) Apply(delta Delta) (*Targets, error) {
	next, err := t.apply(delta)
	if err != nil {
		return nil, fmt.Errorf("couldn't apply delta to %s: %w", t.Binding.Role, err)
	}
	return next, nil
}

func (t *Targets) apply(delta Delta) (*Targets, error) {
	if delta.Base != t.signedDigest {
		return nil, ErrStaleBase
	}
	rows, err := mergeTargets(t.Targets, delta.Put, delta.Remove)
	if err != nil {
		return nil, err
	}
	next := &Targets{
		Metadata: Metadata{
			Version:     delta.Version,
			Expires:     delta.Expires,
			SpecVersion: t.SpecVersion,
			Binding:     t.Binding,
			Signatures:  cloneSignatures(delta.Signatures),
		},
		Targets:     rows,
		Delegations: t.Delegations,
	}
	if err := next.checkCommon(); err != nil {
		return nil, err
	}
	if delta.Redelegate {
		if delta.Delegations.equal(t.Delegations) {
			return nil, fmt.Errorf("%w: delegations are these already", ErrDelta)
		}
		if next.Delegations = delta.Delegations; next.Delegations != nil {
			next.Delegations = &Delegations{Keys: sortKeys(delta.Delegations.Keys), Roles: delta.Delegations.Roles}
		}
		if err := next.check(); err != nil {
			return nil, err
		}
	}
	next.encode(len(t.file), next.writeSigned)
	if len(next.file) > MaxTargetsSize {
		return nil, fmt.Errorf("%w: %d bytes, limit %d", ErrTooLarge, len(next.file), MaxTargetsSize)
	}
	return next, nil
}

func cloneSignatures(list []Signature) []Signature {
	clone := slices.Clone(list)
	for i := range clone {
		clone[i].Sig = slices.Clone(clone[i].Sig)
	}
	return clone
}

// mergeTargets returns the sorted rows with put written and remove removed.
func mergeTargets(rows, put []Target, remove []reference.Tag) ([]Target, error) {
	if err := checkRows(put, remove); err != nil {
		return nil, err
	}
	merged := make([]Target, 0, len(rows)+len(put))
	for _, row := range rows {
		for len(put) > 0 && compareTag(put[0], row.Tag.String()) < 0 {
			merged = append(merged, put[0])
			put = put[1:]
		}
		switch {
		case len(put) > 0 && put[0].Tag == row.Tag:
			if put[0] == row {
				return nil, fmt.Errorf("%w: tag %s has that meaning already", ErrDelta, row.Tag)
			}
			merged = append(merged, put[0])
			put = put[1:]
		case len(remove) > 0 && remove[0] == row.Tag:
			remove = remove[1:]
		default:
			merged = append(merged, row)
		}
	}
	if len(remove) > 0 {
		return nil, fmt.Errorf("%w: tag %s to remove is absent", ErrDelta, remove[0])
	}
	return append(merged, put...), nil
}
