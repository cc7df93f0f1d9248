package tuf

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// frame is an object or array that is open during a scan.
type frame struct {
	object bool
	key    []byte // the last field name of an object, nil before the first
}

// What a scan expects next.
type expectation int

const (
	expectValue      expectation = iota
	expectFirstValue             // a value, or the end of an empty array
	expectKey                    // a field name
	expectFirstKey               // a field name, or the end of an empty object
	expectNext                   // a comma, or the end of the object or array
)

// scan checks all that can be said about the bytes of a file without knowing
// its fields: that it is one JSON value and written canonically. It allocates
// nothing and does not recurse, so it is safe before any other check. The
// decoder relies on it.
func scan(b []byte) error {
	var stack [MaxDepth]frame
	depth, pos := 0, 0
	expect := expectValue
	for {
		if depth == 0 && expect == expectNext {
			if pos == len(b) {
				return nil
			}
			return fmt.Errorf("%w: trailing bytes at offset %d", ErrNotCanonical, pos)
		}
		if pos == len(b) {
			return fmt.Errorf("%w: ends in the middle", ErrSyntax)
		}
		c := b[pos]
		if isSpace(c) {
			return fmt.Errorf("%w: white space at offset %d", ErrNotCanonical, pos)
		}

		ends := false
		switch expect {
		case expectFirstValue:
			ends = c == ']'
		case expectFirstKey:
			ends = c == '}'
		case expectNext:
			if stack[depth-1].object {
				ends = c == '}'
			} else {
				ends = c == ']'
			}
		case expectValue, expectKey:
		}
		if ends {
			pos++
			depth--
			expect = expectNext
			continue
		}

		switch expect {
		case expectNext:
			if c != ',' {
				return unexpected(pos)
			}
			pos++
			expect = expectValue
			if stack[depth-1].object {
				expect = expectKey
			}
		case expectKey, expectFirstKey:
			end, err := scanString(b, pos)
			if err != nil {
				return err
			}
			name := b[pos+1 : end-1]
			if err := checkOrder(stack[depth-1].key, name, pos); err != nil {
				return err
			}
			stack[depth-1].key = name
			pos = end
			if pos == len(b) {
				return fmt.Errorf("%w: ends in the middle", ErrSyntax)
			}
			if isSpace(b[pos]) {
				return fmt.Errorf("%w: white space at offset %d", ErrNotCanonical, pos)
			}
			if b[pos] != ':' {
				return unexpected(pos)
			}
			pos++
			expect = expectValue
		case expectValue, expectFirstValue:
			if c == '{' || c == '[' {
				if depth == MaxDepth {
					return fmt.Errorf("%w: at offset %d", ErrTooDeep, pos)
				}
				stack[depth] = frame{object: c == '{'}
				depth++
				pos++
				expect = expectFirstValue
				if c == '{' {
					expect = expectFirstKey
				}
				continue
			}
			end, err := scanScalar(b, pos)
			if err != nil {
				return err
			}
			pos = end
			expect = expectNext
		}
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func unexpected(pos int) error {
	return fmt.Errorf("%w: unexpected byte at offset %d", ErrSyntax, pos)
}

// checkOrder compares a field name with its predecessor. Canonical form sorts
// by the bytes of the unescaped names; no name of the format needs an escape.
func checkOrder(previous, name []byte, pos int) error {
	if bytes.IndexByte(name, '\\') >= 0 {
		return fmt.Errorf("%w: escape in field name at offset %d", ErrNotCanonical, pos)
	}
	if previous == nil {
		return nil
	}
	switch order := bytes.Compare(previous, name); {
	case order == 0:
		return fmt.Errorf("%w: at offset %d", ErrDuplicateKey, pos)
	case order > 0:
		return fmt.Errorf("%w: field names are not sorted at offset %d", ErrNotCanonical, pos)
	}
	return nil
}

// scanScalar returns the offset behind the string, number or literal at pos.
func scanScalar(b []byte, pos int) (int, error) {
	switch c := b[pos]; {
	case c == '"':
		return scanString(b, pos)
	case c == '-' || '0' <= c && c <= '9':
		return scanNumber(b, pos)
	case bytes.HasPrefix(b[pos:], []byte("true")):
		return pos + len("true"), nil
	case bytes.HasPrefix(b[pos:], []byte("false")):
		return pos + len("false"), nil
	case bytes.HasPrefix(b[pos:], []byte("null")):
		return 0, fmt.Errorf("%w: at offset %d", ErrNull, pos)
	}
	return 0, unexpected(pos)
}

// scanNumber returns the offset behind the integer at pos.
func scanNumber(b []byte, pos int) (int, error) {
	end := pos
	for end < len(b) && isNumberByte(b[end]) {
		end++
	}
	text := b[pos:end]
	// The longest integer within the limit has 16 digits.
	if len(text) > len("-9007199254740992") {
		return 0, fmt.Errorf("%w: at offset %d", ErrNumber, pos)
	}
	value, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || value > MaxInteger || value < -MaxInteger {
		return 0, fmt.Errorf("%w: at offset %d", ErrNumber, pos)
	}
	if strconv.FormatInt(value, 10) != string(text) {
		return 0, fmt.Errorf("%w: number at offset %d", ErrNotCanonical, pos)
	}
	return end, nil
}

func isNumberByte(c byte) bool {
	return '0' <= c && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}

// scanString returns the offset behind the string at pos.
func scanString(b []byte, pos int) (int, error) {
	if b[pos] != '"' {
		return 0, unexpected(pos)
	}
	for i := pos + 1; i < len(b); {
		if i-pos-1 > MaxStringSize {
			return 0, fmt.Errorf("%w: string at offset %d is longer than %d bytes", ErrLimit, pos, MaxStringSize)
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1, nil
		case c == '\\':
			if i+1 == len(b) {
				return 0, fmt.Errorf("%w: ends in the middle", ErrSyntax)
			}
			if e := b[i+1]; e != '"' && e != '\\' && e != 'n' {
				return 0, fmt.Errorf("%w: escape at offset %d", ErrNotCanonical, i)
			}
			i += 2
		case c < 0x20 || c == 0x7f || c == '<' || c == '>' || c == '&':
			return 0, fmt.Errorf("%w: at offset %d", ErrCharacter, i)
		case c < utf8.RuneSelf:
			i++
		default:
			r, size := utf8.DecodeRune(b[i:])
			if r == utf8.RuneError && size == 1 {
				return 0, fmt.Errorf("%w: invalid UTF-8 at offset %d", ErrCharacter, i)
			}
			if r == '\u2028' || r == '\u2029' {
				return 0, fmt.Errorf("%w: at offset %d", ErrCharacter, i)
			}
			i += size
		}
	}
	return 0, fmt.Errorf("%w: ends in the middle", ErrSyntax)
}
