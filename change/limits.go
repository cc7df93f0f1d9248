package change

const (
	// MaxRequestSize bounds a signing request in bytes: it holds a role file of the
	// largest size and the one it follows, in base64, with room for white space.
	MaxRequestSize = 16 << 20

	// maxRequestMarks bounds the commas and opening braces of a request's JSON, each of
	// which may begin an object or an element of a list: those take two or three bytes of
	// text and a hundred of memory. The largest request has some 3,300, and none in a text.
	maxRequestMarks = 4096
)
