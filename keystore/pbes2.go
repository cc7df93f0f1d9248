package keystore

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/asn1"
	"fmt"
	"hash"
	"math/bits"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/scrypt"
)

// What follows is PBES2 of RFC 8018, appendix A, with scrypt of RFC 7914, section 7.

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

// scryptParams are scrypt with its costs.
type scryptParams struct {
	salt    []byte
	n, r, p int
}

func (p scryptParams) derive(passphrase []byte) ([]byte, error) {
	return scrypt.Key(passphrase, p.salt, p.n, p.r, p.p, derivedKeySize)
}

func (p scryptParams) encode(b *cryptobyte.Builder) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1OctetString(p.salt)
		for _, n := range []int{p.n, p.r, p.p} {
			b.AddASN1Int64(int64(n))
		}
	})
}

// pbkdf2Params are PBKDF2 with a hash function.
type pbkdf2Params struct {
	salt       []byte
	iterations int
	hash       func() hash.Hash
}

func (p pbkdf2Params) derive(passphrase []byte) ([]byte, error) {
	return pbkdf2.Key(p.hash, string(passphrase), p.salt, p.iterations, derivedKeySize)
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
	params := scryptParams{salt: make([]byte, saltSize), n: 1 << logN, r: scryptR, p: scryptP}
	iv := make([]byte, aes.BlockSize)
	// crypto/rand.Read never fails: it ends the program instead.
	_, _ = rand.Read(params.salt)
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

	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		addAlgorithm(b, oidPBES2(), func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				addAlgorithm(b, oidScrypt(), params.encode)
				addAlgorithm(b, oidAES256CBC(), func(b *cryptobyte.Builder) { b.AddASN1OctetString(iv) })
			})
		})
		b.AddASN1OctetString(data)
	})
	der, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("couldn't encode encrypted key: %w", err)
	}
	return der, nil
}

// parseSealed decodes an encrypted key and checks everything that can be checked
// before the expensive part. Errors wrap ErrFormat or ErrCost.
func parseSealed(der []byte, from origin) (sealed, error) {
	var s sealed
	var info, params cryptobyte.String
	var scheme, derivation, encryption algorithm
	if !readSequence(der, &info) || !readAlgorithm(&info, &scheme) || !readOctets(&info, &s.data) || !info.Empty() {
		return sealed{}, fmt.Errorf("%w: it is no encrypted PKCS#8 key", ErrFormat)
	}
	if !scheme.oid.Equal(oidPBES2()) {
		return sealed{}, fmt.Errorf("%w: the encryption is %v, not PBES2", ErrFormat, scheme.oid)
	}
	if !readSequence(scheme.parameters, &params) || !readAlgorithm(&params, &derivation) || !readAlgorithm(&params, &encryption) || !params.Empty() {
		return sealed{}, errParameters("PBES2")
	}
	if !encryption.oid.Equal(oidAES256CBC()) {
		return sealed{}, fmt.Errorf("%w: the cipher is %v, not AES-256-CBC", ErrFormat, encryption.oid)
	}
	if !readOctets(&encryption.parameters, &s.iv) || !encryption.parameters.Empty() {
		return sealed{}, errParameters("AES-256-CBC")
	}
	if len(s.iv) != aes.BlockSize {
		return sealed{}, fmt.Errorf("%w: initialisation vector of %d bytes", ErrFormat, len(s.iv))
	}
	if len(s.data) == 0 || len(s.data)%aes.BlockSize != 0 {
		return sealed{}, fmt.Errorf("%w: %d bytes are no whole number of cipher blocks", ErrFormat, len(s.data))
	}

	var err error
	switch oid := derivation.oid; {
	case oid.Equal(oidScrypt()):
		s.kdf, err = parseScrypt(derivation.parameters)
	case oid.Equal(oidPBKDF2()):
		s.kdf, err = parsePBKDF2(derivation.parameters, from)
	default:
		err = fmt.Errorf("%w: the key derivation is %v, neither scrypt nor PBKDF2", ErrFormat, oid)
	}
	return s, err
}

func errParameters(of string) error {
	return fmt.Errorf("%w: the parameters of %s are damaged", ErrFormat, of)
}

func parseScrypt(der cryptobyte.String) (kdf, error) {
	var p scryptParams
	var fields cryptobyte.String
	if !readSequence(der, &fields) || !readOctets(&fields, &p.salt) ||
		!fields.ReadASN1Integer(&p.n) || !fields.ReadASN1Integer(&p.r) || !fields.ReadASN1Integer(&p.p) {
		return nil, errParameters("scrypt")
	}
	if err := checkSalt(p.salt); err != nil {
		return nil, err
	}
	if err := readKeyLength(&fields); err != nil {
		return nil, err
	}
	if !fields.Empty() {
		return nil, errParameters("scrypt")
	}
	if p.n < 2 || bits.OnesCount(uint(p.n)) != 1 || p.r < 1 || p.p < 1 {
		return nil, fmt.Errorf("%w: scrypt with N=%d, r=%d, p=%d", ErrFormat, p.n, p.r, p.p)
	}
	// Divisions, since the products may overflow.
	if p.n > maxScryptMemory/p.r || p.n*p.r > maxScryptWork/p.p {
		return nil, fmt.Errorf("%w: scrypt with N=%d, r=%d, p=%d", ErrCost, p.n, p.r, p.p)
	}
	return p, nil
}

func parsePBKDF2(der cryptobyte.String, from origin) (kdf, error) {
	p := pbkdf2Params{hash: sha256.New}
	var fields cryptobyte.String
	if !readSequence(der, &fields) || !readOctets(&fields, &p.salt) || !fields.ReadASN1Integer(&p.iterations) {
		return nil, errParameters("PBKDF2")
	}
	if err := checkSalt(p.salt); err != nil {
		return nil, err
	}
	if err := readKeyLength(&fields); err != nil {
		return nil, err
	}
	function := algorithm{oid: oidHMACSHA1()} // by default
	if !fields.Empty() && (!readAlgorithm(&fields, &function) || !fields.Empty()) {
		return nil, errParameters("PBKDF2")
	}
	if from == imported && function.oid.Equal(oidHMACSHA1()) {
		p.hash = sha1.New
	} else if !function.oid.Equal(oidHMACSHA256()) {
		return nil, fmt.Errorf("%w: PBKDF2 without HMAC-SHA-256", ErrFormat)
	}
	if null := function.parameters; len(null) != 0 && !bytes.Equal(null, asn1.NullBytes) {
		return nil, fmt.Errorf("%w: the function of PBKDF2 has parameters", ErrFormat)
	}
	if p.iterations < 1 {
		return nil, fmt.Errorf("%w: PBKDF2 with %d iterations", ErrFormat, p.iterations)
	}
	if p.iterations > maxPBKDF2Iterations {
		return nil, fmt.Errorf("%w: PBKDF2 with %d iterations", ErrCost, p.iterations)
	}
	return p, nil
}

func checkSalt(salt []byte) error {
	if len(salt) < minSaltSize || len(salt) > maxSaltSize {
		return fmt.Errorf("%w: salt of %d bytes", ErrFormat, len(salt))
	}
	return nil
}

// readKeyLength reads the length of the derived key, which may be left out.
func readKeyLength(s *cryptobyte.String) error {
	length := derivedKeySize
	if s.PeekASN1Tag(cbasn1.INTEGER) && !s.ReadASN1Integer(&length) || length != derivedKeySize {
		return fmt.Errorf("%w: the derived key has another length than %d bytes", ErrFormat, derivedKeySize)
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
