package keys

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
)

var rsaAlgorithm = algorithm{
	keytype: KeytypeRSA,
	scheme:  SchemeRSA,
	parse:   parsePEM,
	implement: func(pub crypto.PublicKey) (implementation, bool) {
		key, ok := pub.(*rsa.PublicKey)
		return rsaKey{key}, ok
	},
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

// rsaKey verifies RSASSA-PSS of RFC 8017 with SHA-256 and a salt of SaltSize bytes. Its
// signatures have no fixed-width form, so RSA keys sign metadata and no transactions.
type rsaKey struct{ key *rsa.PublicKey }

func (k rsaKey) check() error { return checkRSA(k.key) }

func (k rsaKey) public(der []byte) string { return toPEM(der) }

func (k rsaKey) notary(der []byte) []byte { return der }

func (k rsaKey) verify(message, signature []byte) bool {
	digest := sha256.Sum256(message)
	return rsa.VerifyPSS(k.key, crypto.SHA256, digest[:], signature, pssOptions()) == nil
}

func (k rsaKey) sign(signer crypto.Signer, message []byte) ([]byte, error) {
	digest := sha256.Sum256(message)
	return signer.Sign(rand.Reader, digest[:], pssOptions())
}

func pssOptions() *rsa.PSSOptions {
	return &rsa.PSSOptions{SaltLength: SaltSize, Hash: crypto.SHA256}
}
