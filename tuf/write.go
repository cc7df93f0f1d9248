package tuf

import (
	"encoding/hex"
	"strconv"
)

// form selects one of the two encodings of a signed part.
type form int

const (
	fileForm    form = iota // newlines escaped: valid JSON
	signingForm             // newlines raw: OLPC canonical JSON
)

// writer appends canonical JSON. The caller writes fields in sorted order.
type writer struct {
	b    []byte
	form form
}

// raw appends literal text: punctuation and field names.
func (w *writer) raw(s string) { w.b = append(w.b, s...) }

// text appends a string.
func (w *writer) text(s string) {
	w.b = append(w.b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			w.b = append(w.b, '\\', c)
		case c == '\n' && w.form == fileForm:
			w.b = append(w.b, '\\', 'n')
		default:
			w.b = append(w.b, c)
		}
	}
	w.b = append(w.b, '"')
}

// hex appends bytes as a string of lower-case hex digits.
func (w *writer) hex(b []byte) {
	w.b = append(w.b, '"')
	w.b = hex.AppendEncode(w.b, b)
	w.b = append(w.b, '"')
}

// integer appends a number.
func (w *writer) integer(n uint64) { w.b = strconv.AppendUint(w.b, n, 10) }

// boolean appends true or false.
func (w *writer) boolean(v bool) { w.b = strconv.AppendBool(w.b, v) }

// comma appends a separator before every entry but the first.
func (w *writer) comma(i int) {
	if i > 0 {
		w.b = append(w.b, ',')
	}
}
