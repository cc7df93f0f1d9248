package bundle

import (
	"hullmark/proto"
	"hullmark/record"
)

// Encode returns the ProtoJSON form of a bundle.
func Encode(b *proto.Bundle) ([]byte, error) {
	return proto.MarshalJSON(b)
}

// Decode reads the ProtoJSON form of a bundle, strictly. Nothing is verified.
// Errors wrap ErrMalformed, or record.ErrNewer for a bundle of a newer format.
func Decode(data []byte) (*proto.Bundle, error) {
	if len(data) > MaxSize {
		return nil, fail(ErrMalformed, "%d bytes, at most %d", len(data), MaxSize)
	}
	b := new(proto.Bundle)
	if err := proto.UnmarshalJSON(data, b); err != nil {
		return nil, fail(ErrMalformed, "%w", err)
	}
	if err := checkVersion(b.GetState().GetVersion()); err != nil {
		return nil, err
	}
	return b, nil
}

// checkVersion judges the format version of bundles and trust anchors.
func checkVersion(v uint32) error {
	switch {
	case v > FormatVersion:
		return fail(record.ErrNewer, "version %d", v)
	case v != FormatVersion:
		return fail(ErrMalformed, "version %d", v)
	}
	return nil
}

// checkForm judges what can be judged of a bundle before anything in it is
// parsed.
func checkForm(b *proto.Bundle, ledger string) error {
	if b == nil {
		return fail(ErrMalformed, "no bundle")
	}
	if err := checkVersion(b.GetState().GetVersion()); err != nil {
		return err
	}
	switch p := b.GetProfile(); {
	case p == 0:
		return fail(ErrMalformed, "no profile")
	case p != uint32(record.ProfileTUF):
		return fail(record.ErrNewer, "profile %d", p)
	}
	if err := checkStateForm(b.GetState(), ledger); err != nil {
		return err
	}
	for _, l := range []struct {
		what  string
		n     int
		limit int
	}{
		{"root files", len(b.GetRoots()), MaxRoots},
		{"targets files", len(b.GetTargets()), MaxTargets},
		{"statements", len(b.GetStatements()), MaxStatements},
		{"files left out", len(b.GetHeld()), 0},
	} {
		if l.n > l.limit {
			return fail(ErrMalformed, "%d %s, at most %d", l.n, l.what, l.limit)
		}
	}
	return nil
}
