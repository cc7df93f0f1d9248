package keys

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

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

// PublicKey is a well-formed public key. It is immutable and safe to share.
// The zero value is no key: it verifies nothing. Compare keys with Equal.
type PublicKey struct {
	_ [0]func() // == would compare identities of the pointer below
	k *publicKey
}

// publicKey holds a key and what is derived from it.
type publicKey struct {
	implementation
	keytype, scheme, text string
	id                    ID
	digest                [32]byte
	pkix                  []byte
}

// Parse reads a key from the three fields of a TUF key object. The text must
// be the key's one canonical encoding; see the package comment.
func Parse(keytype, scheme, public string) (PublicKey, error) {
	i := slices.IndexFunc(algorithms, func(a algorithm) bool { return a.keytype == keytype })
	if i < 0 {
		return PublicKey{}, fmt.Errorf("couldn't parse key: %w: %s", ErrKeyType, printable.Quote(keytype))
	}
	if scheme != algorithms[i].scheme {
		return PublicKey{}, fmt.Errorf("couldn't parse %s key: %w: %s", keytype, ErrScheme, printable.Quote(scheme))
	}
	if len(public) > MaxPublicSize {
		return PublicKey{}, fmt.Errorf("couldn't parse %s key: %w: %d bytes", keytype, ErrEncoding, len(public))
	}
	pub, err := algorithms[i].parse(public)
	if err != nil {
		return PublicKey{}, fmt.Errorf("couldn't parse %s key: %w", keytype, err)
	}
	key, err := New(pub)
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
	a, key, err := implement(pub)
	if err != nil {
		return PublicKey{}, err
	}
	// Checked once: what follows is the same key, in memory of its own.
	if err := key.check(); err != nil {
		return PublicKey{}, fmt.Errorf("couldn't use %s key: %w", a.keytype, err)
	}
	k := &publicKey{keytype: a.keytype, scheme: a.scheme}
	if k.pkix, err = x509.MarshalPKIXPublicKey(pub); err != nil {
		return PublicKey{}, fmt.Errorf("couldn't encode %s key: %w: %w", k.keytype, ErrEncoding, err)
	}
	own, err := x509.ParsePKIXPublicKey(k.pkix)
	if err != nil {
		return PublicKey{}, fmt.Errorf("couldn't decode %s key: %w: %w", k.keytype, ErrEncoding, err)
	}
	var ok bool
	if k.implementation, ok = a.implement(own); !ok {
		return PublicKey{}, fmt.Errorf("couldn't decode %s key: %w: %T", k.keytype, ErrKeyType, own)
	}
	k.digest = sha256.Sum256(k.pkix)
	k.text = k.public(k.pkix)
	k.id = sha256.Sum256(k.json(k.text))
	return PublicKey{k: k}, nil
}

// implement finds the algorithm of a key.
func implement(pub crypto.PublicKey) (algorithm, implementation, error) {
	for _, a := range algorithms {
		if key, ok := a.implement(pub); ok {
			return a, key, nil
		}
	}
	return algorithm{}, nil, fmt.Errorf("couldn't use key: %w: %T", ErrKeyType, pub)
}

// IsZero reports whether there is no key.
func (p PublicKey) IsZero() bool { return p.k == nil }

// HasFixedForm reports whether signatures by the key have a form of FixedSize bytes, as
// the submitter's signature of a transaction has it.
func (p PublicKey) HasFixedForm() bool {
	if p.k == nil {
		return false
	}
	_, ok := p.k.implementation.(fixedForm)
	return ok
}

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
	return p.k.text
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
	return p.k.digest
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
	return p.k.json(p.k.text)
}

// FileJSON returns the TUF key object in the form that stands in files: as
// CanonicalJSON, with each newline escaped.
func (p PublicKey) FileJSON() []byte {
	if p.k == nil {
		return nil
	}
	return p.k.json(strings.ReplaceAll(p.k.text, "\n", `\n`))
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
