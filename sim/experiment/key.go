package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"

	"hullmark/keys"
)

// key is a publisher's private key. It follows from a name, so that a load that was
// interrupted can go on, and protects nothing.
type key struct {
	private ed25519.PrivateKey
	public  keys.PublicKey
}

func newKey(name string) (*key, error) {
	seed := sha256.Sum256([]byte("hullmark experiment key " + name))
	private := ed25519.NewKeyFromSeed(seed[:])
	public, err := keys.New(private.Public())
	if err != nil {
		return nil, fmt.Errorf("couldn't make key %q: %w", name, err)
	}
	return &key{private: private, public: public}, nil
}

// PublicKey implements tuf.Signer and change.Submitter.
func (k *key) PublicKey() keys.PublicKey { return k.public }

// Sign implements tuf.Signer.
func (k *key) Sign(message []byte) ([]byte, error) { return keys.Sign(k.private, message) }

// SignFixed implements change.Submitter.
func (k *key) SignFixed(message []byte) ([]byte, error) { return keys.SignFixed(k.private, message) }
