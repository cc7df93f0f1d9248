package record

import "hullmark/reference"

// changesTag begins every change list.
const changesTag = "hullmark/changes/v1\n"

// ChangeOp is what happened to a tag.
type ChangeOp uint8

// The operations on a tag.
const (
	ChangeSet      ChangeOp = 1 // the tag means the digest from now on
	ChangeWithdraw ChangeOp = 2 // the tag means nothing any more; the digest is its last
)

// TagChange is one entry of a change list.
type TagChange struct {
	Op     ChangeOp
	Tag    reference.Tag
	Digest reference.Digest
	Size   uint64 // of the manifest, in bytes
	Role   string // whose file made the change
}

// EncodeChanges returns the change list of a record (docs/spec.md, "Change
// list"). It is stored by content and named by its SHA-256 in the record. The
// changes must be ascending by tag.
func EncodeChanges(changes []TagChange) []byte {
	var e encoder
	e.raw([]byte(changesTag))
	e.u32(uint32(len(changes)))
	for _, c := range changes {
		e.u8(uint8(c.Op))
		e.str(c.Tag.String())
		e.digest(c.Digest)
		e.u64(c.Size)
		e.str(c.Role)
	}
	return e
}

// DecodeChanges is the inverse of EncodeChanges.
func DecodeChanges(b []byte) ([]TagChange, error) {
	d := decoder{b: b}
	d.tag(changesTag)
	n := d.u32()
	if n > MaxChanges {
		d.fail("%d changes", n)
		n = 0
	}
	var out []TagChange
	for range n {
		c := TagChange{Op: ChangeOp(d.u8()), Tag: d.imageTag(), Digest: d.digest(), Size: d.u64(), Role: d.roleName()}
		if d.err == nil && c.Op != ChangeSet && c.Op != ChangeWithdraw {
			d.fail("unknown operation %d", c.Op)
		}
		if d.err == nil && c.Role == RoleRoot {
			d.fail("change by the root")
		}
		if len(out) > 0 && out[len(out)-1].Tag.String() >= c.Tag.String() {
			d.fail("tags not ascending")
		}
		if d.err != nil {
			break
		}
		out = append(out, c)
	}
	if err := d.end("change list"); err != nil {
		return nil, err
	}
	return out, nil
}
