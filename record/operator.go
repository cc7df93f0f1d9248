package record

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"strings"

	"hullmark/keys"
	"hullmark/reference"
)

// Operator is the map value of an operator of the consortium (docs/spec.md,
// "Operator value").
type Operator struct {
	// Sequence counts what was done in the operator's name; governance
	// consumes it.
	Sequence uint64
	// Since is the height from which the governance key holds.
	Since uint64
	// GovernanceKey signs registrations and votes. It never lies on a node.
	GovernanceKey keys.PublicKey
	// NotaryKey cosigns files for clients of other protocols.
	NotaryKey keys.PublicKey
	// ValidatorKey is the Ed25519 consensus key of the operator's validator;
	// zero while it runs none.
	ValidatorKey [32]byte
	// Quota is the token bucket of what the operator pays for.
	Quota Bucket
}

// Encode returns the map value.
func (o *Operator) Encode() []byte {
	var e encoder
	e.u8(FormatVersion)
	e.u64(o.Sequence)
	e.u64(o.Since)
	e.key(o.GovernanceKey)
	e.key(o.NotaryKey)
	e.raw(o.ValidatorKey[:])
	e.u32(o.Quota.Tokens)
	e.u64(o.Quota.Height)
	return e
}

// DecodeOperator is the inverse of Operator.Encode.
func DecodeOperator(b []byte) (*Operator, error) {
	d := decoder{b: b}
	o := new(Operator)
	d.version()
	o.Sequence = d.u64()
	o.Since = d.u64()
	o.GovernanceKey = d.key()
	o.NotaryKey = d.key()
	o.ValidatorKey = d.hash()
	o.Quota = Bucket{Tokens: d.u32(), Height: d.u64()}
	if err := d.end("operator value"); err != nil {
		return nil, err
	}
	return o, nil
}

// NamespaceGrant is the map value of a namespace: who may register repositories
// under it (docs/spec.md, "Namespace value").
type NamespaceGrant struct {
	Operator string
	// Since is the height from which the grant holds.
	Since uint64
}

// Encode returns the map value.
func (g NamespaceGrant) Encode() []byte {
	var e encoder
	e.u8(FormatVersion)
	e.str(g.Operator)
	e.u64(g.Since)
	return e
}

// DecodeNamespaceGrant is the inverse of NamespaceGrant.Encode.
func DecodeNamespaceGrant(b []byte) (NamespaceGrant, error) {
	d := decoder{b: b}
	d.version()
	g := NamespaceGrant{Operator: d.name(), Since: d.u64()}
	if err := d.end("namespace value"); err != nil {
		return NamespaceGrant{}, err
	}
	return g, nil
}

// ValidName reports whether s can name an operator or, before its hash is
// added, a ledger: 1 to 32 lower-case letters, digits and hyphens, beginning
// and ending with a letter or digit.
func ValidName(s string) bool {
	if s == "" || len(s) > MaxNameLength || strings.HasPrefix(s, "-") || strings.HasSuffix(s, "-") {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// Namespaces returns every namespace that contains a repository, longest first.
// The first of them that is granted decides who owns the repository.
func Namespaces(r reference.Repository) []reference.Namespace {
	var out []reference.Namespace
	for n, ok := r.Namespace(), true; ok; n, ok = n.Parent() {
		out = append(out, n)
	}
	return out
}

func (d *decoder) name() string {
	s := d.str(MaxNameLength)
	if d.err == nil && !ValidName(s) {
		d.fail("bad name")
	}
	return s
}

func (e *encoder) key(k keys.PublicKey) {
	der := k.PKIX()
	e.u16(uint16(len(der)))
	e.raw(der)
}

func (d *decoder) key() keys.PublicKey { return d.someKey(MaxKeySize) }

// someKey is key with a limit of its own.
func (d *decoder) someKey(limit int) keys.PublicKey {
	der := d.bytes(limit)
	if d.err != nil {
		return keys.PublicKey{}
	}
	k, err := ParseKey(der)
	if err != nil {
		d.fail("public key: %v", err)
	}
	return k
}

// ParseKey reads a public key from its canonical PKIX DER encoding.
func ParseKey(der []byte) (keys.PublicKey, error) {
	pub, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return keys.PublicKey{}, err
	}
	k, err := keys.New(pub)
	if err != nil {
		return keys.PublicKey{}, err
	}
	if !bytes.Equal(k.PKIX(), der) {
		return keys.PublicKey{}, keys.ErrEncoding
	}
	return k, nil
}

// ParseValidatorKey reads an Ed25519 consensus key from its 32 bytes.
func ParseValidatorKey(b []byte) (keys.PublicKey, error) {
	if len(b) != ed25519.PublicKeySize {
		return keys.PublicKey{}, keys.ErrEncoding
	}
	return keys.New(ed25519.PublicKey(b))
}
