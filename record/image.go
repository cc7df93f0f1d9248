package record

import (
	"time"

	"hullmark/keys"
	"hullmark/reference"
)

// Image is the map value of an image in all repositories: who vouches for it
// (docs/spec.md, "Image value"). It informs; it never allows or denies.
type Image struct {
	// Count is how many repositories ever published the digest.
	Count uint32
	// Repositories are the first of them, at most MaxVouchers, in the order
	// they came.
	Repositories []reference.Repository
}

// Encode returns the map value.
func (i *Image) Encode() []byte {
	e := make(encoder, 0, usualSize)
	e.u8(FormatVersion)
	e.u32(i.Count)
	e.u16(uint16(len(i.Repositories)))
	for _, r := range i.Repositories {
		e.str(r.String())
	}
	return e
}

// DecodeImage is the inverse of Image.Encode.
func DecodeImage(b []byte) (*Image, error) {
	d := decoder{b: b}
	i := new(Image)
	d.version()
	i.Count = d.u32()
	for range d.count(MaxVouchers) {
		r := d.repository()
		if d.err != nil {
			break
		}
		i.Repositories = append(i.Repositories, r)
	}
	if d.err == nil && len(i.Repositories) != int(min(i.Count, MaxVouchers)) {
		d.fail("%d repositories listed of %d", len(i.Repositories), i.Count)
	}
	if err := d.end("image value"); err != nil {
		return nil, err
	}
	return i, nil
}

// Voucher is the map value of an image in one repository: the TUF metadata,
// tagging keys and offline keys that vouch for it, and what statements say of it
// (docs/spec.md, "Voucher value").
type Voucher struct {
	// First and Last are zero, and there are no keys, for a digest that was
	// revoked and never published.
	First Publication
	Last  Publication
	// TaggingKeys are the ids of the keys whose signatures on the newest
	// publication counted; RootKeys those on the root in force then. Ascending.
	TaggingKeys []keys.ID
	RootKeys    []keys.ID
	// Revocation is the statement that revoked the image; nil while it is not
	// revoked.
	Revocation *Ruling
	// Lift is the statement that took the newest revocation back; nil if there
	// was none or the image was revoked again.
	Lift *Ruling
}

// Publication says when a digest was published and where the record stands.
type Publication struct {
	Height uint64
	Time   time.Time
	Index  uint64
}

// Ruling is what a statement decided about a digest, and where to find it.
type Ruling struct {
	// Role that signed: RoleRoot or RoleTargets.
	Role   string
	Reason Reason
	// Sequence is that of the statement: a revocation sequence or a lift sequence.
	Sequence uint64
	// RootVersion is the version of the root whose keys the statement was judged
	// by.
	RootVersion uint64
	// Statement is the SHA-256 of the signed statement.
	Statement [32]byte
	// Height, Time and Index are those of the record.
	Height uint64
	Time   time.Time
	Index  uint64
}

// The states of a voucher as statements left it.
const (
	voucherClear   = 0
	voucherRevoked = 1
	voucherLifted  = 2
)

// Published reports whether the repository ever published the digest.
func (v *Voucher) Published() bool { return v.First.Height > 0 }

// Ruling returns what the newest statement decided, nil if there was none.
func (v *Voucher) Ruling() *Ruling {
	if v.Revocation != nil {
		return v.Revocation
	}
	return v.Lift
}

// Encode returns the map value.
func (v *Voucher) Encode() []byte {
	e := make(encoder, 0, usualSize)
	e.u8(FormatVersion)
	e.bool(v.Published())
	if v.Published() {
		for _, p := range []Publication{v.First, v.Last} {
			e.u64(p.Height)
			e.time(p.Time)
			e.u64(p.Index)
		}
		e.keyIDs(v.TaggingKeys)
		e.keyIDs(v.RootKeys)
	}
	switch {
	case v.Revocation != nil:
		e.u8(voucherRevoked)
		e.ruling(v.Revocation)
	case v.Lift != nil:
		e.u8(voucherLifted)
		e.ruling(v.Lift)
	default:
		e.u8(voucherClear)
	}
	return e
}

// DecodeVoucher is the inverse of Voucher.Encode.
func DecodeVoucher(b []byte) (*Voucher, error) {
	d := decoder{b: b}
	v := new(Voucher)
	d.version()
	published := d.bool()
	if published {
		for _, p := range []*Publication{&v.First, &v.Last} {
			p.Height = d.u64()
			p.Time = d.time()
			p.Index = d.u64()
		}
		v.TaggingKeys = d.keyIDs()
		v.RootKeys = d.keyIDs()
		if d.err == nil && !v.Published() {
			d.fail("first publication at height 0")
		}
	}
	switch state := d.u8(); state {
	case voucherClear:
		if !published {
			d.fail("neither published nor revoked")
		}
	case voucherRevoked:
		v.Revocation = d.ruling()
	case voucherLifted:
		v.Lift = d.ruling()
	default:
		d.fail("unknown state %d", state)
	}
	if err := d.end("voucher value"); err != nil {
		return nil, err
	}
	return v, nil
}

func (e *encoder) ruling(r *Ruling) {
	e.str(r.Role)
	e.u8(uint8(r.Reason))
	e.u64(r.Sequence)
	e.u64(r.RootVersion)
	e.raw(r.Statement[:])
	e.u64(r.Height)
	e.time(r.Time)
	e.u64(r.Index)
}

func (d *decoder) ruling() *Ruling {
	r := &Ruling{
		Role: d.statementRole(), Reason: Reason(d.u8()), Sequence: d.u64(), RootVersion: d.u64(),
		Statement: d.hash(), Height: d.u64(), Time: d.time(), Index: d.u64(),
	}
	switch {
	case d.err != nil:
	case r.Reason < ReasonUnspecified || r.Reason > ReasonSuperseded:
		d.fail("unknown reason %d", r.Reason)
	case r.Sequence == 0 || r.RootVersion == 0:
		d.fail("statement %d under root %d", r.Sequence, r.RootVersion)
	}
	return r
}
