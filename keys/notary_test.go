package keys_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"testing"

	"hullmark/keys"
)

// TestNotaryID compares with the name that docker 28 gave to a key of its own.
func TestNotaryID(t *testing.T) {
	const text = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAECJzXVjVxnaTZPjKRclgFeDYWjnyg
wintPV8uD0O9bYc5YjAB4znQyyw2mczIDjj/jVj0QFYF5+Q00Geaf6uKEA==
-----END PUBLIC KEY-----
`
	block, _ := pem.Decode([]byte(text))
	std, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	key, err := keys.New(std)
	if err != nil {
		t.Fatal(err)
	}
	if got := key.NotaryID().String(); got != "e93ad6238ebc80c40bf65134686a7d224d9748ee476eb1dafd98a55d11f044bf" {
		t.Errorf("%s", got)
	}
	public := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)).Public().(ed25519.PublicKey)
	if key, err = keys.New(public); err != nil {
		t.Fatal(err)
	}
	want := keys.ID(sha256.Sum256([]byte(`{"keytype":"ed25519","keyval":{"private":null,"public":"` + base64.StdEncoding.EncodeToString(public) + `"}}`)))
	if key.NotaryID() != want {
		t.Errorf("%s, want %s", key.NotaryID(), want)
	}
	if (keys.PublicKey{}).NotaryID() != (keys.ID{}) {
		t.Error("no key has an id")
	}
}
