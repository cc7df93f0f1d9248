package keys

import "fmt"

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
	form, err := key.fixedForm()
	if err != nil {
		return nil, err
	}
	if len(signature) != FixedSize {
		return nil, fmt.Errorf("%w: %d bytes", ErrSignature, len(signature))
	}
	return form.fromFixed(signature), nil
}

// ToFixed returns the fixed-width form of an ordinary signature by key, for
// VerifyFixed. It does not verify the signature.
func ToFixed(key PublicKey, signature []byte) ([]byte, error) {
	form, err := key.fixedForm()
	if err != nil {
		return nil, fmt.Errorf("couldn't convert signature: %w", err)
	}
	fixed, ok := form.toFixed(signature)
	if !ok {
		return nil, fmt.Errorf("couldn't convert signature: %w: %d bytes", ErrSignature, len(signature))
	}
	return fixed, nil
}

// fixedForm returns what converts signatures by the key.
func (p PublicKey) fixedForm() (fixedForm, error) {
	if p.k == nil {
		return nil, ErrNoKey
	}
	form, ok := p.k.implementation.(fixedForm)
	if !ok {
		return nil, ErrNoFixedForm
	}
	return form, nil
}
