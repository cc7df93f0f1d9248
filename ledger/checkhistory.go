package ledger

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"hullmark/merkle"
	"hullmark/merkle/store"
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
	// repo holds the roles as the files lead to them. Once a file is missing
	// nothing more is known of them, and derived is false.
	repo    *record.Repository
	derived bool
	tags    map[reference.Tag]*record.ImageTag
	vouched map[reference.Digest]*derivedVoucher
	// revocations and lifts count statements.
	revocations, lifts uint64
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
	kind := record.KindPublish
	if done == 0 {
		kind = record.KindRegisterRepository
	} else if r.Kind == record.KindRevoke || r.Kind == record.KindLift {
		kind = r.Kind
	}
	if r.Revision != done+1 || r.Previous != previous || r.Kind != kind || r.Profile != record.ProfileTUF {
		return inconsistent("%s of revision %d after record %d, want %s of revision %d after record %d",
			r.Kind, r.Revision, r.Previous, kind, done+1, previous)
	}
	h.last = r
	if done == 0 {
		for i, q := range h.params.Quotas {
			h.quotas[i] = record.Bucket{Tokens: q.Capacity, Height: r.Height}
		}
	}
	if kind == record.KindRevoke || kind == record.KindLift {
		return h.replayStatement(r)
	}

	var signed []keyID
	var roles []record.RoleChange
	for _, change := range r.Roles {
		switch {
		case change.Name == record.RoleRoot:
			ids, err := h.replayRoots(r, change)
			if err == nil && done > 0 {
				err = h.draw(record.QuotaRoot, r)
			}
			if err != nil {
				return err
			}
			signed = append(signed, ids...)
		case done > 0:
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

// replayRoots verifies the roots a record brought, one after the other, and
// returns the keys that signed them.
func (h *history) replayRoots(r indexedRecord, change record.RoleChange) ([]keyID, error) {
	var signed []keyID
	first := uint64(1)
	if h.root != nil {
		first = h.root.Version + 1
	}
	if change.Version < first || change.Version-first >= record.MaxRotations || h.root == nil && change.Version != 1 {
		return nil, inconsistent("roots from version %d to %d", first, change.Version)
	}
	for version := first; version <= change.Version; version++ {
		key := record.RootKey(h.name, version)
		file, ok, err := load(h.view, key, record.DecodeRootFile)
		if err != nil {
			return nil, fmt.Errorf("couldn't read value of root %d: %w", version, err)
		}
		if !ok {
			return nil, inconsistent("there is no value of root %d", version)
		}
		h.accounted[merkle.KeyPath(key)] = true
		b, err := h.view.Content(file.FileDigest)
		if err != nil {
			return nil, fmt.Errorf("couldn't read root %d: %w", version, err)
		}
		root, err := tuf.ParseRoot(b)
		if err == nil && h.root == nil {
			err = tuf.VerifyFirstRoot(h.verifier, root, h.binding(record.RoleRoot), r.Time)
		} else if err == nil {
			err = tuf.VerifyNextRoot(h.verifier, h.root, root, r.Time)
		}
		if err != nil {
			return nil, inconsistent("root %d: %v", version, err)
		}
		signed = append(signed, root.Signers()...)
		h.root = root
	}
	h.repo.SetRole(rootState(h.root))
	recountTargets(h.repo, h.root)
	if got := roleChange(record.RoleRoot, &h.root.Metadata, [32]byte{}); got != change {
		return nil, inconsistent("record names root %+v, stored is %+v", change, got)
	}
	return signed, nil
}

func (h *history) binding(role string) tuf.Binding {
	return tuf.Binding{Ledger: h.ledger.id, Repository: h.name, Role: role}
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

// replayFiles verifies the role files a record brought, delegators first, and
// returns those that are there: only current ones must be.
func (h *history) replayFiles(r indexedRecord, roles []record.RoleChange) ([]*newFile, error) {
	var scopes []record.Scope
	for _, change := range roles {
		// Without all files it is not known which roles were removed since.
		before := h.current[change.Name].Version
		if h.derived {
			before = h.repo.After(change.Name)
		}
		if change.Version <= before || h.derived && change.Version != before+1 {
			return nil, inconsistent("%s %d after %s %d", change.Name, change.Version, change.Name, before)
		}
		h.current[change.Name] = change
		scopes = append(scopes, record.RoleScope(h.name, change.Name, change.Version))
	}
	var out []*newFile
	for len(scopes) > 0 {
		i := 0
		if h.derived {
			if i = nextToJudge(h.repo, scopes); i < 0 {
				return nil, inconsistent("no role delegates to %s", scopes[0].Role)
			}
		}
		change := h.current[scopes[i].Role]
		scopes = slices.Delete(scopes, i, i+1)
		next, err := h.readFile(change)
		if err != nil {
			return nil, err
		}
		old := h.files[change.Name]
		if h.files[change.Name] = next; next == nil {
			h.derived = false
			continue
		}
		if h.derived {
			if err := h.replayFile(r, change.Name, old, next); err != nil {
				return nil, err
			}
		}
		f := &newFile{role: change.Name, signers: next.Signers()}
		f.put, f.remove = tuf.DiffTargets(old, next)
		out = append(out, f)
	}
	return out, nil
}

// readFile returns the file a record names, or nil if it is missing and need not
// be there.
func (h *history) readFile(change record.RoleChange) (*tuf.Targets, error) {
	if change.Delegations != [32]byte{} {
		// They stay when the file goes.
		if _, err := h.view.Content(change.Delegations); err != nil {
			return nil, fmt.Errorf("couldn't read delegations of %s %d: %w", change.Name, change.Version, err)
		}
	}
	b, err := h.view.Content(change.FileDigest)
	current, _ := h.value.Role(change.Name)
	older := change.Version < current.Version
	removed := change.Version != current.Version && change.Version <= h.value.RemovedVersion && change.Name != record.RoleTargets
	if errors.Is(err, store.ErrNotFound) && (older || removed) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("couldn't read %s %d: %w", change.Name, change.Version, err)
	}
	next, err := tuf.ParseTargets(b)
	if err != nil {
		return nil, inconsistent("%s %d: %v", change.Name, change.Version, err)
	}
	if next.Binding != h.binding(change.Name) {
		return nil, inconsistent("%s %d is bound elsewhere", change.Name, change.Version)
	}
	if got := roleChange(change.Name, &next.Metadata, next.Delegations.Digest()); got != change {
		return nil, inconsistent("record names %s %+v, stored is %+v", change.Name, change, got)
	}
	return next, nil
}

// replayFile judges one file as of its block and puts it into the tree of roles.
func (h *history) replayFile(r indexedRecord, role string, old, next *tuf.Targets) error {
	state, ok := h.repo.Role(role)
	if !ok {
		state = record.RoleState{Name: record.RoleTargets, Parent: record.RoleRoot}
	}
	if !h.repo.Effective(state.Parent, r.Time) {
		return inconsistent("%s %d while %s was not effective", role, next.Version, state.Parent)
	}
	if err := tuf.VerifyTargets(h.verifier, h.delegator(state.Parent), next, h.binding(role), r.Time); err != nil {
		return inconsistent("%s %d: %v", role, next.Version, err)
	}
	if err := h.checkCovered(h.repo, state, next); err != nil {
		return err
	}
	h.repo.SetRole(replacedBy(state, next))
	var before *tuf.Delegations
	if old != nil {
		before = old.Delegations
	}
	removed, err := redelegate(h.repo, role, before, next.Delegations, r.index)
	if err != nil {
		return inconsistent("%s %d: %v", role, next.Version, err)
	}
	for _, gone := range removed {
		delete(h.files, gone.Name)
	}
	return nil
}

// delegator returns the newest file of a role that delegates.
func (h *history) delegator(role string) tuf.Delegator {
	if role == record.RoleRoot {
		return h.root
	}
	if f := h.files[role]; f != nil {
		return f
	}
	return (*tuf.Delegations)(nil)
}

// replacedBy is replaced, with the delegations of the file.
func replacedBy(r record.RoleState, next *tuf.Targets) record.RoleState {
	r = replaced(r, &next.Metadata)
	r.DelegationsSize, r.DelegationsDigest = 0, [32]byte{}
	if next.Delegations != nil {
		b := next.Delegations.Bytes()
		r.DelegationsSize, r.DelegationsDigest = uint32(len(b)), sha256.Sum256(b)
	}
	return r
}

// checkCovered checks that all tags of a file are delegated to its role, all the
// way from targets.
func (h *history) checkCovered(repo *record.Repository, state record.RoleState, file *tuf.Targets) error {
	role := state.Name
	for ok := true; !state.TopLevel(); state, ok = repo.Role(state.Parent) {
		parent := h.files[state.Parent]
		if !ok || parent == nil {
			return inconsistent("there is no file of a role above %s", role)
		}
		reach, _ := parent.Delegations.Reach(state.Name)
		for _, row := range file.Targets {
			if !reach.Covers(row.Tag) {
				return inconsistent("%s lists tag %s, which %s does not delegate to %s", role, row.Tag, state.Parent, state.Name)
			}
		}
	}
	return nil
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
		RevocationSequence: h.revocations, LiftSequence: h.lifts,
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
		if file.Delegations != nil {
			if _, err := h.view.Content(want.DelegationsDigest); err != nil {
				return fmt.Errorf("couldn't read delegations of %s: %w", r.Name, err)
			}
		}
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

// containsAll reports whether all of some key ids are in a list.
func containsAll(list, some []keyID) bool {
	return !slices.ContainsFunc(some, func(id keyID) bool { return !slices.Contains(list, id) })
}
