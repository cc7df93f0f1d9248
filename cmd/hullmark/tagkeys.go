package main

import (
	"fmt"
	"slices"

	"hullmark/bundle"
	"hullmark/change"
	"hullmark/client"
	"hullmark/tuf"
)

// taggingKeys returns the names of the home's keys that sign the tags of a role:
// enough of them, unless only a request is to be written.
func (s *session) taggingKeys(current *bundle.Result, name string, f signingFlags) ([]string, error) {
	if len(f.keys) > 0 {
		return f.keys, nil
	}
	role, _ := change.RoleKeys(client.CurrentOf(current), name)
	names, err := s.keysOf(role)
	if err != nil {
		return nil, err
	}
	if f.file == "" && len(names) < role.Threshold {
		what := "tagging keys"
		if name != tuf.RoleTargets {
			what = "keys of " + name
		}
		return nil, fmt.Errorf("%w: %d of its %d %s must sign, %s", tooFew(len(names)), role.Threshold, len(role.KeyIDs), what, here(len(names)))
	}
	return names, nil
}

// tooFew returns the error for a role of which so many keys are here.
func tooFew(n int) error {
	if n > 0 {
		return errFewKeys
	}
	return errNoKey
}

// here says how many keys are.
func here(n int) string {
	switch n {
	case 0:
		return "none is here"
	case 1:
		return "1 is here"
	default:
		return fmt.Sprintf("%d are here", n)
	}
}

// together returns the name of a key of this home that may submit for several
// repositories at once, and none for one.
func (s *session) together(currents []*bundle.Result) ([]string, error) {
	if len(currents) < 2 {
		return nil, nil
	}
	list, err := s.keys().List()
	if err != nil {
		return nil, err
	}
	for _, info := range list {
		if !info.PublicKey.HasFixedForm() {
			continue
		}
		id := info.PublicKey.ID()
		if !slices.ContainsFunc(currents, func(r *bundle.Result) bool { return !client.CurrentOf(r).MaySubmit(id) }) {
			return []string{info.Name}, nil
		}
	}
	return nil, errNoCommonKey
}
