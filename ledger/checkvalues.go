package ledger

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// checkValue compares the repository value with what the records lead to.
func (h *history) checkValue() error {
	s := &State{ledger: h.ledger, view: h.view, params: h.params, overlay: newOverlay(committed{View: h.view})}
	owner, ok, err := s.owner(h.name)
	if err != nil {
		return err
	}
	if !ok {
		return inconsistent("no operator owns a namespace of it")
	}
	want := &record.Repository{
		Profile: record.ProfileTUF, Registrant: owner,
		RevocationSequence: h.repo.RevocationSequence, LiftSequence: h.repo.LiftSequence,
		RootKeys: h.repo.RootKeys, TargetsKeys: h.repo.TargetsKeys,
		Revision: h.last.Revision, LastIndex: h.last.index, LastHeight: h.last.Height, LastTime: h.last.Time,
	}
	if err := h.checkBuckets(); err != nil {
		return err
	}
	want.Quotas = h.value.Quotas
	want.RemovedVersion = h.repo.RemovedVersion
	if want.Roles = h.repo.Roles; !h.derived {
		// What the tree was before the files that are missing cannot be known;
		// checkRoles judges what it is.
		root, _ := h.repo.Role(record.RoleRoot)
		want.Roles = slices.Clone(h.value.Roles)
		want.SetRole(root)
		want.RemovedVersion = h.value.RemovedVersion
	}
	return h.expect(record.RepositoryKey(h.name), want.Encode(), "repository value")
}

// checkBuckets checks the token buckets: those of emergencies follow from the log,
// of the ordinary one only the bounds are known.
func (h *history) checkBuckets() error {
	for class, got := range h.value.Quotas {
		if record.QuotaClass(class) == record.QuotaOrdinary {
			if err := h.checkBucket(got, h.params.Quotas[class]); err != nil {
				return err
			}
		} else if got != h.quotas[class] {
			return inconsistent("bucket %d is %+v and must be %+v", class, got, h.quotas[class])
		}
	}
	return nil
}

// checkRoles checks the role entries by the current files alone: each is that of
// its file, and its parent, keys and flags are what the file of its parent makes
// them.
func (h *history) checkRoles() error {
	for name := range h.files {
		if r, _ := h.value.Role(name); r.Version == 0 {
			delete(h.files, name) // of a role that was removed
		}
	}
	if top := h.files[record.RoleTargets]; top != nil && top.Delegations != nil {
		for _, role := range top.Delegations.Roles {
			// The files of other roles may go on naming one that was taken from them.
			if _, ok := h.value.Role(role.Name); !ok {
				return inconsistent("targets delegates to %s, which is not in the repository value", role.Name)
			}
		}
	}
	for _, r := range h.value.Roles {
		if r.Name == record.RoleRoot {
			continue
		}
		file := h.files[r.Name]
		if r.Version > 0 && (r.Version != h.current[r.Name].Version || file == nil) {
			return inconsistent("the log ends with %s %d, the repository value names %s %d", r.Name, h.current[r.Name].Version, r.Name, r.Version)
		}
		if err := h.checkRole(r, file); err != nil {
			return err
		}
	}
	for _, name := range sortedKeys(h.current, func(role string) string { return role }) {
		r, _ := h.value.Role(name)
		if version := h.current[name].Version; r.Version != version && (r.Version > 0 || version > h.value.RemovedVersion) {
			return inconsistent("the log ends with %s %d, the repository value forgets it", name, version)
		}
	}
	return nil
}

func (h *history) checkRole(r record.RoleState, file *tuf.Targets) error {
	want := record.RoleState{Name: r.Name, Parent: r.Parent, Since: r.Since, Expires: time.Unix(0, 0).UTC()}
	if file != nil {
		want = replacedBy(want, file)
		want.MeetsKeys, want.Narrowed = false, r.Narrowed
	}
	if r.Parent != record.RoleRoot && !h.value.Ancestor(record.RoleRoot, r.Name) {
		return inconsistent("role %s hangs on nothing", r.Name)
	}
	by := h.delegator(r.Parent)
	role, named := by.Delegated(r.Name)
	if !named {
		return inconsistent("%s does not delegate to %s", r.Parent, r.Name)
	}
	if !r.TopLevel() {
		want.Keys = record.SortKeyIDs(role.KeyIDs)
		if parent := h.files[r.Parent]; parent != nil {
			reach, _ := parent.Delegations.Reach(r.Name)
			want.Patterns = uint16(reach.Patterns())
		}
	}
	want.MeetsKeys = role.Met(want.Signers, by.Key)
	if want.MeetsKeys && !want.Narrowed {
		// Whether the file has expired is for whoever asks.
		if err := tuf.VerifyStoredTargets(h.verifier, by, file, h.binding(r.Name), time.Unix(-1, 0)); err != nil {
			return inconsistent("%s %d: %v", r.Name, r.Version, err)
		}
	}
	if file != nil && !want.Narrowed {
		if err := h.checkCovered(h.value, r, file); err != nil {
			return err
		}
	}
	got, expected := record.Repository{Roles: []record.RoleState{r}}, record.Repository{Roles: []record.RoleState{want}}
	if !bytes.Equal(got.Encode(), expected.Encode()) {
		return inconsistent("repository value: role %+v, must be %+v", r, want)
	}
	return nil
}

// checkTags compares the tag values with the change lists, and the live ones
// with the file of the role that holds them too.
func (h *history) checkTags() error {
	for _, name := range sortedKeys(h.tags, reference.Tag.String) {
		tag := h.tags[name]
		if err := h.expect(record.TagKey(h.name, name), tag.Encode(), "value of tag %s", name); err != nil {
			return err
		}
		if tag.State != record.TagLive || !h.value.Owns(tag) {
			continue
		}
		var target tuf.Target
		file, ok := h.files[tag.Role]
		if ok {
			target, ok = file.Target(name)
		}
		if !ok || target.Digest != tag.Digest || target.Length != tag.Size {
			return inconsistent("live tag %s is not in %s %d", name, tag.Role, h.current[tag.Role].Version)
		}
	}
	for _, role := range sortedKeys(h.files, func(role string) string { return role }) {
		for _, row := range h.files[role].Targets {
			if h.tags[row.Tag] == nil {
				return inconsistent("%s lists tag %s, which nobody set", role, row.Tag)
			}
		}
	}
	return nil
}

// checkVouchers compares the vouchers of the repository.
func (h *history) checkVouchers() error {
	for _, digest := range sortedKeys(h.vouched, reference.Digest.String) {
		want, key := h.vouched[digest], record.VoucherKey(digest, h.name)
		if want.taggingUnknown {
			got, ok, err := load(h.view, key, record.DecodeVoucher)
			if err != nil {
				return fmt.Errorf("couldn't read voucher of %s: %w", digest, err)
			}
			if ok && len(got.TaggingKeys) > 0 && containsAll(want.TaggingKeys, got.TaggingKeys) {
				want.TaggingKeys = got.TaggingKeys
			}
		}
		if err := h.expect(key, want.Encode(), "voucher of %s", digest); err != nil {
			return err
		}
	}
	return nil
}
