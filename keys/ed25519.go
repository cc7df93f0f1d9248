package keys

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"fmt"

	"github.com/oasisprotocol/curve25519-voi/curve"
)

var ed25519Algorithm = algorithm{
	keytype: KeytypeEd25519,
	scheme:  SchemeEd25519,
	parse: func(public string) (crypto.PublicKey, error) {
		raw := make([]byte, ed25519.PublicKeySize)
		if !decodeLowerHex(raw, public) {
			return nil, fmt.Errorf("%w: want %d lower-case hex digits", ErrEncoding, 2*ed25519.PublicKeySize)
		}
		return ed25519.PublicKey(raw), nil
	},
	implement: func(pub crypto.PublicKey) (implementation, bool) {
		key, ok := pub.(ed25519.PublicKey)
		return ed25519Key(key), ok
	},
}

// checkEd25519 refuses encodings and points that Ed25519 verifiers are known
// to judge differently: with a component of small order, whether a signature
// verifies depends on the equation chosen, and a point of small order verifies
// signatures over any message.
func checkEd25519(pub ed25519.PublicKey) error {
	compressed, err := curve.NewCompressedEdwardsYFromBytes(pub)
	if err != nil {
		return fmt.Errorf("%w: %d bytes", ErrEncoding, len(pub))
	}
	if !compressed.IsCanonicalVartime() {
		return fmt.Errorf("%w: point is not canonical", ErrEncoding)
	}
	point, err := curve.NewEdwardsPoint().SetCompressedY(compressed)
	if err != nil {
		return fmt.Errorf("%w: not a point of the curve", ErrEncoding)
	}
	if point.IsSmallOrder() || !point.IsTorsionFree() {
		return fmt.Errorf("%w: point is not of prime order", ErrWeakKey)
	}
	return nil
}

// ed25519Key verifies Ed25519 of RFC 8032, without cofactor.
type ed25519Key ed25519.PublicKey

func (k ed25519Key) check() error { return checkEd25519(ed25519.PublicKey(k)) }

func (k ed25519Key) public([]byte) string { return hex.EncodeToString(k) }

func (k ed25519Key) notary([]byte) []byte { return k }

// verify checks the length and that S is canonical, and compares the encoded R, hence
// without cofactor.
func (k ed25519Key) verify(message, signature []byte) bool {
	return ed25519.Verify(ed25519.PublicKey(k), message, signature)
}

func (k ed25519Key) sign(signer crypto.Signer, message []byte) ([]byte, error) {
	return signer.Sign(rand.Reader, message, crypto.Hash(0))
}

func (k ed25519Key) fromFixed(signature []byte) []byte { return signature }

func (k ed25519Key) toFixed(signature []byte) ([]byte, bool) {
	return append([]byte(nil), signature...), len(signature) == FixedSize
}
