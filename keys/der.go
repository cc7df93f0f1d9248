package keys

import (
	"bytes"
	"encoding/hex"
)

// p256Scalar is the size in bytes of r and of s in a P-256 signature.
const p256Scalar = 32

// Order of the P-256 group and half of it, big-endian. A signature (r, s) and
// its twin (r, n-s) both satisfy the equation; only s <= n/2 is accepted.
const (
	p256OrderHex     = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
	p256HalfOrderHex = "7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8"
)

// scalarPair is a P-256 signature in fixed width: r, then s, big-endian.
type scalarPair [FixedSize]byte

// canonical reports whether 0 < r < n and 0 < s <= n/2.
func (p *scalarPair) canonical() bool {
	r, s := p[:p256Scalar], p[p256Scalar:]
	var zero [p256Scalar]byte
	order, half := p256Bytes(p256OrderHex), p256Bytes(p256HalfOrderHex)
	return !bytes.Equal(r, zero[:]) && bytes.Compare(r, order[:]) < 0 &&
		!bytes.Equal(s, zero[:]) && bytes.Compare(s, half[:]) <= 0
}

// p256Bytes decodes one of the two constants above.
func p256Bytes(constant string) [p256Scalar]byte {
	var b [p256Scalar]byte
	// The error is impossible: the constants are valid hex of that size.
	_, _ = hex.Decode(b[:], []byte(constant))
	return b
}

// appendDER appends the signature as DER: SEQUENCE { INTEGER r, INTEGER s }.
// All lengths fit the short form, since r and s take at most 33 bytes each.
func (p *scalarPair) appendDER(dst []byte) []byte {
	r, s := derInteger(p[:p256Scalar]), derInteger(p[p256Scalar:])
	dst = append(dst, 0x30, byte(2+len(r)+2+len(s)))
	dst = append(dst, 0x02, byte(len(r)))
	dst = append(dst, r...)
	dst = append(dst, 0x02, byte(len(s)))
	return append(dst, s...)
}

// derInteger returns the shortest two's complement form of an unsigned number.
func derInteger(b []byte) []byte {
	for len(b) > 1 && b[0] == 0 {
		b = b[1:]
	}
	if b[0] >= 0x80 {
		return append([]byte{0}, b...)
	}
	return b
}

// parseDER reads a P-256 signature. It accepts exactly what appendDER writes.
func parseDER(der []byte) (scalarPair, bool) {
	var p scalarPair
	rest, ok := cutDER(der, 0x30)
	if !ok || len(der) != 2+int(der[1]) {
		return scalarPair{}, false
	}
	for i := range 2 {
		number, ok := cutDER(rest, 0x02)
		if !ok {
			return scalarPair{}, false
		}
		rest = rest[2+len(number):]
		if len(number) > 0 && number[0] == 0 {
			number = number[1:]
		}
		if len(number) > p256Scalar {
			return scalarPair{}, false
		}
		copy(p[(i+1)*p256Scalar-len(number):], number)
	}
	// Comparing with the own encoding settles signs, padding and trailing bytes.
	return p, bytes.Equal(p.appendDER(nil), der)
}

// cutDER returns the content of the value at the start of b, which must have
// the tag and a length in the short form.
func cutDER(b []byte, tag byte) ([]byte, bool) {
	if len(b) < 2 || b[0] != tag || b[1] >= 0x80 || len(b) < 2+int(b[1]) {
		return nil, false
	}
	return b[2 : 2+int(b[1])], true
}
