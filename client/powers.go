package client

import (
	"slices"
	"strings"

	"hullmark/bundle"
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
	// Role is whose keys or tags they are, By the role whose file says so. A role that
	// is removed takes those below it along.
	Role, By string
	// Before and After are nil where the role was or is nobody's. Of the oldest record
	// that was asked for it may be unknown what was before.
	Before, After *Authority
	Unknown       bool
}

// Takeover says that a record was the first in which keys of a role signed what only
// keys had signed before that are the role's no more. Where the record before had files
// of several roles and does not tell, this is assumed.
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
	tree roleTree
	// lists are the delegations of each role's file, as far as one is known. Like what
	// follows, they are of roles in the tree: one that returns has none.
	lists map[string]*tuf.Delegations
	// signed says who signed the newest file of the role.
	signed map[string]signers
	// tags are those that each role's list has; only followed from the first record.
	tags     map[string]map[reference.Tag]bool
	complete bool
}

// historyRecords says of each record, newest first, what it changed of who may sign.
func historyRecords(list []bundle.HistoryRecord) []HistoryRecord {
	p := &powers{
		tree: make(roleTree), lists: make(map[string]*tuf.Delegations), signed: make(map[string]signers), tags: make(map[string]map[reference.Tag]bool),
	}
	out := make([]HistoryRecord, len(list))
	for i, r := range slices.Backward(list) {
		p.complete = p.complete || r.Revision == 1
		out[i] = p.next(r)
	}
	return out
}

// next returns what a record changed. Its files count in the order in which the ledger
// judged them.
func (p *powers) next(r bundle.HistoryRecord) HistoryRecord {
	out := HistoryRecord{HistoryRecord: r}
	var judged []judgedFile
	if r.Root != nil {
		judged = append(judged, rootFile(p.root, r.Root, r.KeyIDs))
		p.rootChanges(&out)
		p.root = r.Root
	}
	var files []string
	for _, c := range r.Roles {
		if c.Name != tuf.RoleRoot {
			files = append(files, c.Name)
		}
	}
	for len(files) > 0 {
		i := p.tree.nextToJudge(files)
		role := files[i]
		files = slices.Delete(files, i, i+1)
		if t, ok := p.takeover(r, role); ok {
			out.Takeovers = append(out.Takeovers, t)
		}
		judged = append(judged, p.judged(role, r.KeyIDs))
		p.redelegate(&out, role)
	}
	for i, f := range judged {
		if f.role != tuf.RoleRoot {
			p.signed[f.role] = signersOf(judged, i)
		}
	}
	for _, c := range r.TagChanges {
		if p.tags[c.Role] == nil {
			p.tags[c.Role] = make(map[reference.Tag]bool)
		}
		p.tags[c.Role][c.Tag] = c.Op != record.ChangeWithdraw
	}
	return out
}

// rootChanges adds what a record's root changed.
func (p *powers) rootChanges(out *HistoryRecord) {
	before, after := topRoles(p.root), topRoles(out.Root)
	unknown := p.root == nil && !p.complete
	for i, role := range []string{tuf.RoleRoot, tuf.RoleTargets} {
		if unknown || !before[i].equal(after[i]) {
			out.Powers = append(out.Powers, PowerChange{role, tuf.RoleRoot, before[i], after[i], unknown})
		}
	}
}

// redelegate makes the roles below a role what its new file says, and adds what that
// changed. It does what the ledger does (spec, "Roles of a repository"): a file may
// name a role that is another's, and gives it keys once it is nobody's.
func (p *powers) redelegate(out *HistoryRecord, role string) {
	before, known := p.lists[role]
	known = known || p.complete
	after := out.Delegations[role]
	for _, name := range namesIn(before) {
		if authorityIn(after, name) != nil || p.tree[name] != role {
			continue
		}
		below := p.tree.subtree(name)
		for _, r := range below {
			out.Powers = append(out.Powers, PowerChange{Role: r, By: role, Before: p.authority(r)})
		}
		for _, r := range below {
			delete(p.tree, r)
			delete(p.lists, r)
			delete(p.signed, r)
			delete(p.tags, r)
		}
	}
	for _, name := range namesIn(after) {
		parent := p.tree[name]
		if !p.tree.gives(role, name, authorityIn(before, name) != nil) {
			continue
		}
		c := PowerChange{Role: name, By: role, After: authorityIn(after, name), Unknown: !known}
		if known {
			c.Before = p.authority(name)
		}
		if c.Unknown || parent != role || !c.Before.equal(c.After) {
			out.Powers = append(out.Powers, c)
		}
		if parent == "" && known {
			// What it delegated before, in a history without its beginning, need not hold.
			for _, r := range p.tree.subtree(name) {
				delete(p.lists, r)
			}
		}
		p.tree[name] = role
	}
	if order := namesIn(after); known && len(order) > 1 && sameNames(before, after) && !slices.Equal(namesIn(before), order) {
		if out.Order == nil {
			out.Order = make(map[string][]string)
		}
		out.Order[role] = order
	}
	p.lists[role] = after
}

// takeover reports whether a record's file of a role signs what keys had signed that
// hold the role no more, and what that is. It does so too if the record of the file
// before does not tell who had signed that one.
func (p *powers) takeover(r bundle.HistoryRecord, role string) (Takeover, bool) {
	signers, ok := p.signed[role]
	by := p.delegator(role)
	if !ok || by == nil {
		return Takeover{}, false
	}
	if holders, _ := by.Delegated(role); signers.meet(holders, by) {
		return Takeover{}, false
	}
	t := Takeover{Role: role, TagsKnown: p.complete}
	for _, name := range namesIn(r.Delegations[role]) {
		if authorityIn(p.lists[role], name) != nil {
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
	if list := p.lists[p.tree[role]]; list != nil {
		return list
	}
	return nil
}

// authority returns who signs for a delegated role, nil for nobody.
func (p *powers) authority(role string) *Authority {
	return authorityIn(p.lists[p.tree[role]], role)
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

func sameNames(a, b *tuf.Delegations) bool {
	return slices.Equal(slices.Sorted(slices.Values(namesIn(a))), slices.Sorted(slices.Values(namesIn(b))))
}
