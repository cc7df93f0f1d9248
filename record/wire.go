package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"hullmark/keys"
	"hullmark/reference"
)

// ErrEncoding is returned for bytes that are not the encoding of the thing
// asked for.
var ErrEncoding = errors.New("malformed encoding")

// encoder appends fields to a byte string. Integers are big-endian
// (docs/spec.md, "Conventions").
type encoder []byte

// usualSize holds most values.
const usualSize = 384

func (e *encoder) raw(b []byte) { *e = append(*e, b...) }
func (e *encoder) u8(v uint8)   { *e = append(*e, v) }
func (e *encoder) u16(v uint16) { *e = binary.BigEndian.AppendUint16(*e, v) }
func (e *encoder) u32(v uint32) { *e = binary.BigEndian.AppendUint32(*e, v) }
func (e *encoder) u64(v uint64) { *e = binary.BigEndian.AppendUint64(*e, v) }
func (e *encoder) bool(v bool) {
	if v {
		e.u8(1)
	} else {
		e.u8(0)
	}
}

// str appends a 16-bit length and the text. Callers have checked the length:
// every text in these formats has a bound far below 65,536.
func (e *encoder) str(s string) {
	e.u16(uint16(len(s)))
	*e = append(*e, s...)
}

// time appends Unix nanoseconds. Times before 1970 and after 2262 do not occur:
// block times are checked on the way in (CheckTime).
func (e *encoder) time(t time.Time) { e.u64(uint64(t.UnixNano())) }

func (e *encoder) digest(d reference.Digest) {
	e.u8(uint8(d.Algorithm()))
	e.raw(d.Bytes())
}

func (e *encoder) keyIDs(ids []keys.ID) {
	e.u16(uint16(len(ids)))
	for _, id := range ids {
		e.raw(id[:])
	}
}

// decoder takes fields from the front of a byte string. The first error sticks
// and every later read returns zero values, so that a decode function reads as
// the list of its fields and checks once, at end.
type decoder struct {
	b   []byte
	err error
	// text is all there was to decode, and ids is room for key ids, for values with
	// many of them; both may be missing.
	text string
	ids  []keys.ID
}

// roomyDecoder returns a decoder that makes room once for all texts and key ids.
func roomyDecoder(b []byte) decoder {
	return decoder{b: b, text: string(b), ids: make([]keys.ID, 0, len(b)/len(keys.ID{}))}
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s", ErrEncoding, fmt.Sprintf(format, args...))
	}
	d.b = nil
}

func (d *decoder) take(n int) []byte {
	if d.err != nil || len(d.b) < n {
		d.fail("cut short")
		return nil
	}
	b := d.b[:n:n]
	d.b = d.b[n:]
	return b
}

func (d *decoder) u8() uint8 {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) u16() uint16 {
	if b := d.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (d *decoder) u32() uint32 {
	if b := d.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (d *decoder) u64() uint64 {
	if b := d.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) hash() (h [32]byte) {
	if b := d.take(32); b != nil {
		h = [32]byte(b)
	}
	return h
}

func (d *decoder) bool() bool {
	switch v := d.u8(); v {
	case 0:
		return false
	case 1:
		return true
	default:
		d.fail("boolean %d", v)
		return false
	}
}

// version reads the format version that begins every value.
func (d *decoder) version() {
	if v := d.u8(); d.err == nil && v != FormatVersion {
		if v > FormatVersion {
			d.err = fmt.Errorf("%w: version %d", ErrNewer, v)
			d.b = nil
			return
		}
		d.fail("format version %d", v)
	}
}

// tag reads a constant that begins a format.
func (d *decoder) tag(want string) {
	if b := d.take(len(want)); b != nil && string(b) != want {
		d.fail("does not begin with %q", want)
	}
}

func (d *decoder) str(max int) string {
	n := int(d.u16())
	if n > max {
		d.fail("text of %d bytes, at most %d", n, max)
		return ""
	}
	if at := len(d.text) - len(d.b); d.text != "" && n <= len(d.b) {
		d.b = d.b[n:]
		return d.text[at : at+n]
	}
	return string(d.take(n))
}

func (d *decoder) bytes(max int) []byte {
	n := int(d.u16())
	if n > max {
		d.fail("field of %d bytes, at most %d", n, max)
		return nil
	}
	return slices.Clone(d.take(n))
}

// count reads the 16-bit length of a list.
func (d *decoder) count(max int) int {
	n := int(d.u16())
	if n > max {
		d.fail("list of %d, at most %d", n, max)
		return 0
	}
	return n
}

func (d *decoder) time() time.Time {
	v := d.u64()
	if v > MaxTime {
		d.fail("time past the year 2262")
		return time.Time{}
	}
	return time.Unix(0, int64(v)).UTC()
}

func (d *decoder) digest() reference.Digest {
	a := reference.Algorithm(d.u8())
	if d.err != nil {
		return reference.Digest{}
	}
	size := a.Size()
	if size == 0 {
		d.fail("unknown digest algorithm %d", a)
		return reference.Digest{}
	}
	sum := d.take(size)
	if d.err != nil {
		return reference.Digest{}
	}
	v, err := reference.NewDigest(a, sum)
	if err != nil {
		d.fail("digest: %v", err)
	}
	return v
}

func (d *decoder) repository() reference.Repository {
	s := d.str(reference.MaxRepositoryLength)
	if d.err != nil {
		return reference.Repository{}
	}
	r, err := reference.ParseCanonicalRepository(s)
	if err != nil {
		d.fail("repository: %v", err)
	}
	return r
}

func (d *decoder) imageTag() reference.Tag {
	s := d.str(reference.MaxTagLength)
	if d.err != nil {
		return reference.Tag{}
	}
	t, err := reference.ParseTag(s)
	if err != nil {
		d.fail("tag: %v", err)
	}
	return t
}

// keyIDs reads a list of key ids, ascending and unique.
func (d *decoder) keyIDs() []keys.ID { return d.someKeyIDs(MaxKeyIDs) }

// someKeyIDs is keyIDs with a limit of its own.
func (d *decoder) someKeyIDs(limit int) []keys.ID {
	n := d.count(limit)
	raw := d.take(n * len(keys.ID{}))
	if n == 0 || d.err != nil {
		return nil
	}
	if cap(d.ids)-len(d.ids) < n {
		d.ids = make([]keys.ID, 0, n)
	}
	first := len(d.ids)
	for ; len(raw) > 0; raw = raw[len(keys.ID{}):] {
		d.ids = append(d.ids, keys.ID(raw))
		if last := len(d.ids) - 1; last > first && d.ids[last-1].Compare(d.ids[last]) >= 0 {
			d.fail("key ids not ascending")
			return nil
		}
	}
	return d.ids[first:len(d.ids):len(d.ids)]
}

// end reports the first error, or bytes left over.
func (d *decoder) end(noun string) error {
	if d.err == nil && len(d.b) > 0 {
		d.fail("%d bytes left over", len(d.b))
	}
	if d.err != nil {
		return fmt.Errorf("couldn't decode %s: %w", noun, d.err)
	}
	return nil
}

// ErrNewer is returned for a format version this program does not know. The
// remedy is an upgrade.
var ErrNewer = errors.New("written in a newer format; upgrade this program")
