package keys

import "errors"

var (
	// ErrKeyType reports a keytype that is not on the list.
	ErrKeyType = errors.New("unsupported key type")

	// ErrScheme reports a signature scheme that is not the one of the keytype.
	ErrScheme = errors.New("signature scheme does not belong to the key type")

	// ErrEncoding reports a public key whose text is not its one canonical
	// encoding: wrong length, upper-case digits, other line ends, PEM headers,
	// another kind of key inside.
	ErrEncoding = errors.New("public key is not in its canonical encoding")

	// ErrWeakKey reports a well-encoded key that must not be used: an Ed25519
	// point outside the prime-order group, an RSA key of a refused size or
	// exponent.
	ErrWeakKey = errors.New("public key is weak")

	// ErrKeyID reports text that is not a key id.
	ErrKeyID = errors.New("malformed key id")

	// ErrSignature reports a signature that does not verify, for whatever
	// reason: the message, the key, the encoding or the arithmetic.
	ErrSignature = errors.New("signature does not verify")

	// ErrNoFixedForm reports a key whose signatures have no fixed-width form.
	ErrNoFixedForm = errors.New("key has no fixed-width signature")

	// ErrNoKey reports the use of a zero PublicKey.
	ErrNoKey = errors.New("no public key")
)
