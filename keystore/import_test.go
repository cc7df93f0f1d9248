package keystore_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hullmark/keystore"
)

const notaryPassphrase = "correct horse battery"

// TestImportNotary takes over keys that Notary and docker wrote. Their names there are
// their ids; here they are encrypted in our own way.
func TestImportNotary(t *testing.T) {
	files, err := filepath.Glob("testdata/notary/*.key")
	if err != nil || len(files) != 3 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s, dir := newStore(t)
		info, err := s.Import("k", text, []byte(notaryPassphrase))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if want := strings.TrimSuffix(filepath.Base(file), ".key"); info.PublicKey.NotaryID().String() != want || !keystore.FromNotary(text) {
			t.Errorf("%s has the id %s", file, info.PublicKey.NotaryID())
		}
		kept, err := os.ReadFile(filepath.Join(dir, "k.key"))
		if err != nil || bytes.Contains(kept, []byte("role")) || keystore.FromNotary(kept) {
			t.Errorf("kept as %s, %v", kept, err)
		}
		key, err := s.Open("k", []byte(notaryPassphrase))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		key.Close()
		// The same file as a key of the store: never read so.
		if err := os.WriteFile(filepath.Join(dir, "k.key"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Open("k", []byte(notaryPassphrase)); !errors.Is(err, keystore.ErrFormat) {
			t.Errorf("%s in a store: %v", file, err)
		}
		s, _ = newStore(t)
		for _, wrong := range []string{"wrong horse battery", notaryPassphrase + "\n"} {
			if _, err := s.Import("k", text, []byte(wrong)); !errors.Is(err, keystore.ErrPassphrase) {
				t.Errorf("%s with %q: %v", file, wrong, err)
			}
		}
	}
}

// TestDecodeNotaryPublic reads the public file that docker writes for a signer.
func TestDecodeNotaryPublic(t *testing.T) {
	text, err := os.ReadFile("testdata/notary/alice.pub")
	if err != nil {
		t.Fatal(err)
	}
	key, err := keystore.DecodePublic(text)
	if err != nil || key.NotaryID().String() != "e93ad6238ebc80c40bf65134686a7d224d9748ee476eb1dafd98a55d11f044bf" {
		t.Errorf("%s, %v", key.NotaryID(), err)
	}
	if _, err := keystore.DecodePublic(bytes.Replace(text, []byte("role:"), []byte("note:"), 1)); !errors.Is(err, keystore.ErrFormat) {
		t.Errorf("another header: %v", err)
	}
}

// TestImportOldPEM takes over keys in the form that Notary wrote before 0.6.
func TestImportOldPEM(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecDER, err := x509.MarshalECPrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	old := func(kind string, der []byte, cipher x509.PEMCipher) []byte {
		block, err := x509.EncryptPEMBlock(rand.Reader, kind, der, []byte(notaryPassphrase), cipher) //nolint:staticcheck // old files are what this is about
		if err != nil {
			t.Fatal(err)
		}
		block.Headers["role"] = "root"
		return pem.EncodeToMemory(block)
	}
	for _, tc := range []struct {
		name string
		text []byte
		want error
	}{
		{"EC", old("EC PRIVATE KEY", ecDER, x509.PEMCipherAES256), nil},
		{"RSA", old("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey), x509.PEMCipherAES256), nil},
		{"RSA in an EC block", old("EC PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey), x509.PEMCipherAES256), keystore.ErrPassphrase},
		{"DES", old("EC PRIVATE KEY", ecDER, x509.PEMCipherDES), keystore.ErrFormat},
		{"another block", old("DSA PRIVATE KEY", ecDER, x509.PEMCipherAES256), keystore.ErrFormat},
	} {
		s, _ := newStore(t)
		if _, err := s.Import("k", tc.text, []byte(notaryPassphrase)); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	s, _ := newStore(t)
	if _, err := s.Import("k", old("EC PRIVATE KEY", ecDER, x509.PEMCipherAES256), []byte("wrong")); !errors.Is(err, keystore.ErrPassphrase) {
		t.Errorf("wrong passphrase: %v", err)
	}
}

// TestForeignKinds: a key that cannot be used says what it is, encrypted or public.
func TestForeignKinds(t *testing.T) {
	type algorithm struct {
		OID        asn1.ObjectIdentifier
		Parameters asn1.RawValue `asn1:"optional"`
	}
	oid := func(numbers ...int) asn1.ObjectIdentifier { return numbers }
	params := func(v any) asn1.RawValue {
		der, err := asn1.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return asn1.RawValue{FullBytes: der}
	}
	ec := oid(1, 2, 840, 10045, 2, 1)
	for _, tc := range []struct {
		name      string
		algorithm algorithm
		want      string
	}{
		{"Ed448", algorithm{OID: oid(1, 3, 101, 113)}, "an Ed448 key"},
		{"X25519", algorithm{OID: oid(1, 3, 101, 110)}, "cannot sign"},
		{"RSA-PSS", algorithm{OID: oid(1, 2, 840, 113549, 1, 1, 10)}, "RSASSA-PSS"},
		{"DSA", algorithm{OID: oid(1, 2, 840, 10040, 4, 1)}, "a DSA key"},
		{"secp256k1", algorithm{ec, params(oid(1, 3, 132, 0, 10))}, "secp256k1"},
		{"explicit parameters", algorithm{ec, params(struct{ Version int }{1})}, "explicit curve parameters"},
		{"another curve", algorithm{ec, params(oid(1, 3, 36, 3, 3, 2, 8, 1, 1, 7))}, "the curve 1.3.36.3.3.2.8.1.1.7"},
		{"unknown", algorithm{OID: oid(1, 2, 3, 4)}, "1.2.3.4"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			private, err := asn1.Marshal(struct {
				Version   int
				Algorithm algorithm
				Key       []byte
			}{0, tc.algorithm, []byte{4, 1, 0}})
			if err != nil {
				t.Fatal(err)
			}
			s, _ := newStore(t)
			text := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: encryptAsNotary(t, private)})
			if _, err := s.Import("k", text, []byte(notaryPassphrase)); !errors.Is(err, keystore.ErrType) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("private: %v", err)
			}
			if _, err := s.Import("k", text, []byte("wrong")); !errors.Is(err, keystore.ErrPassphrase) {
				t.Errorf("wrong passphrase: %v", err)
			}
			public, err := asn1.Marshal(struct {
				Algorithm algorithm
				Key       asn1.BitString
			}{tc.algorithm, asn1.BitString{Bytes: []byte{1}, BitLength: 8}})
			if err != nil {
				t.Fatal(err)
			}
			text = pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
			if _, err := keystore.DecodePublic(text); !errors.Is(err, keystore.ErrType) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("public: %v", err)
			}
		})
	}
	// Curves that Go knows and we do not use.
	for _, curve := range []elliptic.Curve{elliptic.P384(), elliptic.P521()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		s, _ := newStore(t)
		text := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: encryptAsNotary(t, der)})
		if _, err := s.Import("k", text, []byte(notaryPassphrase)); !errors.Is(err, keystore.ErrType) {
			t.Errorf("%s: %v", curve.Params().Name, err)
		}
	}
}

// TestForeignFiles: what is no encrypted PKCS#8 file says what it is.
func TestForeignFiles(t *testing.T) {
	for kind, want := range map[string]string{
		"PUBLIC KEY": "public half", "PRIVATE KEY": "nothing encrypts", "EC PRIVATE KEY": "nothing encrypts", "RSA PRIVATE KEY": "nothing encrypts",
		"OPENSSH PRIVATE KEY": "OpenSSH", "ENCRYPTED SIGSTORE PRIVATE KEY": "cosign", "CERTIFICATE": "a certificate", "HELLO": `"HELLO"`,
	} {
		s, _ := newStore(t)
		_, err := s.Import("k", pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: []byte{1}}), passphrase)
		if !errors.Is(err, keystore.ErrFormat) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// encryptAsNotary encrypts a PKCS#8 key as Notary does: PBES2 with PBKDF2, HMAC-SHA-1 by
// default, and AES-256-CBC.
func encryptAsNotary(t *testing.T, der []byte) []byte {
	t.Helper()
	salt, iv := make([]byte, 8), make([]byte, aes.BlockSize)
	const iterations = 16
	key, err := pbkdf2.Key(sha1.New, notaryPassphrase, salt, iterations, 32)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	padding := aes.BlockSize - len(der)%aes.BlockSize
	data := append(bytes.Clone(der), bytes.Repeat([]byte{byte(padding)}, padding)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(data, data)
	type algorithm struct {
		OID        asn1.ObjectIdentifier
		Parameters any
	}
	sealed, err := asn1.Marshal(struct {
		Algorithm algorithm
		Data      []byte
	}{algorithm{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}, struct{ Derivation, Encryption algorithm }{
		algorithm{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}, struct {
			Salt       []byte
			Iterations int
		}{salt, iterations}},
		algorithm{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}, iv},
	}}, data})
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}
