package change

const (
	// MaxRequestSize bounds a signing request in bytes: it holds a role file of the
	// largest size and the one it follows, in base64, with room for white space.
	MaxRequestSize = 16 << 20
)
