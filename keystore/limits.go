package keystore

const (
	// maxFileSize bounds a key file in bytes. An encrypted RSA key of 4096 bits,
	// the largest that is accepted, takes about 3.4 KiB.
	maxFileSize = 16 << 10

	// maxNameLength bounds a key's name in bytes; with its suffixes it stays far
	// below the 255 bytes of a file name.
	maxNameLength = 64

	// maxPassphrase bounds a passphrase in bytes. OpenSSL's own prompt stops there.
	maxPassphrase = 1024

	// minPassphrase is how many characters a new passphrase has before nobody is warned:
	// twelve random lower-case letters are 56 bits, some billion years of guessing at
	// half a second each.
	minPassphrase = 12

	// defaultLogN, scryptR and scryptP are the costs of new files: 16 MiB of
	// memory and about half a second. More memory at once would be harder on
	// attackers, but OpenSSL refuses to use over 32 MiB for a key file; p makes up
	// for it in time (2^14, 8, 5 is equivalent to 2^17, 8, 1, and this is twice that).
	defaultLogN = 14
	scryptR     = 8
	scryptP     = 10

	// maxScryptMemory bounds N*r when reading. scrypt needs 128*N*r bytes, so 256
	// MiB: a file from elsewhere cannot exhaust the machine before it is refused.
	maxScryptMemory = 1 << 21

	// maxScryptWork bounds N*r*p when reading: about six times the default.
	maxScryptWork = 1 << 23

	// maxPBKDF2Iterations bounds the other key derivation that Import reads, to a few seconds.
	maxPBKDF2Iterations = 10_000_000

	// saltSize is the length of new salts in bytes; minSaltSize (RFC 8018, 4.1) and
	// maxSaltSize bound what is read.
	saltSize    = 16
	minSaltSize = 8
	maxSaltSize = 64

	// derivedKeySize is the key length of AES-256 in bytes.
	derivedKeySize = 32

	// dirMode and fileMode are those of what is made. What is read is judged by
	// package safefile.
	dirMode  = 0o700
	fileMode = 0o600
)
