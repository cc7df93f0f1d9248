package keys

const (
	// MinRSABits is the least modulus size that current guidance (NIST SP
	// 800-131A) allows for new signatures.
	MinRSABits = 2048

	// MaxRSABits bounds the cost of a verification: it grows with the square
	// of the modulus.
	MaxRSABits = 4096

	// RSAExponent is the only public exponent accepted. Small exponents have a
	// history of padding attacks; large ones make verification slow at will.
	RSAExponent = 65537

	// SaltSize is the length of the PSS salt in bytes, that of the digest.
	// Verifiers that detect the length by themselves accept more signatures
	// than those that expect one, so one length is fixed.
	SaltSize = 32

	// MaxPublicSize bounds the text of a public key before it is decoded. The
	// PEM text of an RSA key of MaxRSABits takes 800 bytes.
	MaxPublicSize = 1024

	// MaxSignatureSize is the largest signature of any accepted key: that of
	// an RSA key of MaxRSABits.
	MaxSignatureSize = MaxRSABits / 8

	// FixedSize is the size of a fixed-width signature in bytes; see
	// VerifyFixed.
	FixedSize = 64
)
