package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
)

// Verifier judges signatures. Verify returns nil if and only if signature is
// the key's signature over message, as Direct judges it, and otherwise an error
// that wraps ErrSignature or ErrNoKey. An implementation may remember positive
// verdicts, and must be safe for concurrent use.
type Verifier interface {
	Verify(key PublicKey, message, signature []byte) error
}

// Direct is the Verifier that computes every verdict.
type Direct struct{}

// Verify implements Verifier.
func (Direct) Verify(key PublicKey, message, signature []byte) error {
	if key.k == nil {
		return fmt.Errorf("couldn't verify signature: %w", ErrNoKey)
	}
	if !key.k.verify(message, signature) {
		return fmt.Errorf("couldn't verify %s signature: %w", key.k.keytype, ErrSignature)
	}
	return nil
}

// verify is the one signature verification of the project.
func (k *publicKey) verify(message, signature []byte) bool {
	switch {
	case k.ed25519 != nil:
		// Checks the length and that S is canonical; compares the encoded R,
		// hence without cofactor.
		return ed25519.Verify(k.ed25519, message, signature)
	case k.ecdsa != nil:
		pair, ok := parseDER(signature)
		if !ok || !pair.canonical() {
			return false
		}
		digest := sha256.Sum256(message)
		return ecdsa.VerifyASN1(k.ecdsa, digest[:], signature)
	case k.rsa != nil:
		digest := sha256.Sum256(message)
		options := rsa.PSSOptions{SaltLength: SaltSize, Hash: crypto.SHA256}
		return rsa.VerifyPSS(k.rsa, crypto.SHA256, digest[:], signature, &options) == nil
	}
	return false
}

// VerifyFixed judges a signature in fixed width through v: 64 bytes, which for
// Ed25519 is the ordinary signature and for P-256 is r and s, each 32 bytes
// big-endian, with a low s. RSA keys have no such form (ErrNoFixedForm).
func VerifyFixed(v Verifier, key PublicKey, message, signature []byte) error {
	ordinary, err := fromFixed(key, signature)
	if err != nil {
		return fmt.Errorf("couldn't verify fixed-width signature: %w", err)
	}
	return v.Verify(key, message, ordinary)
}

// fromFixed returns the ordinary form of a fixed-width signature.
func fromFixed(key PublicKey, signature []byte) ([]byte, error) {
	switch {
	case key.k == nil:
		return nil, ErrNoKey
	case key.k.rsa != nil:
		return nil, ErrNoFixedForm
	case len(signature) != FixedSize:
		return nil, fmt.Errorf("%w: %d bytes", ErrSignature, len(signature))
	case key.k.ed25519 != nil:
		return signature, nil
	}
	pair := scalarPair(signature)
	return pair.appendDER(nil), nil
}

// ToFixed returns the fixed-width form of an ordinary signature by key, for
// VerifyFixed. It does not verify the signature.
func ToFixed(key PublicKey, signature []byte) ([]byte, error) {
	switch {
	case key.k == nil:
		return nil, fmt.Errorf("couldn't convert signature: %w", ErrNoKey)
	case key.k.rsa != nil:
		return nil, fmt.Errorf("couldn't convert signature: %w", ErrNoFixedForm)
	case key.k.ed25519 != nil:
		if len(signature) != FixedSize {
			return nil, fmt.Errorf("couldn't convert signature: %w: %d bytes", ErrSignature, len(signature))
		}
		return append([]byte(nil), signature...), nil
	}
	pair, ok := parseDER(signature)
	if !ok || !pair.canonical() {
		return nil, fmt.Errorf("couldn't convert signature: %w", ErrSignature)
	}
	return pair[:], nil
}
