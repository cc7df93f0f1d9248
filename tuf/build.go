package tuf

import (
	"fmt"
	"slices"
	"time"

	"hullmark/keys"
)

// RootSpec is the content of a root file to be made.
type RootSpec struct {
	Version uint64
	Expires time.Time // whole seconds
	Binding Binding   // with RoleRoot
	Keys    []keys.PublicKey
	Roles   Roles
}

// TargetsSpec is the content of a targets file to be made.
type TargetsSpec struct {
	Version     uint64
	Expires     time.Time // whole seconds
	Binding     Binding
	Targets     []Target
	Delegations *Delegations
}

// NewRoot makes a root file without signatures. Its SignedBytes are what the
// keys have to sign. Keys may come in any order, and more than once.
func NewRoot(spec RootSpec) (*Root, error) {
	r := &Root{
		Metadata: newMetadata(spec.Version, spec.Expires, spec.Binding),
		Keys:     sortKeys(spec.Keys),
		Roles:    spec.Roles,
	}
	r, err := r.build()
	if err != nil {
		return nil, fmt.Errorf("couldn't make root metadata: %w", err)
	}
	return r, nil
}

// NewTargets makes a targets file without signatures. Its SignedBytes are what
// the keys have to sign. Targets and delegation keys may come in any order;
// that of delegated roles is their precedence.
func NewTargets(spec TargetsSpec) (*Targets, error) {
	t := &Targets{
		Metadata: newMetadata(spec.Version, spec.Expires, spec.Binding),
		Targets:  slices.Clone(spec.Targets),
	}
	slices.SortStableFunc(t.Targets, func(a, b Target) int { return compareTag(a, b.Tag.String()) })
	if spec.Delegations != nil {
		t.Delegations = &Delegations{
			Keys:  sortKeys(spec.Delegations.Keys),
			Roles: spec.Delegations.Roles,
		}
	}
	t, err := t.build()
	if err != nil {
		return nil, fmt.Errorf("couldn't make targets metadata: %w", err)
	}
	return t, nil
}

func newMetadata(version uint64, expires time.Time, binding Binding) Metadata {
	return Metadata{Version: version, Expires: expires.UTC(), SpecVersion: SpecVersion, Binding: binding}
}

// sortKeys returns the keys sorted by id, each once.
func sortKeys(set []keys.PublicKey) []keys.PublicKey {
	sorted := slices.Clone(set)
	slices.SortFunc(sorted, func(a, b keys.PublicKey) int { return a.ID().Compare(b.ID()) })
	return slices.CompactFunc(sorted, keys.PublicKey.Equal)
}

// build writes the file and reads it again, so that nothing is made that would
// not be accepted. What it returns shares no memory with r.
func (r *Root) build() (*Root, error) {
	if err := r.checkCommon(); err != nil {
		return nil, err
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	r.encode(0, r.writeSigned)
	return parseRoot(r.file)
}

func (t *Targets) build() (*Targets, error) {
	if err := t.checkCommon(); err != nil {
		return nil, err
	}
	for _, target := range t.Targets {
		if err := target.check(); err != nil {
			return nil, err
		}
	}
	if err := t.check(); err != nil {
		return nil, err
	}
	t.encode(0, t.writeSigned)
	return parseTargets(t.file)
}

// Spec returns the content of the file, as a start for its successor.
func (r *Root) Spec() RootSpec {
	return RootSpec{
		Version: r.Version,
		Expires: r.Expires,
		Binding: r.Binding,
		Keys:    slices.Clone(r.Keys),
		Roles: Roles{
			Root:      r.Roles.Root.clone(),
			Snapshot:  r.Roles.Snapshot.clone(),
			Targets:   r.Roles.Targets.clone(),
			Timestamp: r.Roles.Timestamp.clone(),
		},
	}
}

// Spec returns the content of the file, as a start for its successor.
func (t *Targets) Spec() TargetsSpec {
	spec := TargetsSpec{
		Version: t.Version,
		Expires: t.Expires,
		Binding: t.Binding,
		Targets: slices.Clone(t.Targets),
	}
	if t.Delegations != nil {
		spec.Delegations = &Delegations{
			Keys:  slices.Clone(t.Delegations.Keys),
			Roles: slices.Clone(t.Delegations.Roles),
		}
		for i, role := range spec.Delegations.Roles {
			spec.Delegations.Roles[i].Role = role.Role.clone()
			spec.Delegations.Roles[i].Paths = slices.Clone(role.Paths)
		}
	}
	return spec
}
