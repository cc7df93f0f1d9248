package record

import (
	"slices"
	"time"

	"hullmark/keys"
	"hullmark/tuf"
)

// The names of the top-level roles a publisher signs.
const (
	RoleRoot    = tuf.RoleRoot
	RoleTargets = tuf.RoleTargets
)

// Repository is the map value of a repository: what the ledger knows of its
// roles and of its own history (docs/spec.md, "Repository value").
type Repository struct {
	Profile    Profile
	Registrant string // operator that registered it
	// Revision is the number of records the log holds about the repository.
	Revision uint64
	// RevocationSequence and LiftSequence count statements of each kind.
	RevocationSequence uint64
	LiftSequence       uint64
	// RecoveryCount counts recoveries from a lost root.
	RecoveryCount uint32
	// LastIndex, LastHeight and LastTime say where the newest record stands.
	LastIndex  uint64
	LastHeight uint64
	LastTime   time.Time
	// Quotas are the token buckets for ordinary, revoking and root-signed
	// transactions, in this order.
	Quotas [3]Bucket
	// RootKeys and TargetsKeys are the keys that the current root gives those two
	// roles, ascending. With them a submitter is known without reading the root.
	RootKeys    []keys.ID
	TargetsKeys []keys.ID
	// RemovedVersion is the highest version that any delegated role had when it was
	// removed; zero while none was. The first file of a role follows it, so that no
	// file of a role that returns is accepted twice.
	RemovedVersion uint64
	// Roles are those in the tree, ascending by name.
	Roles []RoleState
}

// Bucket is a token bucket: what was left when it was last touched. It refills
// by height.
type Bucket struct {
	Tokens uint32
	Height uint64
}

// RoleState is what the ledger keeps of one role of a repository.
type RoleState struct {
	Name   string
	Parent string // delegator; empty for root
	// Since is the log index of the record with which a delegated role entered the
	// tree: tags that a role of its name set before are not its own.
	Since uint64
	// Version is that of the stored file, zero before the first.
	Version uint64
	// SignedDigest is the SHA-256 of the signing form of the signed part,
	// FileDigest that of the whole file.
	SignedDigest [32]byte
	FileDigest   [32]byte
	// FileSize is the size of the whole file in bytes. With it the work of
	// replacing the file is known without reading it.
	FileSize uint32
	Expires  time.Time // whole seconds
	// MeetsKeys says whether the stored file meets the keys and threshold its
	// delegator's current file gives the role.
	MeetsKeys bool
	// Narrowed says that the stored file was accepted for tags that the role, or
	// one above it, may not set any more. The next version heals it.
	Narrowed bool
	// Signers are the keys that signed the stored file, ascending. With them the
	// keys it meets are counted again without reading it.
	Signers []keys.ID
	// Keys are those the delegator's current file gives a delegated role,
	// ascending; those of the top-level roles stand in the Repository.
	Keys []keys.ID
	// Patterns is the number of patterns that a tag of a delegated role is compared
	// with at its delegator: its own, and those of terminating roles before it.
	Patterns uint16
	// DelegationsSize and DelegationsDigest are those of the delegations object
	// of the stored file, which is stored by content too; zero without one. With it
	// the files of the roles below are judged without reading this one.
	DelegationsSize   uint32
	DelegationsDigest [32]byte
}

const (
	roleMeetsKeys = 1 << 0
	roleNarrowed  = 1 << 2 // bit 1 was that of removed roles, which had entries once
)

// TopLevel reports whether the role is root or targets, whose keys the root
// lists.
func (s *RoleState) TopLevel() bool { return topLevel(s.Name) }

func topLevel(role string) bool { return role == RoleRoot || role == RoleTargets }

// Role returns the state of a role, or false when the repository never had it.
func (r *Repository) Role(name string) (RoleState, bool) {
	i, ok := r.find(name)
	if !ok {
		return RoleState{}, false
	}
	return r.Roles[i], true
}

// SetRole stores the state of a role, keeping Roles in order.
func (r *Repository) SetRole(s RoleState) {
	i, ok := r.find(s.Name)
	if ok {
		r.Roles[i] = s
		return
	}
	r.Roles = slices.Insert(r.Roles, i, s)
}

func (r *Repository) find(name string) (int, bool) {
	return slices.BinarySearchFunc(r.Roles, name, func(s RoleState, name string) int {
		switch {
		case s.Name < name:
			return -1
		case s.Name > name:
			return 1
		}
		return 0
	})
}

// RemoveRole takes a delegated role out of the tree. All that stays of it is that no
// first file has a version as low as its own.
func (r *Repository) RemoveRole(name string) {
	s, _ := r.Role(name)
	r.RemovedVersion = max(r.RemovedVersion, s.Version)
	r.Roles = slices.DeleteFunc(r.Roles, func(s RoleState) bool { return s.Name == name })
}

// After returns the version that the next file of a role follows.
func (r *Repository) After(name string) uint64 {
	s, _ := r.Role(name)
	return after(name, s.Version, r.RemovedVersion)
}

// after is the version that the next file of a role follows, of which there is a file
// of some version, or none.
func after(name string, version, removed uint64) uint64 {
	if version == 0 && !topLevel(name) {
		return removed
	}
	return version
}

// Owns reports whether a live tag is of the role that its value names, and not of one
// of that name which was removed before.
func (r *Repository) Owns(t *ImageTag) bool {
	s, ok := r.Role(t.Role)
	return ok && t.Index >= s.Since
}

// Effective reports whether a role verifies anything at time t: its file is
// unexpired, meets its delegator's keys and stays within what is delegated to it,
// and so do all files up to the root (docs/spec.md, "Effective roles").
func (r *Repository) Effective(name string, t time.Time) bool {
	for range MaxRoles {
		s, ok := r.Role(name)
		if !ok || !s.MeetsKeys || s.Narrowed || !t.Before(s.Expires) {
			return false
		}
		if s.Name == RoleRoot {
			return true
		}
		name = s.Parent
	}
	return false // a chain longer than there can be roles
}

// Ancestor reports whether one role delegates to another, directly or through
// roles between them.
func (r *Repository) Ancestor(ancestor, name string) bool {
	for range MaxRoles {
		s, ok := r.Role(name)
		if !ok || s.Parent == "" {
			return false
		}
		if s.Parent == ancestor {
			return true
		}
		name = s.Parent
	}
	return false
}

// sizeHint is about what the value takes.
func (r *Repository) sizeHint() int {
	const fixed, perRole, perKey = 256, 256, 32
	n := fixed + perKey*(len(r.RootKeys)+len(r.TargetsKeys))
	for _, s := range r.Roles {
		n += perRole + perKey*(len(s.Signers)+len(s.Keys))
	}
	return n
}

// Encode returns the map value.
func (r *Repository) Encode() []byte {
	e := make(encoder, 0, r.sizeHint())
	e.u8(FormatVersion)
	e.u8(uint8(r.Profile))
	e.str(r.Registrant)
	e.u64(r.Revision)
	e.u64(r.RevocationSequence)
	e.u64(r.LiftSequence)
	e.u32(r.RecoveryCount)
	e.u64(r.LastIndex)
	e.u64(r.LastHeight)
	e.time(r.LastTime)
	for _, q := range r.Quotas {
		e.u32(q.Tokens)
		e.u64(q.Height)
	}
	e.keyIDs(r.RootKeys)
	e.keyIDs(r.TargetsKeys)
	e.u64(r.RemovedVersion)
	e.u16(uint16(len(r.Roles)))
	for _, s := range r.Roles {
		e.str(s.Name)
		e.str(s.Parent)
		e.u64(s.Since)
		e.u64(s.Version)
		e.raw(s.SignedDigest[:])
		e.raw(s.FileDigest[:])
		e.u32(s.FileSize)
		e.u64(uint64(s.Expires.Unix()))
		var flags uint8
		if s.MeetsKeys {
			flags |= roleMeetsKeys
		}
		if s.Narrowed {
			flags |= roleNarrowed
		}
		e.u8(flags)
		e.keyIDs(s.Signers)
		e.keyIDs(s.Keys)
		e.u16(s.Patterns)
		e.u32(s.DelegationsSize)
		if s.DelegationsSize > 0 {
			e.raw(s.DelegationsDigest[:])
		}
	}
	return e
}

// DecodeRepository is the inverse of Repository.Encode.
func DecodeRepository(b []byte) (*Repository, error) {
	d := roomyDecoder(b)
	r := new(Repository)
	d.repositoryHead(r)
	r.RootKeys = d.someKeyIDs(tuf.MaxRoleKeys)
	r.TargetsKeys = d.someKeyIDs(tuf.MaxRoleKeys)
	r.RemovedVersion = d.u64()
	n := d.count(MaxRoles)
	r.Roles = make([]RoleState, 0, min(n, len(d.b)/minRoleSize))
	for range n {
		r.Roles = append(r.Roles, RoleState{})
		d.roleState(&r.Roles[len(r.Roles)-1])
		if n := len(r.Roles); n > 1 && r.Roles[n-2].Name >= r.Roles[n-1].Name {
			d.fail("roles not ascending")
		}
		if d.err != nil {
			break
		}
	}
	if err := d.end("repository value"); err != nil {
		return nil, err
	}
	return r, nil
}

// repositoryHead reads what stands before the keys and the roles.
func (d *decoder) repositoryHead(r *Repository) {
	d.version()
	r.Profile = d.profile()
	r.Registrant = d.name()
	r.Revision = d.u64()
	r.RevocationSequence = d.u64()
	r.LiftSequence = d.u64()
	r.RecoveryCount = d.u32()
	r.LastIndex = d.u64()
	r.LastHeight = d.u64()
	r.LastTime = d.time()
	for i := range r.Quotas {
		r.Quotas[i] = Bucket{Tokens: d.u32(), Height: d.u64()}
	}
}

// minRoleSize is less than any entry of a role takes.
const minRoleSize = 100

func (d *decoder) roleState(s *RoleState) {
	s.Name = d.roleName()
	s.Parent = d.str(MaxRoleName)
	s.Since = d.u64()
	s.Version = d.u64()
	s.SignedDigest = d.hash()
	s.FileDigest = d.hash()
	s.FileSize = d.u32()
	s.Expires = d.seconds()
	flags := d.u8()
	s.MeetsKeys = flags&roleMeetsKeys != 0
	s.Narrowed = flags&roleNarrowed != 0
	s.Signers = d.someKeyIDs(tuf.MaxSignatures)
	s.Keys = d.someKeyIDs(tuf.MaxRoleKeys)
	s.Patterns = d.u16()
	if s.DelegationsSize = d.u32(); s.DelegationsSize > 0 {
		s.DelegationsDigest = d.hash()
	}
	switch {
	case d.err != nil:
	case flags&^(roleMeetsKeys|roleNarrowed) != 0:
		d.fail("unknown role flags %#x", flags)
	case s.Patterns > MaxPatterns:
		d.fail("%d patterns, at most %d", s.Patterns, MaxPatterns)
	case s.TopLevel() && (len(s.Keys) > 0 || s.Patterns > 0 || s.Since > 0):
		d.fail("role %q with keys or patterns, or entered later", s.Name)
	case !validParent(s.Name, s.Parent):
		d.fail("role %q with parent %q", s.Name, s.Parent)
	}
}

// validParent reports whether parent can delegate to a role: nobody to root,
// root to targets, and targets or another delegated role to the rest.
func validParent(role, parent string) bool {
	switch role {
	case RoleRoot:
		return parent == ""
	case RoleTargets:
		return parent == RoleRoot
	default:
		return parent != RoleRoot && parent != role && ValidRole(parent)
	}
}

func (d *decoder) profile() Profile {
	p := Profile(d.u8())
	if d.err == nil && p != ProfileTUF && p != ProfileNotary {
		d.fail("unknown profile %d", p)
	}
	return p
}

func (d *decoder) roleName() string {
	s := d.str(MaxRoleName)
	if d.err == nil && !ValidRole(s) {
		d.fail("bad role name")
	}
	return s
}

// ValidRole reports whether s is a role a publisher signs: root, targets or a
// delegated role as package tuf names them.
func ValidRole(s string) bool {
	return s == RoleRoot || s == RoleTargets || tuf.IsDelegatedRole(s)
}

// seconds reads a time in whole Unix seconds.
func (d *decoder) seconds() time.Time {
	v := d.u64()
	if v > uint64(maxExpires) {
		d.fail("time past the year 9999")
		return time.Time{}
	}
	return time.Unix(int64(v), 0).UTC()
}

// maxExpires is 9999-12-31T23:59:59Z, the last time TUF's text form can write.
const maxExpires = 253402300799

// RootFile is the map value of one version of a repository's root
// (docs/spec.md, "Root value").
type RootFile struct {
	FileDigest [32]byte
}

// Encode returns the map value.
func (r RootFile) Encode() []byte {
	var e encoder
	e.u8(FormatVersion)
	e.raw(r.FileDigest[:])
	return e
}

// DecodeRootFile is the inverse of RootFile.Encode.
func DecodeRootFile(b []byte) (RootFile, error) {
	d := decoder{b: b}
	d.version()
	r := RootFile{FileDigest: d.hash()}
	if err := d.end("root value"); err != nil {
		return RootFile{}, err
	}
	return r, nil
}

// SortKeyIDs returns the ids ascending and without repetition, the form in
// which formats carry them.
func SortKeyIDs(ids []keys.ID) []keys.ID {
	out := slices.Clone(ids)
	slices.SortFunc(out, keys.ID.Compare)
	return slices.Compact(out)
}
