package reference

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"strings"
)

// Algorithm is a hash algorithm. The numbers are part of binary formats and are
// never reused.
type Algorithm uint8

// The algorithms that may name an image. SHA-256 is what registries use.
const (
	SHA256 Algorithm = 1
	SHA384 Algorithm = 2
	SHA512 Algorithm = 3
)

// String returns the name that begins a digest, or an empty string for a number
// that is no algorithm.
func (a Algorithm) String() string {
	switch a {
	case SHA256:
		return "sha256"
	case SHA384:
		return "sha384"
	case SHA512:
		return "sha512"
	default:
		return ""
	}
}

// Size returns the length of a hash in bytes, or zero for a number that is no algorithm.
func (a Algorithm) Size() int {
	switch a {
	case SHA256:
		return sha256.Size
	case SHA384:
		return sha512.Size384
	case SHA512:
		return sha512.Size
	default:
		return 0
	}
}

// Digest names one manifest by its hash. The zero value is no digest.
type Digest struct {
	algorithm Algorithm
	// sum holds the raw hash; a string keeps the type comparable.
	sum string
}

// ParseDigest reads algorithm:hex. The hexadecimal digits are lower case and
// exactly as many as the algorithm yields. Errors wrap ErrInvalidDigest.
func ParseDigest(text string) (Digest, error) {
	name, digits, found := strings.Cut(text, ":")
	if !found {
		return Digest{}, refuse(ErrInvalidDigest, text, "not of the form algorithm:hex")
	}
	var algorithm Algorithm
	switch name {
	case "sha256":
		algorithm = SHA256
	case "sha384":
		algorithm = SHA384
	case "sha512":
		algorithm = SHA512
	default:
		return Digest{}, refuse(ErrInvalidDigest, text, "the algorithm is not sha256, sha384 or sha512")
	}
	if len(digits) != hex.EncodedLen(algorithm.Size()) {
		return Digest{}, refuse(ErrInvalidDigest, text, "wrong length for "+name)
	}
	if !isLowerHex(digits) {
		return Digest{}, refuse(ErrInvalidDigest, text, "not lower-case hexadecimal")
	}
	sum, err := hex.DecodeString(digits)
	if err != nil {
		return Digest{}, refuse(ErrInvalidDigest, text, "not hexadecimal")
	}
	return Digest{algorithm: algorithm, sum: string(sum)}, nil
}

// MustParseDigest is ParseDigest for constants of the program or of a test. It
// panics on anything invalid.
func MustParseDigest(text string) Digest {
	digest, err := ParseDigest(text)
	if err != nil {
		panic(err)
	}
	return digest
}

// NewDigest wraps a hash that has been computed already. Errors wrap
// ErrInvalidDigest.
func NewDigest(algorithm Algorithm, sum []byte) (Digest, error) {
	if algorithm.Size() == 0 {
		return Digest{}, fmt.Errorf("%w: unknown algorithm %d", ErrInvalidDigest, uint8(algorithm))
	}
	if len(sum) != algorithm.Size() {
		return Digest{}, fmt.Errorf("%w: %d bytes for %s", ErrInvalidDigest, len(sum), algorithm)
	}
	return Digest{algorithm: algorithm, sum: string(sum)}, nil
}

// SumSHA256 returns the SHA-256 digest of content.
func SumSHA256(content []byte) Digest {
	sum := sha256.Sum256(content)
	return Digest{algorithm: SHA256, sum: string(sum[:])}
}

// Algorithm returns the hash algorithm.
func (d Digest) Algorithm() Algorithm { return d.algorithm }

// Bytes returns a copy of the raw hash: 32, 48 or 64 bytes.
func (d Digest) Bytes() []byte { return []byte(d.sum) }

// Hex returns the hash in lower-case hexadecimal, without the algorithm.
func (d Digest) Hex() string { return hex.EncodeToString([]byte(d.sum)) }

// Matches reports whether d is the digest of content. The zero value matches nothing.
func (d Digest) Matches(content []byte) bool {
	switch d.algorithm {
	case SHA256:
		sum := sha256.Sum256(content)
		return d.sum == string(sum[:])
	case SHA384:
		sum := sha512.Sum384(content)
		return d.sum == string(sum[:])
	case SHA512:
		sum := sha512.Sum512(content)
		return d.sum == string(sum[:])
	default:
		return false
	}
}

// IsZero reports whether d is the zero value.
func (d Digest) IsZero() bool { return d == Digest{} }

// String returns algorithm:hex.
func (d Digest) String() string {
	if d.IsZero() {
		return ""
	}
	return d.algorithm.String() + ":" + d.Hex()
}

// MarshalText returns algorithm:hex.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText is ParseDigest.
func (d *Digest) UnmarshalText(text []byte) error {
	digest, err := ParseDigest(string(text))
	if err != nil {
		return err
	}
	*d = digest
	return nil
}
