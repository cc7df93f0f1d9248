package keystore_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"hullmark/keystore"
)

// openssl runs the program, without which the test is skipped, except in
// continuous integration.
func openssl(t *testing.T, args ...string) string {
	t.Helper()
	program, err := exec.LookPath("openssl")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("openssl is not installed")
		}
		t.Skip("openssl is not installed")
	}
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "PASS="+string(passphrase))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// TestOpenSSLReads: OpenSSL reads what we write, at the cost that users get, and
// finds the public key that we keep beside it.
func TestOpenSSLReads(t *testing.T) {
	for _, keyType := range []keystore.Type{keystore.TypeEd25519, keystore.TypeECDSAP256} {
		t.Run(string(keyType), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "keys")
			if _, err := keystore.New(dir).Generate("k", keyType, passphrase); err != nil {
				t.Fatal(err)
			}
			got := openssl(t, "pkey", "-in", filepath.Join(dir, "k.key"), "-passin", "env:PASS", "-pubout")
			want, err := os.ReadFile(filepath.Join(dir, "k.pub"))
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("openssl has the public key\n%sand we\n%s", got, want)
			}
		})
	}
}

// TestOpenSSLWrites: we read what OpenSSL writes, and sign for the same key.
func TestOpenSSLWrites(t *testing.T) {
	algorithms := map[keystore.Type][]string{
		keystore.TypeEd25519:   {"-algorithm", "ED25519"},
		keystore.TypeECDSAP256: {"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"},
		keystore.TypeRSA:       {"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"},
	}
	encryptions := map[string][]string{
		"scrypt": {"-scrypt"},
		"PBKDF2": {"-v2", "aes-256-cbc"},
	}
	for keyType, algorithm := range algorithms {
		for encryption, flags := range encryptions {
			t.Run(string(keyType)+" "+encryption, func(t *testing.T) {
				dir := t.TempDir()
				plain, encrypted := filepath.Join(dir, "plain.pem"), filepath.Join(dir, "encrypted.pem")
				openssl(t, append([]string{"genpkey", "-out", plain}, algorithm...)...)
				openssl(t, append([]string{"pkcs8", "-topk8", "-in", plain, "-out", encrypted, "-passout", "env:PASS"}, flags...)...)
				text, err := os.ReadFile(encrypted)
				if err != nil {
					t.Fatal(err)
				}
				s, keyDir := newStore(t)
				info, err := s.Import("k", text, passphrase)
				if err != nil {
					t.Fatal(err)
				}
				if info.Type != keyType {
					t.Errorf("got type %q", info.Type)
				}
				key, err := s.Open("k", passphrase)
				if err != nil {
					t.Fatal(err)
				}
				checkSigns(t, key)
				public, err := os.ReadFile(filepath.Join(keyDir, "k.pub"))
				if err != nil {
					t.Fatal(err)
				}
				if want := openssl(t, "pkey", "-in", plain, "-pubout"); string(public) != want {
					t.Errorf("openssl has the public key\n%sand we\n%s", want, public)
				}
			})
		}
	}
}

// TestOpenSSLVerifies: a signature made with a stored key means the same to
// OpenSSL.
func TestOpenSSLVerifies(t *testing.T) {
	s, keyDir := newStore(t)
	mustGenerate(t, s, "k", keystore.TypeECDSAP256)
	key, err := s.Open("k", passphrase)
	if err != nil {
		t.Fatal(err)
	}
	message := []byte("message")
	signature, err := key.Sign(message)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	messageFile, signatureFile := filepath.Join(dir, "message"), filepath.Join(dir, "signature")
	for file, content := range map[string][]byte{messageFile: message, signatureFile: signature} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	openssl(t, "dgst", "-sha256", "-verify", filepath.Join(keyDir, "k.pub"), "-signature", signatureFile, messageFile)
}
