package record

import (
	"fmt"
	"time"

	"hullmark/keys"
	"hullmark/reference"
)

// recordTag begins every log record. A record is also longer than 64 bytes, so
// none can be mistaken for the preimage of a map leaf.
const recordTag = "hullmark/record/v1\n"

// NoRecord stands where a log index would be when there is none.
const NoRecord = 1<<64 - 1

// LogRecord is one leaf of the log: one accepted operation on one repository
// (docs/spec.md, "Log record").
type LogRecord struct {
	Kind       Kind
	Profile    Profile
	Height     uint64
	Time       time.Time // block time
	Repository reference.Repository
	// Revision counts the repository's records, from 1.
	Revision uint64
	// Previous is the log index of the repository's record before this one, or
	// NoRecord: a history that follows it back to the first is complete.
	Previous uint64
	// Roles are the files that became current, ascending by name; none of a
	// revocation or lift.
	Roles []RoleChange
	// Changes and ChangesHash are the length of the change list and the SHA-256
	// of its encoding; of a revocation or lift, the number of digests it names and
	// the SHA-256 of the signed statement.
	Changes     uint32
	ChangesHash [32]byte
	// KeyIDs are the keys whose signatures the operation rests on, ascending.
	KeyIDs []keys.ID
}

// RoleChange is one role file that became current. A record with several root
// rotations names the last; the others are under their root keys in the map.
type RoleChange struct {
	Name         string
	Version      uint64
	SignedDigest [32]byte
	FileDigest   [32]byte
	// Delegations is the SHA-256 of the delegations object in the file, zero for none
	// and of a root: what the file handed on stays known when it was replaced.
	Delegations [32]byte
}

// Lasting returns the digests of what the record names of its role files that is kept
// for ever: the root file, and the delegations objects of the others.
func (r *LogRecord) Lasting() [][32]byte {
	var out [][32]byte
	for _, c := range r.Roles {
		switch {
		case c.Name == RoleRoot:
			out = append(out, c.FileDigest)
		case c.Delegations != [32]byte{}:
			out = append(out, c.Delegations)
		}
	}
	return out
}

// Encode returns the leaf's bytes.
func (r *LogRecord) Encode() []byte {
	e := make(encoder, 0, usualSize)
	e.raw([]byte(recordTag))
	e.u8(uint8(r.Kind))
	e.u8(uint8(r.Profile))
	e.u64(r.Height)
	e.time(r.Time)
	e.str(r.Repository.String())
	e.u64(r.Revision)
	e.u64(r.Previous)
	e.u16(uint16(len(r.Roles)))
	for _, c := range r.Roles {
		e.str(c.Name)
		e.u64(c.Version)
		e.raw(c.SignedDigest[:])
		e.raw(c.FileDigest[:])
		e.raw(c.Delegations[:])
	}
	e.u32(r.Changes)
	e.raw(r.ChangesHash[:])
	e.keyIDs(r.KeyIDs)
	return e
}

// DecodeLogRecord is the inverse of LogRecord.Encode.
func DecodeLogRecord(b []byte) (*LogRecord, error) {
	if len(b) > MaxRecordSize {
		return nil, fmt.Errorf("couldn't decode log record: %w: %d bytes", ErrEncoding, len(b))
	}
	d := decoder{b: b}
	r := new(LogRecord)
	d.tag(recordTag)
	r.Kind = Kind(d.u8())
	if d.err == nil && !r.Kind.known() {
		d.fail("unknown kind %d", r.Kind)
	}
	r.Profile = d.profile()
	r.Height = d.u64()
	r.Time = d.time()
	r.Repository = d.repository()
	r.Revision = d.u64()
	r.Previous = d.u64()
	if d.err == nil && (r.Revision == 0 || (r.Revision == 1) != (r.Previous == NoRecord)) {
		d.fail("revision %d after record %d", r.Revision, r.Previous)
	}
	for range d.count(MaxRoles) {
		c := RoleChange{Name: d.roleName(), Version: d.u64(), SignedDigest: d.hash(), FileDigest: d.hash(), Delegations: d.hash()}
		if c.Name == RoleRoot && c.Delegations != [32]byte{} {
			d.fail("delegations of a root")
		}
		if n := len(r.Roles); n > 0 && r.Roles[n-1].Name >= c.Name {
			d.fail("roles not ascending")
		}
		if d.err != nil {
			break
		}
		r.Roles = append(r.Roles, c)
	}
	r.Changes = d.u32()
	if r.Changes > MaxChanges {
		d.fail("%d changes", r.Changes)
	}
	r.ChangesHash = d.hash()
	r.KeyIDs = d.keyIDs()
	if d.err == nil && r.Kind.row().digests &&
		(len(r.Roles) > 0 || r.Changes == 0 || r.Changes > MaxStatementDigests || len(r.KeyIDs) == 0) {
		d.fail("%s of %d roles and %d digests by %d keys", r.Kind, len(r.Roles), r.Changes, len(r.KeyIDs))
	}
	if err := d.end("log record"); err != nil {
		return nil, err
	}
	return r, nil
}
