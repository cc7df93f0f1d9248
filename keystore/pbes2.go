package keystore

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"hash"
	"math/bits"

	"golang.org/x/crypto/scrypt"
)

// The structures of RFC 8018, appendix A, and RFC 7914, section 7.

type encryptedPrivateKeyInfo struct {
	Algorithm pkix.AlgorithmIdentifier
	Data      []byte
}

type pbes2Params struct {
	KeyDerivation pkix.AlgorithmIdentifier
	Encryption    pkix.AlgorithmIdentifier
}

type scryptParams struct {
	Salt      []byte
	N, R, P   int
	KeyLength int `asn1:"optional"`
}

type pbkdf2Params struct {
	Salt       []byte
	Iterations int
	KeyLength  int                      `asn1:"optional"`
	PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
}

func oidPBES2() asn1.ObjectIdentifier  { return asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13} }
func oidPBKDF2() asn1.ObjectIdentifier { return asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12} }
func oidScrypt() asn1.ObjectIdentifier { return asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11591, 4, 11} }
func oidHMACSHA256() asn1.ObjectIdentifier {
	return asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}
}
func oidHMACSHA1() asn1.ObjectIdentifier {
	return asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 7}
}
func oidAES256CBC() asn1.ObjectIdentifier {
	return asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}
}

// kdf derives an encryption key from a passphrase. Its parameters have been
// checked against the limits.
type kdf interface {
	derive(passphrase []byte) ([]byte, error)
}

func (p scryptParams) derive(passphrase []byte) ([]byte, error) {
	return scrypt.Key(passphrase, p.Salt, p.N, p.R, p.P, derivedKeySize)
}

// pbkdf2KDF is PBKDF2 with a hash function.
type pbkdf2KDF struct {
	pbkdf2Params
	hash func() hash.Hash
}

func (p pbkdf2KDF) derive(passphrase []byte) ([]byte, error) {
	return pbkdf2.Key(p.hash, string(passphrase), p.Salt, p.Iterations, derivedKeySize)
}

// origin is where an encrypted key comes from, which decides what is read.
type origin int

const (
	// ours is a key file of a store.
	ours origin = iota
	// imported is a file from elsewhere: it may use HMAC-SHA-1, as Docker Content
	// Trust and Notary wrote it. It is never kept so.
	imported
)

// sealed is an encrypted key, decoded and within the limits, but not yet decrypted.
type sealed struct {
	kdf  kdf
	iv   []byte
	data []byte
}

// seal encrypts a PKCS#8 private key and returns the DER encoding.
func seal(plaintext, passphrase []byte, logN int) ([]byte, error) {
	params := scryptParams{Salt: make([]byte, saltSize), N: 1 << logN, R: scryptR, P: scryptP}
	iv := make([]byte, aes.BlockSize)
	// crypto/rand.Read never fails: it ends the program instead.
	_, _ = rand.Read(params.Salt)
	_, _ = rand.Read(iv)

	key, err := params.derive(passphrase)
	if err != nil {
		return nil, fmt.Errorf("couldn't derive encryption key: %w", err)
	}
	defer clear(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("couldn't encrypt key: %w", err)
	}
	padding := aes.BlockSize - len(plaintext)%aes.BlockSize
	data := make([]byte, len(plaintext)+padding)
	copy(data, plaintext)
	for i := len(plaintext); i < len(data); i++ {
		data[i] = byte(padding)
	}
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(data, data)

	derivation, err := identify(oidScrypt(), params)
	if err != nil {
		return nil, err
	}
	encryption, err := identify(oidAES256CBC(), iv)
	if err != nil {
		return nil, err
	}
	algorithm, err := identify(oidPBES2(), pbes2Params{KeyDerivation: derivation, Encryption: encryption})
	if err != nil {
		return nil, err
	}
	der, err := asn1.Marshal(encryptedPrivateKeyInfo{Algorithm: algorithm, Data: data})
	if err != nil {
		return nil, fmt.Errorf("couldn't encode encrypted key: %w", err)
	}
	return der, nil
}

func identify(oid asn1.ObjectIdentifier, params any) (pkix.AlgorithmIdentifier, error) {
	der, err := asn1.Marshal(params)
	if err != nil {
		return pkix.AlgorithmIdentifier{}, fmt.Errorf("couldn't encode parameters of %v: %w", oid, err)
	}
	return pkix.AlgorithmIdentifier{Algorithm: oid, Parameters: asn1.RawValue{FullBytes: der}}, nil
}

// parseSealed decodes an encrypted key and checks everything that can be checked
// before the expensive part. Errors wrap ErrFormat or ErrCost.
func parseSealed(der []byte, from origin) (sealed, error) {
	var info encryptedPrivateKeyInfo
	if err := unmarshal(der, &info); err != nil {
		return sealed{}, err
	}
	if !info.Algorithm.Algorithm.Equal(oidPBES2()) {
		return sealed{}, fmt.Errorf("%w: the encryption is %v, not PBES2", ErrFormat, info.Algorithm.Algorithm)
	}
	var params pbes2Params
	if err := unmarshal(info.Algorithm.Parameters.FullBytes, &params); err != nil {
		return sealed{}, err
	}

	s := sealed{data: info.Data}
	if !params.Encryption.Algorithm.Equal(oidAES256CBC()) {
		return sealed{}, fmt.Errorf("%w: the cipher is %v, not AES-256-CBC", ErrFormat, params.Encryption.Algorithm)
	}
	if err := unmarshal(params.Encryption.Parameters.FullBytes, &s.iv); err != nil {
		return sealed{}, err
	}
	if len(s.iv) != aes.BlockSize {
		return sealed{}, fmt.Errorf("%w: initialisation vector of %d bytes", ErrFormat, len(s.iv))
	}
	if len(s.data) == 0 || len(s.data)%aes.BlockSize != 0 {
		return sealed{}, fmt.Errorf("%w: %d bytes are no whole number of cipher blocks", ErrFormat, len(s.data))
	}

	var err error
	switch oid := params.KeyDerivation.Algorithm; {
	case oid.Equal(oidScrypt()):
		s.kdf, err = parseScrypt(params.KeyDerivation.Parameters.FullBytes)
	case oid.Equal(oidPBKDF2()):
		s.kdf, err = parsePBKDF2(params.KeyDerivation.Parameters.FullBytes, from)
	default:
		err = fmt.Errorf("%w: the key derivation is %v, neither scrypt nor PBKDF2", ErrFormat, oid)
	}
	return s, err
}

func parseScrypt(der []byte) (kdf, error) {
	var p scryptParams
	if err := unmarshal(der, &p); err != nil {
		return nil, err
	}
	if err := checkCommon(p.Salt, p.KeyLength); err != nil {
		return nil, err
	}
	if p.N < 2 || bits.OnesCount(uint(p.N)) != 1 || p.R < 1 || p.P < 1 {
		return nil, fmt.Errorf("%w: scrypt with N=%d, r=%d, p=%d", ErrFormat, p.N, p.R, p.P)
	}
	// Divisions, since the products may overflow.
	if p.N > maxScryptMemory/p.R || p.N*p.R > maxScryptWork/p.P {
		return nil, fmt.Errorf("%w: scrypt with N=%d, r=%d, p=%d", ErrCost, p.N, p.R, p.P)
	}
	return p, nil
}

func parsePBKDF2(der []byte, from origin) (kdf, error) {
	var p pbkdf2Params
	if err := unmarshal(der, &p); err != nil {
		return nil, err
	}
	if err := checkCommon(p.Salt, p.KeyLength); err != nil {
		return nil, err
	}
	out := pbkdf2KDF{p, sha256.New}
	// An absent function means HMAC-SHA-1.
	if from == imported && (len(p.PRF.Algorithm) == 0 || p.PRF.Algorithm.Equal(oidHMACSHA1())) {
		out.hash = sha1.New
	} else if !p.PRF.Algorithm.Equal(oidHMACSHA256()) {
		return nil, fmt.Errorf("%w: PBKDF2 without HMAC-SHA-256", ErrFormat)
	}
	if null := p.PRF.Parameters.FullBytes; len(null) != 0 && !bytes.Equal(null, asn1.NullBytes) {
		return nil, fmt.Errorf("%w: the function of PBKDF2 has parameters", ErrFormat)
	}
	if p.Iterations < 1 {
		return nil, fmt.Errorf("%w: PBKDF2 with %d iterations", ErrFormat, p.Iterations)
	}
	if p.Iterations > maxPBKDF2Iterations {
		return nil, fmt.Errorf("%w: PBKDF2 with %d iterations", ErrCost, p.Iterations)
	}
	return out, nil
}

func checkCommon(salt []byte, keyLength int) error {
	if len(salt) < minSaltSize || len(salt) > maxSaltSize {
		return fmt.Errorf("%w: salt of %d bytes", ErrFormat, len(salt))
	}
	if keyLength != 0 && keyLength != derivedKeySize {
		return fmt.Errorf("%w: derived key of %d bytes", ErrFormat, keyLength)
	}
	return nil
}

// open decrypts. Its only error that a user can cause wraps ErrPassphrase.
func (s sealed) open(passphrase []byte) ([]byte, error) {
	key, err := s.kdf.derive(passphrase)
	if err != nil {
		return nil, fmt.Errorf("couldn't derive encryption key: %w", err)
	}
	defer clear(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("couldn't decrypt key: %w", err)
	}
	plaintext := make([]byte, len(s.data))
	cipher.NewCBCDecrypter(block, s.iv).CryptBlocks(plaintext, s.data)

	padding := int(plaintext[len(plaintext)-1])
	ok := padding >= 1 && padding <= aes.BlockSize
	if ok {
		for _, b := range plaintext[len(plaintext)-padding:] {
			ok = ok && int(b) == padding
		}
	}
	if !ok {
		clear(plaintext)
		return nil, ErrPassphrase
	}
	return plaintext[:len(plaintext)-padding], nil
}

// unmarshal decodes DER that must fill all of its input.
func unmarshal(der []byte, value any) error {
	rest, err := asn1.Unmarshal(der, value)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if len(rest) != 0 {
		return fmt.Errorf("%w: %d trailing bytes", ErrFormat, len(rest))
	}
	return nil
}
