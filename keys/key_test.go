package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// signers returns one private key of each kind.
func signers(t testing.TB) map[string]crypto.Signer {
	t.Helper()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]crypto.Signer{KeytypeEd25519: ed, KeytypeECDSA: ec, KeytypeRSA: newRSA(t, 2048)}
}

func newRSA(t testing.TB, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func mustNew(t testing.TB, pub crypto.PublicKey) PublicKey {
	t.Helper()
	key, err := New(pub)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestKeyAgreesWithGoTUF(t *testing.T) {
	for name, signer := range signers(t) {
		t.Run(name, func(t *testing.T) {
			key := mustNew(t, signer.Public())
			theirs, err := metadata.KeyFromPublicKey(signer.Public())
			if err != nil {
				t.Fatal(err)
			}
			want := []string{theirs.Type, theirs.Scheme, theirs.Value.PublicKey, must(theirs.ID())}
			got := []string{key.Keytype(), key.Scheme(), key.Public(), key.ID().String()}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if id := sha256.Sum256(key.CanonicalJSON()); ID(id) != key.ID() {
				t.Error("id is not the hash of the canonical JSON")
			}
			der, err := x509.MarshalPKIXPublicKey(signer.Public())
			if err != nil {
				t.Fatal(err)
			}
			if key.Material() != sha256.Sum256(der) || !cmp.Equal(key.PKIX(), der) {
				t.Error("PKIX differs from that of the standard library")
			}
			var file metadata.Key
			if err := file.UnmarshalJSON(key.FileJSON()); err != nil || file.Value.PublicKey != key.Public() {
				t.Errorf("file form reads as %+v, %v", file, err)
			}
			again, err := Parse(key.Keytype(), key.Scheme(), key.Public())
			if err != nil || !again.Equal(key) {
				t.Errorf("Parse of own fields: %v", err)
			}
		})
	}
}

func must(s string, err error) string {
	if err != nil {
		return err.Error()
	}
	return s
}
