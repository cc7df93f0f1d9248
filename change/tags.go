package change

import (
	"fmt"
	"slices"
	"time"

	"hullmark/reference"
	"hullmark/tuf"
)

// TagChange is a new meaning of a tag. Without a digest the tag is withdrawn.
type TagChange struct {
	Tag    reference.Tag
	Digest reference.Digest
	Size   uint64 // of the manifest in bytes
}

// DraftTags returns the unsigned next file of a role in which tags mean what changes say.
// Without changes it is the one in force with another expiry. Nil says that the file in
// force, effective now, says it all already. That a tag to withdraw is gone counts only
// once a file of ours took it away (again), lest a misspelt one be reported as done; else it
// is ErrNotFound. What the file in force says and the role's keys have not signed, the
// adoption decides about; the changes decide about the tags that they name.
func DraftTags(current *Current, role string, changes []TagChange, again bool, a Adoption, expires, now time.Time) (*tuf.Targets, error) {
	changed := func(tag string) bool {
		return slices.ContainsFunc(changes, func(c TagChange) bool { return c.Tag.String() == tag })
	}
	if file := current.Files[role]; says(current, role, changes, again, now) {
		return nil, a.stray(file, changed)
	}
	spec, err := inherit(current, role, a, changed)
	if err != nil {
		return nil, err
	}
	return nextTargets(spec, changes, expires)
}

// says reports whether a role's file, effective now, already says what changes make of it.
func says(current *Current, role string, changes []TagChange, again bool, now time.Time) bool {
	file := current.Files[role]
	if file == nil || len(changes) == 0 || file.Expired(now) {
		return false
	}
	if s, ok := current.role(role); !ok || !s.Effective {
		return false
	}
	for _, change := range changes {
		target, listed := file.Target(change.Tag)
		if change.Digest.IsZero() {
			if listed || !again {
				return false
			}
			continue
		}
		if !listed || target != (tuf.Target{Tag: change.Tag, Digest: change.Digest, Length: change.Size}) {
			return false
		}
	}
	return true
}

// NextTargets returns the unsigned successor of a role's file with changes of tags
// applied: what keys that are elsewhere have to sign. Binding is that of the file, and
// current nil before the first. Withdrawing a tag that is not there is an error.
func NextTargets(binding tuf.Binding, current *tuf.Targets, changes []TagChange, expires time.Time) (*tuf.Targets, error) {
	spec := tuf.TargetsSpec{Binding: binding}
	if current != nil {
		spec = current.Spec()
	}
	return nextTargets(spec, changes, expires)
}

// nextTargets is NextTargets on what is taken of the current file.
func nextTargets(spec tuf.TargetsSpec, changes []TagChange, expires time.Time) (*tuf.Targets, error) {
	spec = successor(spec, expires)
	for _, change := range changes {
		i := slices.IndexFunc(spec.Targets, func(t tuf.Target) bool { return t.Tag == change.Tag })
		target := tuf.Target{Tag: change.Tag, Digest: change.Digest, Length: change.Size}
		switch {
		case change.Digest.IsZero() && i < 0:
			return nil, fmt.Errorf("couldn't withdraw %s: %w", spec.Binding.Repository.WithTag(change.Tag), ErrNotFound)
		case change.Digest.IsZero():
			spec.Targets = slices.Delete(spec.Targets, i, i+1)
		case i < 0:
			spec.Targets = append(spec.Targets, target)
		default:
			spec.Targets[i] = target
		}
	}
	return tuf.NewTargets(spec)
}

// successor returns the content of the file that follows one, so far without changes.
func successor(spec tuf.TargetsSpec, expires time.Time) tuf.TargetsSpec {
	spec.Version++
	spec.Expires = expires
	return spec
}
