package keys

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"math/big"
)

// Sign signs message with a private key of one of the accepted kinds and
// returns the signature in the form that Verify accepts. The signer may be a
// device: only its Public and Sign methods are used. The result is verified
// before it is returned.
func Sign(signer crypto.Signer, message []byte) ([]byte, error) {
	key, err := New(signer.Public())
	if err != nil {
		return nil, fmt.Errorf("couldn't sign: %w", err)
	}
	signature, err := signRaw(signer, key, message)
	if err != nil {
		return nil, fmt.Errorf("couldn't sign with %s key: %w", key.Keytype(), err)
	}
	if key.k.ecdsa != nil {
		if signature, err = lowerS(signature); err != nil {
			return nil, fmt.Errorf("couldn't sign with %s key: %w", key.Keytype(), err)
		}
	}
	if err := (Direct{}).Verify(key, message, signature); err != nil {
		return nil, fmt.Errorf("couldn't check own signature: %w", err)
	}
	return signature, nil
}

// SignFixed is Sign in the fixed-width form that VerifyFixed accepts.
func SignFixed(signer crypto.Signer, message []byte) ([]byte, error) {
	key, err := New(signer.Public())
	if err != nil {
		return nil, fmt.Errorf("couldn't sign: %w", err)
	}
	if key.k.rsa != nil {
		return nil, fmt.Errorf("couldn't sign: %w", ErrNoFixedForm)
	}
	signature, err := Sign(signer, message)
	if err != nil {
		return nil, err
	}
	return ToFixed(key, signature)
}

func signRaw(signer crypto.Signer, key PublicKey, message []byte) ([]byte, error) {
	if key.k.ed25519 != nil {
		return signer.Sign(rand.Reader, message, crypto.Hash(0))
	}
	digest := sha256.Sum256(message)
	if key.k.rsa != nil {
		return signer.Sign(rand.Reader, digest[:], &rsa.PSSOptions{SaltLength: SaltSize, Hash: crypto.SHA256})
	}
	return signer.Sign(rand.Reader, digest[:], crypto.SHA256)
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
	return pair.appendDER(nil), nil
}
