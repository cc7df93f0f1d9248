package ledger

import (
	"fmt"
	"slices"

	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// history is the replay of one repository's records.
type history struct {
	*checker
	name  reference.Repository
	value *record.Repository // as the map has it

	// The state after the records replayed so far.
	last    indexedRecord
	root    *tuf.Root
	current map[string]record.RoleChange // newest version of each role but root
	files   map[string]*tuf.Targets      // of these, where the file is there
	// repo holds the roles as the files lead to them, and counts statements. Once a file is
	// missing nothing more is known of the roles, and derived is false.
	repo    *record.Repository
	derived bool
	tags    map[reference.Tag]*record.ImageTag
	vouched map[reference.Digest]*derivedVoucher
	// quotas are the buckets that only emergencies draw on.
	quotas [3]record.Bucket
}

// derivedVoucher is a voucher value as the log gives it.
type derivedVoucher struct {
	record.Voucher
	// taggingUnknown says that the file whose signers are the tagging keys is
	// missing, so that only a superset of them is known.
	taggingUnknown bool
}

func newHistory(c *checker, name reference.Repository) *history {
	return &history{
		checker: c,
		name:    name,
		current: make(map[string]record.RoleChange),
		files:   make(map[string]*tuf.Targets),
		repo:    new(record.Repository),
		derived: true,
		tags:    make(map[reference.Tag]*record.ImageTag),
		vouched: make(map[reference.Digest]*derivedVoucher),
	}
}

func (h *history) check() error {
	var ok bool
	var err error
	if h.value, ok, err = load(h.view, record.RepositoryKey(h.name), record.DecodeRepository); err != nil {
		return fmt.Errorf("couldn't read repository value: %w", err)
	}
	if !ok {
		return inconsistent("there is no repository value")
	}
	for i, r := range h.records[h.name] {
		if err := h.replay(uint64(i), r); err != nil {
			return fmt.Errorf("log record %d: %w", r.index, err)
		}
	}
	if err := h.checkValue(); err != nil {
		return err
	}
	if err := h.checkRoles(); err != nil {
		return err
	}
	if err := h.checkTags(); err != nil {
		return err
	}
	return h.checkVouchers()
}

// replay checks one record against those before it and applies it.
func (h *history) replay(done uint64, r indexedRecord) error {
	previous := uint64(record.NoRecord)
	if done > 0 {
		previous = h.last.index
	}
	k, ok := kindOf(r.Kind)
	if ok = ok && (r.Kind == record.KindRegisterRepository) == (done == 0); !ok ||
		r.Revision != done+1 || r.Previous != previous || r.Profile != record.ProfileTUF {
		return inconsistent("%s of revision %d after record %d, where revision %d after record %d comes next",
			r.Kind, r.Revision, r.Previous, done+1, previous)
	}
	h.last = r
	if done == 0 {
		for i, q := range h.params.Quotas {
			h.quotas[i] = record.Bucket{Tokens: q.Capacity, Height: r.Height}
		}
	}
	return k.replay(h, r)
}

// replayFilesOf checks a record of files. A registration has the first root alone.
func (h *history) replayFilesOf(r indexedRecord) error {
	first := h.root == nil
	var signed []keyID
	var roles []record.RoleChange
	for _, change := range r.Roles {
		switch {
		case change.Name == record.RoleRoot:
			ids, err := h.replayRoots(r, change)
			if err == nil && !first {
				err = h.draw(record.QuotaRoot, r)
			}
			if err != nil {
				return err
			}
			signed = append(signed, ids...)
		case !first:
			roles = append(roles, change)
		default:
			return inconsistent("%s changes role %s", r.Kind, change.Name)
		}
	}
	if len(r.Roles) == 0 {
		return inconsistent("changes no role")
	}
	changes, err := h.readChanges(r)
	if err != nil {
		return err
	}
	files, err := h.replayFiles(r, roles)
	if err != nil {
		return err
	}
	complete := len(files) == len(roles)
	for _, f := range files {
		signed = append(signed, f.signers...)
	}
	if signed = record.SortKeyIDs(signed); complete && !slices.Equal(signed, r.KeyIDs) || !containsAll(r.KeyIDs, signed) {
		return inconsistent("key ids %v, the files are signed by %v", r.KeyIDs, signed)
	}
	if h.derived {
		if err := h.deriveChanges(r, files, changes); err != nil {
			return err
		}
	}
	return h.replayChanges(r, files, changes)
}

// readChanges reads the change list of a record.
func (h *history) readChanges(r indexedRecord) ([]record.TagChange, error) {
	b, err := h.view.Content(r.ChangesHash)
	if err != nil {
		return nil, fmt.Errorf("couldn't read change list: %w", err)
	}
	changes, err := record.DecodeChanges(b)
	if err != nil {
		return nil, inconsistent("%v", err)
	}
	if len(changes) != int(r.Changes) {
		return nil, inconsistent("change list of %d, the record says %d", len(changes), r.Changes)
	}
	return changes, nil
}

// deriveChanges checks that a change list is what follows from the files of a
// record and the tags before it.
func (h *history) deriveChanges(r indexedRecord, files []*newFile, changes []record.TagChange) error {
	want := make(map[reference.Tag]record.TagChange)
	for _, f := range files {
		for _, row := range f.remove {
			if tag := h.tags[row.Tag]; tag != nil && tag.State == record.TagLive && tag.Role == f.role && h.repo.Owns(tag) {
				want[row.Tag] = tagChange(record.ChangeWithdraw, row, f.role)
			}
		}
	}
	for _, f := range files {
		for _, row := range f.put {
			tag, given := h.tags[row.Tag], want[row.Tag]
			held := tag != nil && tag.State == record.TagLive && tag.Role != f.role && given.Op != record.ChangeWithdraw &&
				h.repo.Owns(tag) && h.repo.Effective(tag.Role, r.Time) && !h.repo.Ancestor(f.role, tag.Role)
			if held || given.Op == record.ChangeSet {
				return inconsistent("%s sets tag %s, which another role holds", f.role, row.Tag)
			}
			want[row.Tag] = tagChange(record.ChangeSet, row, f.role)
		}
	}
	for _, c := range changes {
		if want[c.Tag] != c {
			return inconsistent("change list is not what the files lead to: tag %s", c.Tag)
		}
	}
	if len(want) != len(changes) {
		return inconsistent("change list of %d tags, the files change %d", len(changes), len(want))
	}
	return nil
}

// replayChanges applies the change list of a record to tags and vouchers. files
// are those of the record that are there.
func (h *history) replayChanges(r indexedRecord, files []*newFile, changes []record.TagChange) error {
	now := record.Publication{Height: r.Height, Time: r.Time, Index: r.index}
	for _, c := range changes {
		if !slices.ContainsFunc(r.Roles, func(change record.RoleChange) bool { return change.Name == c.Role }) {
			return inconsistent("tag %s is changed by %s, of which the record has no file", c.Tag, c.Role)
		}
		old := h.tags[c.Tag]
		same := old != nil && old.State == record.TagLive && old.Role == c.Role && old.Digest == c.Digest && old.Size == c.Size
		tag := &record.ImageTag{
			State: record.TagLive, Digest: c.Digest, Size: c.Size, Role: c.Role,
			Index: now.Index, Height: now.Height, Time: now.Time,
		}
		h.tags[c.Tag] = tag
		if c.Op == record.ChangeWithdraw {
			if !same {
				return inconsistent("tag %s is withdrawn from what it did not mean", c.Tag)
			}
			tag.State = record.TagWithdrawn
			continue
		}
		if same && (c.Role == record.RoleTargets || h.derived && h.repo.Owns(old)) {
			return inconsistent("tag %s is set to what it means", c.Tag)
		}
		v := h.vouched[c.Digest]
		if v == nil {
			v = new(derivedVoucher)
			h.vouched[c.Digest] = v
		}
		if v.Revocation != nil {
			return inconsistent("tag %s is set to a revoked digest", c.Tag)
		}
		if !v.Published() {
			v.First = now
			h.vouchers[c.Digest] = append(h.vouchers[c.Digest], vouch{repository: h.name, index: r.index})
		}
		if v.Last != now {
			v.TaggingKeys, v.taggingUnknown = nil, false
		}
		v.Last, v.RootKeys = now, signers(h.root.Signatures, h.root.Roles.Root.KeyIDs)
		i := slices.IndexFunc(files, func(f *newFile) bool { return f.role == c.Role })
		if i < 0 {
			v.TaggingKeys, v.taggingUnknown = r.KeyIDs, true
		} else {
			v.TaggingKeys = record.SortKeyIDs(slices.Concat(v.TaggingKeys, files[i].signers))
		}
	}
	return nil
}

// containsAll reports whether all of some key ids are in a list.
func containsAll(list, some []keyID) bool {
	return !slices.ContainsFunc(some, func(id keyID) bool { return !slices.Contains(list, id) })
}
