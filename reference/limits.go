package reference

const (
	// MaxRepositoryLength bounds a canonical repository name in bytes, host and
	// slashes included. Registries store 255 bytes of name; a longer one could
	// not be pulled.
	MaxRepositoryLength = 255

	// MaxTagLength bounds a tag in bytes, as the OCI distribution specification does.
	MaxTagLength = 128

	// MaxDigestLength is the length of the longest digest in bytes: "sha512:" and 128 digits.
	MaxDigestLength = 7 + 128

	// MaxReferenceLength bounds the text given to ParseReference, so that nothing
	// is scanned that no valid reference could fill.
	MaxReferenceLength = MaxRepositoryLength + 1 + MaxTagLength + 1 + MaxDigestLength

	// identifierLength is the number of hexadecimal digits in a Docker image id.
	identifierLength = 64
)
