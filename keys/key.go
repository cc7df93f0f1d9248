package keys

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"strings"

	"github.com/oasisprotocol/curve25519-voi/curve"

	"hullmark/printable"
)

// Values of the TUF fields keytype and scheme.
const (
	KeytypeEd25519 = "ed25519"
	KeytypeECDSA   = "ecdsa"
	KeytypeRSA     = "rsa"

	SchemeEd25519 = "ed25519"
	SchemeECDSA   = "ecdsa-sha2-nistp256"
	SchemeRSA     = "rsassa-pss-sha256"
)

const pemType = "PUBLIC KEY"

// PublicKey is a well-formed public key. It is immutable and safe to share.
// The zero value is no key: it verifies nothing. Compare keys with Equal.
type PublicKey struct {
	_ [0]func() // == would compare identities of the pointer below
	k *publicKey
}

// publicKey holds one of the three keys and what is derived from it.
type publicKey struct {
	keytype, scheme, public string
	id                      ID
	material                [32]byte
	pkix                    []byte

	// Exactly one of these is set; it decides the algorithm.
	ed25519 ed25519.PublicKey
	ecdsa   *ecdsa.PublicKey
	rsa     *rsa.PublicKey
}

// Parse reads a key from the three fields of a TUF key object. The text must
// be the key's one canonical encoding; see the package comment.
func Parse(keytype, scheme, public string) (PublicKey, error) {
	want, ok := schemeOf(keytype)
	if !ok {
		return PublicKey{}, fmt.Errorf("couldn't parse key: %w: %s", ErrKeyType, printable.Quote(keytype))
	}
	if scheme != want {
		return PublicKey{}, fmt.Errorf("couldn't parse %s key: %w: %s", keytype, ErrScheme, printable.Quote(scheme))
	}
	if len(public) > MaxPublicSize {
		return PublicKey{}, fmt.Errorf("couldn't parse %s key: %w: %d bytes", keytype, ErrEncoding, len(public))
	}
	var std crypto.PublicKey
	if keytype == KeytypeEd25519 {
		raw := make([]byte, ed25519.PublicKeySize)
		if !decodeLowerHex(raw, public) {
			return PublicKey{}, fmt.Errorf("couldn't parse ed25519 key: %w: want %d lower-case hex digits",
				ErrEncoding, 2*ed25519.PublicKeySize)
		}
		std = ed25519.PublicKey(raw)
	} else {
		block, _ := pem.Decode([]byte(public))
		if block == nil {
			return PublicKey{}, fmt.Errorf("couldn't parse %s key: %w: no PEM block", keytype, ErrEncoding)
		}
		var err error
		std, err = x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return PublicKey{}, fmt.Errorf("couldn't parse %s key: %w: %w", keytype, ErrEncoding, err)
		}
	}
	key, err := New(std)
	if err != nil {
		return PublicKey{}, err
	}
	// The comparison covers line ends, PEM headers, trailing data and lax DER,
	// and a key of another type than the field says.
	if key.Keytype() != keytype || key.Public() != public {
		return PublicKey{}, fmt.Errorf("couldn't parse %s key: %w", keytype, ErrEncoding)
	}
	return key, nil
}

// New makes a key from an ed25519.PublicKey, *ecdsa.PublicKey or
// *rsa.PublicKey. It copies what it keeps.
func New(pub crypto.PublicKey) (PublicKey, error) {
	k := new(publicKey)
	switch pub := pub.(type) {
	case ed25519.PublicKey:
		if err := checkEd25519(pub); err != nil {
			return PublicKey{}, fmt.Errorf("couldn't use ed25519 key: %w", err)
		}
		k.keytype, k.scheme = KeytypeEd25519, SchemeEd25519
	case *ecdsa.PublicKey:
		if pub == nil || pub.Curve != elliptic.P256() {
			return PublicKey{}, fmt.Errorf("couldn't use ecdsa key: %w: curve is not P-256", ErrKeyType)
		}
		//nolint:staticcheck // the fields are deprecated, but Bytes panics without them
		if pub.X == nil || pub.Y == nil {
			return PublicKey{}, fmt.Errorf("couldn't use ecdsa key: %w: no point", ErrEncoding)
		}
		k.keytype, k.scheme = KeytypeECDSA, SchemeECDSA
	case *rsa.PublicKey:
		if err := checkRSA(pub); err != nil {
			return PublicKey{}, fmt.Errorf("couldn't use rsa key: %w", err)
		}
		k.keytype, k.scheme = KeytypeRSA, SchemeRSA
	default:
		return PublicKey{}, fmt.Errorf("couldn't use key: %w: %T", ErrKeyType, pub)
	}

	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return PublicKey{}, fmt.Errorf("couldn't encode %s key: %w: %w", k.keytype, ErrEncoding, err)
	}
	own, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return PublicKey{}, fmt.Errorf("couldn't decode %s key: %w: %w", k.keytype, ErrEncoding, err)
	}
	k.pkix = der
	k.material = sha256.Sum256(der)
	switch own := own.(type) {
	case ed25519.PublicKey:
		k.ed25519 = own
		k.public = hex.EncodeToString(own)
	case *ecdsa.PublicKey:
		k.ecdsa = own
		k.public = string(pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der}))
	case *rsa.PublicKey:
		k.rsa = own
		k.public = string(pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der}))
	default:
		return PublicKey{}, fmt.Errorf("couldn't decode %s key: %w: %T", k.keytype, ErrKeyType, own)
	}
	k.id = sha256.Sum256(k.json(k.public))
	return PublicKey{k: k}, nil
}

// schemeOf returns the one scheme of a keytype.
func schemeOf(keytype string) (string, bool) {
	switch keytype {
	case KeytypeEd25519:
		return SchemeEd25519, true
	case KeytypeECDSA:
		return SchemeECDSA, true
	case KeytypeRSA:
		return SchemeRSA, true
	}
	return "", false
}

// checkEd25519 refuses encodings and points that Ed25519 verifiers are known
// to judge differently: with a component of small order, whether a signature
// verifies depends on the equation chosen, and a point of small order verifies
// signatures over any message.
func checkEd25519(pub ed25519.PublicKey) error {
	compressed, err := curve.NewCompressedEdwardsYFromBytes(pub)
	if err != nil {
		return fmt.Errorf("%w: %d bytes", ErrEncoding, len(pub))
	}
	if !compressed.IsCanonicalVartime() {
		return fmt.Errorf("%w: point is not canonical", ErrEncoding)
	}
	point, err := curve.NewEdwardsPoint().SetCompressedY(compressed)
	if err != nil {
		return fmt.Errorf("%w: not a point of the curve", ErrEncoding)
	}
	if point.IsSmallOrder() || !point.IsTorsionFree() {
		return fmt.Errorf("%w: point is not of prime order", ErrWeakKey)
	}
	return nil
}

func checkRSA(pub *rsa.PublicKey) error {
	if pub == nil || pub.N == nil || pub.N.Sign() <= 0 {
		return fmt.Errorf("%w: no modulus", ErrEncoding)
	}
	if bits := pub.N.BitLen(); bits < MinRSABits || bits > MaxRSABits {
		return fmt.Errorf("%w: modulus of %d bits, want %d to %d", ErrWeakKey, bits, MinRSABits, MaxRSABits)
	}
	if pub.N.Bit(0) == 0 {
		return fmt.Errorf("%w: modulus is even", ErrWeakKey)
	}
	if pub.E != RSAExponent {
		return fmt.Errorf("%w: public exponent is not %d", ErrWeakKey, RSAExponent)
	}
	return nil
}

// IsZero reports whether there is no key.
func (p PublicKey) IsZero() bool { return p.k == nil }

// Equal reports whether both are the same key. Two zero values are equal.
func (p PublicKey) Equal(other PublicKey) bool {
	if p.k == nil || other.k == nil {
		return p.k == other.k
	}
	return bytes.Equal(p.k.pkix, other.k.pkix)
}

// ID returns the key id, or zero bytes for no key.
func (p PublicKey) ID() ID {
	if p.k == nil {
		return ID{}
	}
	return p.k.id
}

// Keytype returns the TUF field keytype, empty for no key.
func (p PublicKey) Keytype() string {
	if p.k == nil {
		return ""
	}
	return p.k.keytype
}

// Scheme returns the TUF field scheme, empty for no key.
func (p PublicKey) Scheme() string {
	if p.k == nil {
		return ""
	}
	return p.k.scheme
}

// Public returns the TUF field keyval.public, empty for no key. PEM text ends
// with a newline.
func (p PublicKey) Public() string {
	if p.k == nil {
		return ""
	}
	return p.k.public
}

// PKIX returns the DER encoding of the key's SubjectPublicKeyInfo, nil for no
// key.
func (p PublicKey) PKIX() []byte {
	if p.k == nil {
		return nil
	}
	return bytes.Clone(p.k.pkix)
}

// Material returns the SHA-256 of PKIX, zero bytes for no key. Thresholds count
// distinct materials, so a key listed under two names counts once.
func (p PublicKey) Material() [32]byte {
	if p.k == nil {
		return [32]byte{}
	}
	return p.k.material
}

// Std returns the key as the standard library's type, nil for no key.
func (p PublicKey) Std() crypto.PublicKey {
	if p.k == nil {
		return nil
	}
	std, err := x509.ParsePKIXPublicKey(p.k.pkix) // a copy: the key stays immutable
	if err != nil {
		return nil
	}
	return std
}

// CanonicalJSON returns the TUF key object in the form that is hashed and
// signed, in which the newlines of PEM text stand raw. For a key in PEM text it
// is not valid JSON.
func (p PublicKey) CanonicalJSON() []byte {
	if p.k == nil {
		return nil
	}
	return p.k.json(p.k.public)
}

// FileJSON returns the TUF key object in the form that stands in files: as
// CanonicalJSON, with each newline escaped.
func (p PublicKey) FileJSON() []byte {
	if p.k == nil {
		return nil
	}
	return p.k.json(strings.ReplaceAll(p.k.public, "\n", `\n`))
}

// json writes the key object round the given text of the public key. None of
// the three fields can hold a quote or a backslash.
func (k *publicKey) json(public string) []byte {
	const size = len(`{"keytype":"","keyval":{"public":""},"scheme":""}`)
	b := make([]byte, 0, size+len(k.keytype)+len(public)+len(k.scheme))
	b = append(b, `{"keytype":"`...)
	b = append(b, k.keytype...)
	b = append(b, `","keyval":{"public":"`...)
	b = append(b, public...)
	b = append(b, `"},"scheme":"`...)
	b = append(b, k.scheme...)
	return append(b, `"}`...)
}
