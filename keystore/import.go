package keystore

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"hullmark/printable"
)

// The PEM headers that Docker Content Trust and Notary write: what a key is for, and of
// which repository. They are not encrypted and decide nothing here.
const (
	notaryRole = "role"
	notaryGUN  = "gun"
)

// FromNotary reports whether the text of a key file was written by Docker Content Trust
// or Notary, whose users know a key by keys.PublicKey.NotaryID.
func FromNotary(text []byte) bool {
	block, _ := pem.Decode(bytes.TrimSpace(text))
	return block != nil && block.Headers[notaryRole] != ""
}

// decodeImported decrypts the text of a key file from elsewhere.
func decodeImported(text, passphrase []byte) (crypto.Signer, error) {
	block, err := onlyBlock(text)
	if err != nil {
		return nil, err
	}
	if x509.IsEncryptedPEMBlock(block) { //nolint:staticcheck // old files are what this is for
		return decodeOldPEM(block, passphrase)
	}
	if block.Type != privateBlock {
		return nil, fmt.Errorf("%w: %s", ErrFormat, whatBlock(block.Type))
	}
	if err := checkHeaders(block); err != nil {
		return nil, err
	}
	encrypted, err := parseSealed(block.Bytes, imported)
	if err != nil {
		return nil, err
	}
	plaintext, err := encrypted.open(passphrase)
	if err != nil {
		return nil, err
	}
	defer clear(plaintext)
	return parsePrivate(plaintext)
}

// decodeOldPEM decrypts a key as Notary before 0.6 and OpenSSL before 1.0 wrote it: the
// cipher is in the PEM headers, and the passphrase is hashed once.
func decodeOldPEM(block *pem.Block, passphrase []byte) (crypto.Signer, error) {
	if !strings.HasPrefix(block.Headers["DEK-Info"], "AES-") {
		return nil, fmt.Errorf("%w: the cipher is not AES", ErrFormat)
	}
	plaintext, err := x509.DecryptPEMBlock(block, passphrase) //nolint:staticcheck // old files are what this is for
	if errors.Is(err, x509.IncorrectPasswordError) {
		return nil, ErrPassphrase
	}
	if err != nil {
		return nil, fmt.Errorf("%w: its encryption is damaged", ErrFormat)
	}
	defer clear(plaintext)
	var signer crypto.Signer
	switch block.Type {
	case "EC PRIVATE KEY":
		signer, err = x509.ParseECPrivateKey(plaintext)
	case "RSA PRIVATE KEY":
		signer, err = x509.ParsePKCS1PrivateKey(plaintext)
	default:
		return nil, fmt.Errorf("%w: %s", ErrFormat, whatBlock(block.Type))
	}
	if err != nil {
		// As with PKCS#8, a wrong passphrase may leave padding that looks right.
		return nil, ErrPassphrase
	}
	return signer, nil
}

// onlyBlock returns the PEM block of text that holds nothing else.
func onlyBlock(text []byte) (*pem.Block, error) {
	block, rest, err := firstBlock(text)
	if err != nil {
		return nil, err
	}
	if len(rest) != 0 {
		return nil, fmt.Errorf("%w: something follows the PEM block", ErrFormat)
	}
	return block, nil
}

// checkHeaders refuses PEM headers that nobody here knows.
func checkHeaders(block *pem.Block) error {
	for name := range block.Headers {
		if name != notaryRole && name != notaryGUN {
			return fmt.Errorf("%w: the PEM block has headers", ErrFormat)
		}
	}
	return nil
}

// withoutHeaders returns PEM text without the headers of Notary.
func withoutHeaders(text []byte, blockType string) ([]byte, error) {
	block, err := onlyBlock(text)
	if err != nil {
		return nil, err
	}
	if block.Type != blockType {
		return nil, fmt.Errorf("%w: %s", ErrFormat, whatBlock(block.Type))
	}
	if err := checkHeaders(block); err != nil {
		return nil, err
	}
	return encodePEM(block.Bytes, blockType), nil
}

// whatBlock says what a PEM block is, for those that people confuse with key files.
func whatBlock(blockType string) string {
	switch blockType {
	case publicBlock:
		return "it is the public half of a key"
	case privateBlock:
		return "it is a private key"
	case "PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY", "ED25519 PRIVATE KEY":
		return "it is a private key that nothing encrypts; encrypt it with `openssl pkcs8 -topk8 -v2 aes-256-cbc`"
	case "OPENSSH PRIVATE KEY":
		return "it is a key of OpenSSH"
	case "ENCRYPTED COSIGN PRIVATE KEY", "ENCRYPTED SIGSTORE PRIVATE KEY":
		return "it is a key of cosign, which no other program decrypts"
	case "PGP PRIVATE KEY BLOCK":
		return "it is a key of PGP"
	case "CERTIFICATE":
		return "it is a certificate"
	default:
		return fmt.Sprintf("the PEM block is %s, not %q", printable.Quote(blockType), privateBlock)
	}
}
