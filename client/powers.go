package client

import (
	"slices"
	"strings"

	"hullmark/bundle"
	"hullmark/keys"
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// Authority is who may sign for a role and, of a delegated one, for which tags.
type Authority struct {
	tuf.Role
	Paths       []string
	Terminating bool
}

// equal reports whether both hand out the same.
func (a *Authority) equal(b *Authority) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Threshold == b.Threshold && slices.Equal(record.SortKeyIDs(a.KeyIDs), record.SortKeyIDs(b.KeyIDs)) &&
		slices.Equal(a.Paths, b.Paths) && a.Terminating == b.Terminating
}

// PowerChange says that a record gave a role other keys or tags.
type PowerChange struct {
	// Role is whose keys or tags they are, By the role whose file says so.
	Role, By string
	// Before and After are nil where the role was or is nobody's. Of the oldest record
	// that was asked for it may be unknown what was before.
	Before, After *Authority
	Unknown       bool
}

// Takeover says that a record was the first in which keys of a role signed what only
// keys had signed before that are the role's no more.
type Takeover struct {
	Role string
	// Tags are those taken over. They are known if the history at hand begins with the
	// first record.
	Tags      []reference.Tag
	TagsKnown bool
	// Delegations are the roles taken over.
	Delegations []string
}

// HistoryRecord is a record of a repository with what it changed of who may sign.
type HistoryRecord struct {
	bundle.HistoryRecord
	Powers []PowerChange
	// Order has the roles to which files delegate, by the delegating role, in order of
	// precedence, where that is all that changed of them.
	Order     map[string][]string
	Takeovers []Takeover
}

// powers follows who may sign over the records of a repository, oldest first.
type powers struct {
	root *tuf.Root // nil before the first that is known
	// lists are the delegations of each role's file, as far as one is known.
	lists map[string]*tuf.Delegations
	// signed are the keys of the record that last brought a file of the role.
	signed map[string][]keys.ID
	// tags are those that each role's list has; only followed from the first record.
	tags     map[string]map[reference.Tag]bool
	complete bool
}

// historyRecords says of each record, newest first, what it changed of who may sign.
func historyRecords(list []bundle.HistoryRecord) []HistoryRecord {
	p := &powers{lists: make(map[string]*tuf.Delegations), signed: make(map[string][]keys.ID), tags: make(map[string]map[reference.Tag]bool)}
	out := make([]HistoryRecord, len(list))
	for i, r := range slices.Backward(list) {
		p.complete = p.complete || r.Revision == 1
		out[i] = p.next(r)
	}
	return out
}

// next returns what a record changed.
func (p *powers) next(r bundle.HistoryRecord) HistoryRecord {
	out := HistoryRecord{HistoryRecord: r}
	change := func(role, by string, before, after *Authority, unknown bool) {
		if unknown || !before.equal(after) {
			out.Powers = append(out.Powers, PowerChange{role, by, before, after, unknown})
		}
	}
	if r.Root != nil {
		before, after := topRoles(p.root), topRoles(r.Root)
		for i, role := range []string{tuf.RoleRoot, tuf.RoleTargets} {
			change(role, tuf.RoleRoot, before[i], after[i], p.root == nil && !p.complete)
		}
		p.root = r.Root
	}
	for _, c := range r.Roles {
		if c.Name == tuf.RoleRoot {
			continue
		}
		before, known := p.lists[c.Name]
		after := r.Delegations[c.Name]
		known = known || p.complete
		for _, name := range delegatedNames(before, after) {
			change(name, c.Name, authorityIn(before, name), authorityIn(after, name), !known)
		}
		if order := namesIn(after); known && len(order) > 1 && sameNames(before, after) && !slices.Equal(namesIn(before), order) {
			if out.Order == nil {
				out.Order = make(map[string][]string)
			}
			out.Order[c.Name] = order
		}
		p.lists[c.Name] = after
		if t, ok := p.takeover(r, c.Name, before, after); ok {
			out.Takeovers = append(out.Takeovers, t)
		}
	}
	for _, c := range r.Roles {
		p.signed[c.Name] = r.KeyIDs
	}
	for _, c := range r.TagChanges {
		if p.tags[c.Role] == nil {
			p.tags[c.Role] = make(map[reference.Tag]bool)
		}
		p.tags[c.Role][c.Tag] = c.Op != record.ChangeWithdraw
	}
	return out
}

// takeover reports whether a record signs what keys had signed that hold the role no
// more, and what that is.
func (p *powers) takeover(r bundle.HistoryRecord, role string, before, after *tuf.Delegations) (Takeover, bool) {
	signers, ok := p.signed[role]
	by := p.delegator(role)
	if !ok || by == nil {
		return Takeover{}, false
	}
	if holders, _ := by.Delegated(role); holders.Met(signers, by.Key) {
		return Takeover{}, false
	}
	t := Takeover{Role: role, TagsKnown: p.complete}
	for _, name := range namesIn(after) {
		if authorityIn(before, name) != nil {
			t.Delegations = append(t.Delegations, name)
		}
	}
	for tag, listed := range p.tags[role] {
		if listed && !slices.ContainsFunc(r.TagChanges, func(c record.TagChange) bool { return c.Tag == tag }) {
			t.Tags = append(t.Tags, tag)
		}
	}
	slices.SortFunc(t.Tags, func(a, b reference.Tag) int { return strings.Compare(a.String(), b.String()) })
	if !t.TagsKnown {
		t.Tags = nil
	}
	return t, !t.TagsKnown || len(t.Tags)+len(t.Delegations) > 0
}

// delegator returns what says who signs for a role, nil when it is not known.
func (p *powers) delegator(role string) tuf.Delegator {
	if role == tuf.RoleTargets {
		if p.root == nil {
			return nil
		}
		return p.root
	}
	// Files of roles that were removed are known too, and delegate to nobody.
	reached := []string{tuf.RoleTargets}
	for i := 0; i < len(reached); i++ {
		list := p.lists[reached[i]]
		if _, ok := list.Role(role); ok {
			return list
		}
		for _, name := range namesIn(list) {
			if !slices.Contains(reached, name) {
				reached = append(reached, name)
			}
		}
	}
	return nil
}

// topRoles returns who signs for the root and for targets.
func topRoles(root *tuf.Root) [2]*Authority {
	if root == nil {
		return [2]*Authority{}
	}
	return [2]*Authority{{Role: root.Roles.Root}, {Role: root.Roles.Targets}}
}

func authorityIn(list *tuf.Delegations, name string) *Authority {
	role, ok := list.Role(name)
	if !ok {
		return nil
	}
	return &Authority{role.Role, role.Paths, role.Terminating}
}

// namesIn returns the roles to which a file delegates, in order of precedence.
func namesIn(list *tuf.Delegations) []string {
	if list == nil {
		return nil
	}
	var out []string
	for _, role := range list.Roles {
		out = append(out, role.Name)
	}
	return out
}

// delegatedNames returns the roles of either, those of the second first.
func delegatedNames(before, after *tuf.Delegations) []string {
	out := namesIn(after)
	for _, name := range namesIn(before) {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

func sameNames(a, b *tuf.Delegations) bool {
	return slices.Equal(slices.Sorted(slices.Values(namesIn(a))), slices.Sorted(slices.Values(namesIn(b))))
}
