package record

import (
	"time"

	"hullmark/reference"
)

// TagState says whether a tag means anything.
type TagState uint8

// The states of a tag. A tag that never was has no value at all.
const (
	TagLive      TagState = 1
	TagWithdrawn TagState = 2
)

// ImageTag is the map value of a tag: the digest it means, and since when
// (docs/spec.md, "Tag value"). A withdrawn tag keeps the digest it had last as
// a tombstone.
type ImageTag struct {
	State     TagState
	Immutable bool
	Digest    reference.Digest
	Size      uint64 // of the manifest, in bytes
	Role      string // the role that holds it
	Index     uint64 // log index of the record that wrote it
	Height    uint64
	Time      time.Time
}

// Encode returns the map value.
func (t *ImageTag) Encode() []byte {
	e := make(encoder, 0, usualSize)
	e.u8(FormatVersion)
	e.u8(uint8(t.State))
	e.bool(t.Immutable)
	e.digest(t.Digest)
	e.u64(t.Size)
	e.str(t.Role)
	e.u64(t.Index)
	e.u64(t.Height)
	e.time(t.Time)
	return e
}

// DecodeImageTag is the inverse of ImageTag.Encode.
func DecodeImageTag(b []byte) (*ImageTag, error) {
	d := decoder{b: b}
	t := new(ImageTag)
	d.version()
	t.State = TagState(d.u8())
	if d.err == nil && t.State != TagLive && t.State != TagWithdrawn {
		d.fail("unknown tag state %d", t.State)
	}
	t.Immutable = d.bool()
	t.Digest = d.digest()
	t.Size = d.u64()
	t.Role = d.roleName()
	t.Index = d.u64()
	t.Height = d.u64()
	t.Time = d.time()
	if err := d.end("tag value"); err != nil {
		return nil, err
	}
	return t, nil
}
