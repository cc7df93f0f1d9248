package keystore

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"

	"hullmark/keys"
)

// Type is a type of key, as users name it.
type Type string

// The types of keys. Only the first two are generated; RSA keys can be imported.
const (
	TypeEd25519   Type = "ed25519"
	TypeECDSAP256 Type = "ecdsa-p256"
	TypeRSA       Type = "rsa"
)

// typeOf names the type of a public key; no name for no key.
func typeOf(public keys.PublicKey) Type {
	switch public.Keytype() {
	case keys.KeytypeEd25519:
		return TypeEd25519
	case keys.KeytypeECDSA:
		return TypeECDSAP256
	case keys.KeytypeRSA:
		return TypeRSA
	default:
		return ""
	}
}

// generate makes a new private key.
func generate(keyType Type) (crypto.Signer, error) {
	switch keyType {
	case TypeEd25519:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	case TypeECDSAP256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case TypeRSA: // imported only
		fallthrough
	default:
		return nil, fmt.Errorf("%w: %q; choose %s or %s", ErrType, keyType, TypeEd25519, TypeECDSAP256)
	}
}

// Key is an opened key. It signs until Close and is safe for concurrent use
// until then.
type Key struct {
	name   string
	public keys.PublicKey
	signer crypto.Signer
}

// Name returns the key's name in its store.
func (k *Key) Name() string { return k.name }

// Type returns the key's type.
func (k *Key) Type() Type { return typeOf(k.public) }

// PublicKey returns the public key.
func (k *Key) PublicKey() keys.PublicKey { return k.public }

// Sign signs a message in the form used in metadata: see keys.Sign.
func (k *Key) Sign(message []byte) ([]byte, error) {
	if k.signer == nil {
		return nil, ErrClosed
	}
	return keys.Sign(k.signer, message)
}

// SignFixed signs a message in the form used in transaction envelopes: see
// keys.SignFixed.
func (k *Key) SignFixed(message []byte) ([]byte, error) {
	if k.signer == nil {
		return nil, ErrClosed
	}
	return keys.SignFixed(k.signer, message)
}

// Close forgets the private key and overwrites it where Go allows that. The
// public key remains.
func (k *Key) Close() {
	wipe(k.signer)
	k.signer = nil
}

// wipe overwrites what can be reached of a private key. The integers of ECDSA
// and RSA keys have copies inside the standard library; dropping them is all
// that can be done.
func wipe(signer crypto.Signer) {
	if private, ok := signer.(ed25519.PrivateKey); ok {
		clear(private)
	}
}
