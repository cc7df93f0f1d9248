package record

import (
	"encoding/binary"
	"slices"
	"strings"

	"hullmark/keys"
	"hullmark/tuf"
)

// StoredRepository reads an encoded repository value where it stands: what a
// transaction is asked before its submitter's signature has verified. It allocates next
// to nothing however many roles there are, and leaves the rest to Decode. It trusts the
// bytes, which the ledger itself wrote: it checks where fields end and little else. The
// zero value is that of a repository of which nothing is known. It must not be modified,
// and is for one goroutine.
type StoredRepository struct {
	value []byte
	head  Repository // without keys and roles
	// counts and files are parts of the value: see Parts.
	counts, files         []byte
	rootKeys, targetsKeys []byte
	removedVersion        uint64
	roles                 []rolePlace
	parents               []int8 // places of the delegators of the roles, -1 for none; see Lineage
}

// rolePlace is where the entry of a role stands in the value, and its keys.
type rolePlace struct {
	at, keys uint32
	count    uint16 // of the keys
}

// StoredRole reads the entry of one role of a repository.
type StoredRole struct {
	// Version is that of the stored file, zero before the first.
	Version uint64
	// FileSize and DelegationsSize are the sizes in bytes of the stored file and of the
	// delegations object in it.
	FileSize, DelegationsSize uint32
	// Patterns and Narrowed are those of RoleState.
	Patterns uint16
	Narrowed bool

	name []byte
}

// Lineage sums up a role and those above it, for the work of judging its files.
type Lineage struct {
	// Patterns with which a tag of the role is compared: its own, those of its delegator
	// and so on, up to the role below targets.
	Patterns int
	// DelegationsSize is the size in bytes of the delegations objects of all roles above.
	DelegationsSize int
}

// OpenRepository finds the parts of an encoded repository value (ErrEncoding).
func OpenRepository(value []byte) (*StoredRepository, error) {
	d := decoder{b: value}
	s := &StoredRepository{value: value}
	d.repositoryHead(&s.head)
	if d.err == nil {
		at := 2 + 2 + len(s.head.Registrant) + 8 // version, profile, registrant, revision
		s.counts, s.files = value[at:at+8+8+4], d.b
	}
	s.rootKeys = d.keyIDBytes(tuf.MaxRoleKeys)
	s.targetsKeys = d.keyIDBytes(tuf.MaxRoleKeys)
	s.removedVersion = d.u64()
	s.roles = make([]rolePlace, d.count(MaxRoles))
	if d.err == nil {
		end := s.findRoles(len(value) - len(d.b))
		d.take(end - (len(value) - len(d.b)))
	}
	if err := d.end("repository value"); err != nil {
		return nil, err
	}
	return s, nil
}

// findRoles finds the entries of the roles and returns where they end. It is beyond the
// value if it is cut short.
func (s *StoredRepository) findRoles(at int) int {
	for i := range s.roles {
		p := &s.roles[i]
		p.at = uint32(at)
		at = s.listEnd(at, 1) // name
		at = s.listEnd(at, 1) // parent
		at += roleFixed
		at = s.listEnd(at, len(keys.ID{})) // signers
		p.keys = uint32(at + 2)
		at = s.listEnd(at, len(keys.ID{}))
		p.count = uint16((at - int(p.keys)) / len(keys.ID{}))
		at += 2 // patterns
		if at+4 > len(s.value) {
			return len(s.value) + 1
		}
		if binary.BigEndian.Uint32(s.value[at:]) > 0 {
			at += 32 // digest of the delegations
		}
		at += 4
	}
	return at
}

// listEnd returns where a text or list ends whose 16-bit length stands at a place.
func (s *StoredRepository) listEnd(at, size int) int {
	if at+2 > len(s.value) {
		return len(s.value)
	}
	return at + 2 + size*int(binary.BigEndian.Uint16(s.value[at:]))
}

// roleFixed is the size of what stands in the entry of a role between its parent and its
// signers: since, version, two digests, file size, expiry, flags.
const roleFixed = 8 + 8 + 32 + 32 + 4 + 8 + 1

// text returns the text whose length stands at a place, and where it ends.
func (s *StoredRepository) text(at int) (text []byte, end int) {
	end = s.listEnd(at, 1)
	return s.value[at+2 : end], end
}

// sizes reads what stands behind the keys of a role.
func (s *StoredRepository) sizes(p rolePlace) (patterns uint16, delegations uint32) {
	b := s.value[int(p.keys)+int(p.count)*len(keys.ID{}):]
	return binary.BigEndian.Uint16(b), binary.BigEndian.Uint32(b[2:])
}

// role reads the entry of a role.
func (s *StoredRepository) role(p rolePlace) StoredRole {
	var r StoredRole
	var at int
	r.name, at = s.text(int(p.at))
	_, at = s.text(at) // parent
	d := decoder{b: s.value[at:]}
	d.take(8) // since
	r.Version = d.u64()
	d.take(32 + 32) // digests
	r.FileSize = d.u32()
	d.take(8) // expires
	r.Narrowed = d.u8()&roleNarrowed != 0
	r.Patterns, r.DelegationsSize = s.sizes(p)
	return r
}

// keyIDBytes reads a list of key ids as it stands.
func (d *decoder) keyIDBytes(limit int) []byte {
	return d.take(d.count(limit) * len(keys.ID{}))
}

// Size is that of the value in bytes.
func (s *StoredRepository) Size() int { return len(s.value) }

// Decode decodes the whole value. Of the zero value it makes an empty one.
func (s *StoredRepository) Decode() (*Repository, error) {
	if s.value == nil {
		return new(Repository), nil
	}
	return DecodeRepository(s.value)
}

// Head returns the value without keys and roles.
func (s *StoredRepository) Head() *Repository {
	head := s.head
	return &head
}

// Parts returns two parts of the value: the counts of statements and recoveries, and
// what its files are, which are the keys and the roles. Together they are all that the
// files and statements of a transaction are judged by.
func (s *StoredRepository) Parts() (counts, files []byte) { return s.counts, s.files }

// RevocationSequence counts the revocations.
func (s *StoredRepository) RevocationSequence() uint64 { return s.head.RevocationSequence }

// LiftSequence counts the statements of lift.
func (s *StoredRepository) LiftSequence() uint64 { return s.head.LiftSequence }

// Quotas are the token buckets.
func (s *StoredRepository) Quotas() [3]Bucket { return s.head.Quotas }

// HasRootKey reports whether the current root gives a key the role root.
func (s *StoredRepository) HasRootKey(id keys.ID) bool { return hasKeyID(s.rootKeys, id) }

// HasKey reports whether a file in force gives a key any role: the root, or the file of
// a role that delegates.
func (s *StoredRepository) HasKey(id keys.ID) bool {
	return hasKeyID(s.rootKeys, id) || hasKeyID(s.targetsKeys, id) ||
		slices.ContainsFunc(s.roles, func(p rolePlace) bool {
			return hasKeyID(s.value[p.keys:][:int(p.count)*len(id)], id)
		})
}

// Role returns the entry of a role, or false when there is none.
func (s *StoredRepository) Role(name string) (StoredRole, bool) {
	i := s.find(name)
	if i < 0 {
		return StoredRole{}, false
	}
	return s.role(s.roles[i]), true
}

// find returns which of the roles has a name, or -1.
func (s *StoredRepository) find(name string) int {
	i, ok := slices.BinarySearchFunc(s.roles, name, func(p rolePlace, name string) int {
		own, _ := s.text(int(p.at))
		return strings.Compare(string(own), name)
	})
	if !ok {
		return -1
	}
	return i
}

// Lineage sums up a role and those above it. It is zero for a role without an entry.
func (s *StoredRepository) Lineage(name string) Lineage {
	if s.parents == nil {
		s.parents = make([]int8, len(s.roles)) // of at most MaxRoles
		for i, p := range s.roles {
			_, at := s.text(int(p.at))
			parent, _ := s.text(at)
			s.parents[i] = int8(s.find(string(parent)))
		}
	}
	var sum Lineage
	delegated := true
	for i, n := s.find(name), 0; i >= 0 && n < MaxRoles; i, n = int(s.parents[i]), n+1 {
		patterns, delegations := s.sizes(s.roles[i])
		own, _ := s.text(int(s.roles[i].at))
		if delegated = delegated && !topLevel(string(own)); delegated {
			sum.Patterns += int(patterns)
		}
		if n > 0 {
			sum.DelegationsSize += int(delegations)
		}
	}
	return sum
}

// After returns the version that the next file of a role follows.
func (s *StoredRepository) After(name string) uint64 {
	r, _ := s.Role(name)
	return after(name, r.Version, s.removedVersion)
}

// TopLevel reports whether the role is root or targets.
func (r *StoredRole) TopLevel() bool { return topLevel(string(r.name)) }

// hasKeyID reports whether an id stands in a list of ids.
func hasKeyID(list []byte, id keys.ID) bool {
	for ; len(list) >= len(id); list = list[len(id):] {
		if keys.ID(list[:len(id)]) == id {
			return true
		}
	}
	return false
}
