package keystore

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"fmt"

	"hullmark/keys"
	"hullmark/printable"
)

const (
	privateBlock = "ENCRYPTED PRIVATE KEY"
	publicBlock  = "PUBLIC KEY"
)

// decodePEM returns the content of text that holds exactly one PEM block of the
// type, without headers, and white space.
func decodePEM(text []byte, blockType string) ([]byte, error) {
	block, rest, err := firstBlock(text)
	if err != nil {
		return nil, err
	}
	if block.Type != blockType {
		return nil, fmt.Errorf("%w: the PEM block is %s, not %q", ErrFormat, printable.Quote(block.Type), blockType)
	}
	if len(block.Headers) != 0 {
		return nil, fmt.Errorf("%w: the PEM block has headers", ErrFormat)
	}
	if len(rest) != 0 {
		return nil, fmt.Errorf("%w: something follows the PEM block", ErrFormat)
	}
	return block.Bytes, nil
}

// firstBlock returns the PEM block with which text begins, and what follows it.
func firstBlock(text []byte) (block *pem.Block, rest []byte, err error) {
	if len(text) > maxFileSize {
		return nil, nil, fmt.Errorf("%w: longer than %d bytes", ErrFormat, maxFileSize)
	}
	text = bytes.TrimSpace(text)
	if !bytes.HasPrefix(text, []byte("-----BEGIN ")) {
		return nil, nil, fmt.Errorf("%w: it does not begin with a PEM block", ErrFormat)
	}
	if block, rest = pem.Decode(text); block == nil {
		return nil, nil, fmt.Errorf("%w: broken PEM", ErrFormat)
	}
	return block, rest, nil
}

func encodePEM(der []byte, blockType string) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: blockType, Bytes: der})
}

// encodePrivate encrypts a private key into the text of a key file.
func encodePrivate(signer crypto.Signer, passphrase []byte, logN int) ([]byte, error) {
	plaintext, err := x509.MarshalPKCS8PrivateKey(signer)
	if err != nil {
		return nil, fmt.Errorf("couldn't encode private key: %w", err)
	}
	defer clear(plaintext)
	der, err := seal(plaintext, passphrase, logN)
	if err != nil {
		return nil, err
	}
	return encodePEM(der, privateBlock), nil
}

// decodePrivate decrypts the text of a key file.
func decodePrivate(text, passphrase []byte) (crypto.Signer, keys.PublicKey, error) {
	der, err := decodePEM(text, privateBlock)
	if err != nil {
		return nil, keys.PublicKey{}, err
	}
	encrypted, err := parseSealed(der, ours)
	if err != nil {
		return nil, keys.PublicKey{}, err
	}
	plaintext, err := encrypted.open(passphrase)
	if err != nil {
		return nil, keys.PublicKey{}, err
	}
	defer clear(plaintext)
	signer, err := parsePrivate(plaintext)
	if err != nil {
		return nil, keys.PublicKey{}, err
	}
	public, err := keys.New(signer.Public())
	if err != nil {
		return nil, keys.PublicKey{}, fmt.Errorf("%w: %w", ErrType, err)
	}
	return signer, public, nil
}

// parsePrivate reads a PKCS#8 private key that has just been decrypted.
func parsePrivate(plaintext []byte) (crypto.Signer, error) {
	private, err := x509.ParsePKCS8PrivateKey(plaintext)
	if err != nil {
		if kind := privateKind(plaintext); kind != "" {
			return nil, fmt.Errorf("%w: %s", ErrType, kind)
		}
		// One wrong passphrase in 256 leaves padding that looks right. The parser's
		// own words could repeat parts of the key, so they are dropped.
		return nil, ErrPassphrase
	}
	signer, ok := private.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrType, privateKind(plaintext))
	}
	return signer, nil
}

// DecodePublic reads the text of a public file, as it stands beside a key in a
// store and as EncodePublic writes it, or as Docker Content Trust and Notary write it.
// It wraps ErrFormat or ErrType.
func DecodePublic(text []byte) (keys.PublicKey, error) {
	plain, err := withoutHeaders(text, publicBlock)
	if err != nil {
		return keys.PublicKey{}, fmt.Errorf("couldn't read public key: %w", err)
	}
	key, err := decodePublic(plain)
	if err != nil {
		return keys.PublicKey{}, fmt.Errorf("couldn't read public key: %w", err)
	}
	return key, nil
}

// EncodePublic writes a public key as SubjectPublicKeyInfo in PEM.
func EncodePublic(key keys.PublicKey) []byte { return encodePEM(key.PKIX(), publicBlock) }

// decodePublic reads the text of a public file.
func decodePublic(text []byte) (keys.PublicKey, error) {
	der, err := decodePEM(text, publicBlock)
	if err != nil {
		return keys.PublicKey{}, err
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		if kind := publicKind(der); kind != "" {
			return keys.PublicKey{}, fmt.Errorf("%w: %s", ErrType, kind)
		}
		return keys.PublicKey{}, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	public, err := keys.New(parsed)
	if err != nil {
		return keys.PublicKey{}, fmt.Errorf("%w: %w", ErrType, err)
	}
	return public, nil
}

// encodePublic writes the text of a public file.
func encodePublic(signer crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(signer.Public())
	if err != nil {
		return nil, fmt.Errorf("couldn't encode public key: %w", err)
	}
	return encodePEM(der, publicBlock), nil
}
