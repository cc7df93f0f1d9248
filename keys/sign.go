package keys

import (
	"crypto"
	"fmt"
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
	signature, err := key.k.sign(signer, message)
	if err != nil {
		return nil, fmt.Errorf("couldn't sign with %s key: %w", key.Keytype(), err)
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
	if !key.HasFixedForm() {
		return nil, fmt.Errorf("couldn't sign: %w", ErrNoFixedForm)
	}
	signature, err := Sign(signer, message)
	if err != nil {
		return nil, err
	}
	return ToFixed(key, signature)
}
