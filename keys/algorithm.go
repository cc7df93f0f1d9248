package keys

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"fmt"
)

// algorithm is one of the accepted signature algorithms: a row of the table below. All
// that depends on the algorithm stands in the file that is called after it.
type algorithm struct {
	// keytype and scheme are the values of those TUF fields.
	keytype, scheme string
	// parse reads the TUF field keyval.public.
	parse func(public string) (crypto.PublicKey, error)
	// implement returns a key of the standard library, unchecked, or false for a key of
	// another algorithm.
	implement func(pub crypto.PublicKey) (implementation, bool)
}

// algorithms are all that there are. A new one also needs a keystore.Type and a row in
// docs/spec.md, "Keys and signatures"; signatureTime of the ledger has to cover what
// BenchmarkVerify says about it.
var algorithms = []algorithm{ed25519Algorithm, ecdsaAlgorithm, rsaAlgorithm}

// implementation is a public key of one algorithm.
type implementation interface {
	// check refuses keys that must not be used. It is most of the cost of making a key.
	check() error
	// public returns the TUF field keyval.public. der is the SubjectPublicKeyInfo.
	public(der []byte) string
	// notary returns what the Notary project hashes for its key ids.
	notary(der []byte) []byte
	// verify is the one verification of the algorithm.
	verify(message, signature []byte) bool
	// sign returns a signature that verify accepts, or fails.
	sign(signer crypto.Signer, message []byte) ([]byte, error)
}

// fixedForm is implemented by keys whose signatures have a form of FixedSize bytes.
type fixedForm interface {
	// fromFixed returns the ordinary form of a signature of FixedSize bytes, and toFixed
	// the other one, or false for what is no signature. Neither verifies it.
	fromFixed(signature []byte) []byte
	toFixed(signature []byte) ([]byte, bool)
}

// pemType is the label of a public key in PEM.
const pemType = "PUBLIC KEY"

// parsePEM reads a key in PEM. Whoever calls it compares the text with what it writes.
func parsePEM(public string) (crypto.PublicKey, error) {
	block, _ := pem.Decode([]byte(public))
	if block == nil {
		return nil, fmt.Errorf("%w: no PEM block", ErrEncoding)
	}
	pub, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEncoding, err)
	}
	return pub, nil
}

// toPEM writes a key in PEM.
func toPEM(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: bytes.Clone(der)}))
}
