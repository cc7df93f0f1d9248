package query

import (
	"net/url"

	"hullmark/reference"
)

// KindVouchers is the kind of Vouchers.
const KindVouchers Kind = "vouchers"

// Vouchers asks which repositories vouch for an image.
type Vouchers struct {
	Digest reference.Digest
}

// Kind implements Question.
func (q Vouchers) Kind() Kind { return KindVouchers }

// String implements Question.
func (q Vouchers) String() string { return q.Digest.String() }

// Check implements Question.
func (q Vouchers) Check() error {
	if q.Digest.IsZero() {
		return fail("no digest")
	}
	return nil
}

func (q Vouchers) rests() foundation { return onState }

func (q Vouchers) encode(v url.Values) string {
	v.Set("digest", q.Digest.String())
	return pathImage
}

func parseVouchers(p *parameters) Question {
	return Vouchers{Digest: read(p, "digest", reference.ParseDigest)}
}
