package main

import (
	"hullmark/internal/cli"
	"hullmark/record"
	"hullmark/reference"
)

// parseTagged reads references that name tags, each once.
func parseTagged(texts []string) ([]reference.Reference, error) {
	seen := make(map[string]bool)
	counts := make(map[reference.Repository]int)
	var refs []reference.Reference
	for _, text := range texts {
		ref, err := parseReference(text)
		if err != nil {
			return nil, err
		}
		tag, ok := ref.Tag()
		if !ok {
			return nil, cli.Usage("%s has no tag", ref)
		}
		name := ref.Repository().WithTag(tag).String()
		if seen[name] {
			return nil, cli.Usage("tag %s is named twice", name)
		}
		seen[name] = true
		if counts[ref.Repository()]++; counts[ref.Repository()] > record.MaxChanges {
			return nil, cli.Usage("more than %d tags of %s at once; name them in several commands", record.MaxChanges, ref.Repository())
		}
		refs = append(refs, ref)
	}
	return refs, nil
}

// tagGroup is what is to change in one repository.
type tagGroup struct {
	repository reference.Repository
	refs       []reference.Reference
	// role is the one whose list changes, when it is not the one of --role.
	role string
	// gone are tags to withdraw that were withdrawn already.
	gone []goneTag
}

// group sorts references by repository, in the order in which they come.
func group(refs []reference.Reference) []tagGroup {
	var groups []tagGroup
	at := make(map[reference.Repository]int)
	for _, ref := range refs {
		i, ok := at[ref.Repository()]
		if !ok {
			i = len(groups)
			at[ref.Repository()] = i
			groups = append(groups, tagGroup{repository: ref.Repository()})
		}
		groups[i].refs = append(groups[i].refs, ref)
	}
	return groups
}
