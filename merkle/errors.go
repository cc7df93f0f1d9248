package merkle

import "errors"

var (
	// ErrMalformed says that bytes are not the one valid encoding of anything:
	// too short, too long, or not canonical. Whoever made them does not follow
	// the format.
	ErrMalformed = errors.New("malformed")

	// ErrMismatch says that a well-formed proof does not lead to the trusted
	// root: it proves something else, or nothing. Treat it as an attack.
	ErrMismatch = errors.New("proof does not match")

	// ErrRange says that an index or a size lies outside the log it is asked of.
	ErrRange = errors.New("out of range")

	// ErrInvalidChange says that a change can't be made to any map, such as one
	// with an empty value.
	ErrInvalidChange = errors.New("invalid change")
)
