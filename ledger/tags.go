package ledger

import (
	"slices"
	"strings"

	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// changeTags applies what the new files of a repository change about its tags and
// returns the change list. Only rows that differ from the role's file before do
// anything: a row that stays neither claims a tag nor gives one up. All that is
// given up comes first, so that a tag can move between roles at once.
func (t *transaction) changeTags(s *subject, e *effect) ([]record.TagChange, error) {
	changes := make(map[reference.Tag]record.TagChange)
	for _, f := range e.files {
		for _, row := range f.remove {
			tag, ok, err := t.loadTag(s.name, row.Tag)
			if err != nil {
				return nil, err
			}
			if ok && tag.State == record.TagLive && tag.Role == f.role {
				changes[row.Tag] = tagChange(record.ChangeWithdraw, row, f.role)
			}
		}
	}
	for _, f := range e.files {
		for _, row := range f.put {
			if c, ok := changes[row.Tag]; ok && c.Op == record.ChangeSet {
				return nil, record.Reject(record.CodeTagHeld, "%s and %s both set %s", c.Role, f.role, row.Tag)
			} else if !ok {
				if err := t.checkFree(s, row.Tag, f.role); err != nil {
					return nil, err
				}
			}
			changes[row.Tag] = tagChange(record.ChangeSet, row, f.role)
		}
	}
	list := make([]record.TagChange, 0, len(changes))
	for _, c := range changes { // sorted below
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b record.TagChange) int { return strings.Compare(a.Tag.String(), b.Tag.String()) })
	return list, t.applyTags(s, e, list)
}

func tagChange(op record.ChangeOp, row tuf.Target, role string) record.TagChange {
	return record.TagChange{Op: op, Tag: row.Tag, Digest: row.Digest, Size: row.Length, Role: role}
}

// checkFree checks that a role may set a tag: it holds the tag itself, or nobody
// does, or a role below it. Roles that are not effective hold nothing.
func (t *transaction) checkFree(s *subject, name reference.Tag, role string) error {
	tag, ok, err := t.loadTag(s.name, name)
	if err != nil || !ok || tag.State != record.TagLive || tag.Role == role {
		return err
	}
	if s.repo.Owns(tag) && s.repo.Effective(tag.Role, t.block.Time) && !s.repo.Ancestor(role, tag.Role) {
		return record.Reject(record.CodeTagHeld, "%s holds %s", tag.Role, name)
	}
	return nil
}

func (s *State) loadTag(r reference.Repository, tag reference.Tag) (*record.ImageTag, bool, error) {
	return load(s, record.TagKey(r, tag), record.DecodeImageTag)
}

// applyTags writes the tags that changed, and vouches for the digests that were
// set.
func (t *transaction) applyTags(s *subject, e *effect, changes []record.TagChange) error {
	tagging := make(map[string][]keyID, len(e.files))
	for _, f := range e.files {
		tagging[f.role] = f.signers
	}
	now := record.Publication{Height: t.block.Height, Time: t.block.Time, Index: t.nextIndex()}
	for _, c := range changes {
		tag := record.ImageTag{
			State: record.TagLive, Digest: c.Digest, Size: c.Size, Role: c.Role,
			Index: now.Index, Height: now.Height, Time: now.Time,
		}
		if c.Op == record.ChangeWithdraw {
			tag.State = record.TagWithdrawn
		}
		t.set(record.TagKey(s.name, c.Tag), tag.Encode())
		if c.Op == record.ChangeSet {
			if err := t.vouch(s.name, c.Digest, now, tagging[c.Role], e.offline); err != nil {
				return err
			}
		}
	}
	return nil
}

// vouch records that a repository published a digest. Where several roles do so
// in one record, the keys of all of them are recorded.
func (t *transaction) vouch(name reference.Repository, digest reference.Digest, now record.Publication, tagging, offline []keyID) error {
	key := record.VoucherKey(digest, name)
	v, known, err := load(t, key, record.DecodeVoucher)
	if err != nil {
		return err
	}
	if !known {
		v = new(record.Voucher)
	}
	if v.Revocation != nil {
		return record.Reject(record.CodeRevoked, "%s in %s, at height %d", digest, name, v.Revocation.Height)
	}
	if !v.Published() {
		v.First = now
		image, ok, err := load(t, record.ImageKey(digest), record.DecodeImage)
		if err != nil {
			return err
		}
		if !ok {
			image = new(record.Image)
		}
		image.Count++
		if len(image.Repositories) < record.MaxVouchers && !slices.Contains(image.Repositories, name) {
			image.Repositories = append(image.Repositories, name)
		}
		t.set(record.ImageKey(digest), image.Encode())
	}
	if v.Last == now {
		tagging = record.SortKeyIDs(slices.Concat(v.TaggingKeys, tagging))
	}
	v.Last, v.TaggingKeys, v.RootKeys = now, tagging, offline
	t.set(key, v.Encode())
	return nil
}
