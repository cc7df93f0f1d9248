package keys

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

var ecdsaAlgorithm = algorithm{
	keytype: KeytypeECDSA,
	scheme:  SchemeECDSA,
	parse:   parsePEM,
	implement: func(pub crypto.PublicKey) (implementation, bool) {
		key, ok := pub.(*ecdsa.PublicKey)
		return ecdsaKey{key}, ok
	},
}

func checkECDSA(pub *ecdsa.PublicKey) error {
	if pub == nil || pub.Curve != elliptic.P256() {
		return fmt.Errorf("%w: curve is not P-256", ErrKeyType)
	}
	//nolint:staticcheck // the fields are deprecated, but Bytes panics without them
	if pub.X == nil || pub.Y == nil {
		return fmt.Errorf("%w: no point", ErrEncoding)
	}
	return nil
}

// ecdsaKey verifies ECDSA on P-256 with SHA-256. A signature has one form: DER of RFC 3279,
// and s at most half of the order.
type ecdsaKey struct{ key *ecdsa.PublicKey }

func (k ecdsaKey) check() error { return checkECDSA(k.key) }

func (k ecdsaKey) public(der []byte) string { return toPEM(der) }

func (k ecdsaKey) notary(der []byte) []byte { return der }

func (k ecdsaKey) verify(message, signature []byte) bool {
	if _, ok := k.toFixed(signature); !ok {
		return false
	}
	digest := sha256.Sum256(message)
	return ecdsa.VerifyASN1(k.key, digest[:], signature)
}

func (k ecdsaKey) sign(signer crypto.Signer, message []byte) ([]byte, error) {
	digest := sha256.Sum256(message)
	signature, err := signer.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	return lowerS(signature)
}

func (k ecdsaKey) fromFixed(signature []byte) []byte {
	pair := scalarPair(signature)
	return pair.der()
}

func (k ecdsaKey) toFixed(signature []byte) ([]byte, bool) {
	pair, ok := parseDER(signature)
	return pair[:], ok && pair.canonical()
}

// p256Scalar is the size in bytes of r and of s in a P-256 signature.
const p256Scalar = 32

// Order of the P-256 group and half of it, big-endian. A signature (r, s) and
// its twin (r, n-s) both satisfy the equation; only s <= n/2 is accepted.
const (
	p256OrderHex     = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
	p256HalfOrderHex = "7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8"
)

// p256Bytes decodes one of the two constants above.
func p256Bytes(constant string) [p256Scalar]byte {
	var b [p256Scalar]byte
	// The error is impossible: the constants are valid hex of that size.
	_, _ = hex.Decode(b[:], []byte(constant))
	return b
}

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

// der returns the signature as DER: SEQUENCE { INTEGER r, INTEGER s }.
func (p *scalarPair) der() []byte {
	b := cryptobyte.NewBuilder(make([]byte, 0, maxDERSize))
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1BigInt(new(big.Int).SetBytes(p[:p256Scalar]))
		b.AddASN1BigInt(new(big.Int).SetBytes(p[p256Scalar:]))
	})
	return b.BytesOrPanic() // of two numbers of 32 bytes there is nothing to refuse
}

// maxDERSize is the size of the longest P-256 signature in DER.
const maxDERSize = 2 + 2*(2+1+p256Scalar)

// parseDER reads a P-256 signature. It accepts exactly what der writes.
func parseDER(der []byte) (p scalarPair, ok bool) {
	rest := cryptobyte.String(der)
	var pair cryptobyte.String
	if !rest.ReadASN1(&pair, asn1.SEQUENCE) || !rest.Empty() {
		return scalarPair{}, false
	}
	for i := range 2 {
		var number []byte // without the zero in front of a highest bit that is set
		if !pair.ReadASN1Integer(&number) || len(number) > p256Scalar {
			return scalarPair{}, false
		}
		copy(p[(i+1)*p256Scalar-len(number):], number)
	}
	return p, pair.Empty()
}

// lowerS returns the twin of an ECDSA signature in DER that has a low s, which
// may be the signature itself.
func lowerS(der []byte) ([]byte, error) {
	pair, ok := parseDER(der)
	if !ok {
		return nil, fmt.Errorf("%w: not in DER", ErrSignature)
	}
	if pair.canonical() {
		return der, nil
	}
	order := p256Bytes(p256OrderHex)
	s := new(big.Int).SetBytes(pair[p256Scalar:])
	s.Sub(new(big.Int).SetBytes(order[:]), s)
	if s.Sign() <= 0 {
		return nil, fmt.Errorf("%w: s is not below the order", ErrSignature)
	}
	s.FillBytes(pair[p256Scalar:])
	if !pair.canonical() {
		return nil, fmt.Errorf("%w: r or s out of range", ErrSignature)
	}
	return pair.der(), nil
}
