package proto

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// MaxParts bounds the messages of a ProtoJSON text, with the outer one, and the elements
// of its lists that are none, together. An element of two bytes becomes a hundred in
// memory and more, so a bound on bytes alone bounds no memory: these become some tens of
// megabytes at most. A bundle has below 1,500, most of them roots and light blocks. A file
// of bundles reaches its bound in bytes first: 64 MiB leave a kilobyte for each part, and
// a root or a light block takes more.
const MaxParts = 65_536

// checkJSON walks a text against the descriptor of a message, without building
// anything, and refuses what docs/spec.md, "ProtoJSON" does not allow although the
// library reads it: null, numbers in text where a number belongs, fractions and
// exponents, base64 without padding or of the URL alphabet, and more parts than MaxParts.
// It leaves ranges and the content of strings to the library, which reads the text next.
func checkJSON(desc protoreflect.MessageDescriptor, b []byte) error {
	s := &jsonScanner{rest: b}
	if err := s.message(desc, 1); err != nil {
		return err
	}
	if s.space(); len(s.rest) > 0 {
		return s.bad("data after the message")
	}
	return nil
}

// jsonScanner consumes a JSON text from its front.
type jsonScanner struct {
	rest  []byte
	parts int // messages and elements of lists so far
}

// part counts a message or an element of a list.
func (s *jsonScanner) part() error {
	if s.parts++; s.parts > MaxParts {
		return s.bad("more than %d messages and elements of lists", MaxParts)
	}
	return nil
}

func (s *jsonScanner) bad(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrJSON, fmt.Sprintf(format, args...))
}

func (s *jsonScanner) space() { s.rest = bytes.TrimLeft(s.rest, " \t\r\n") }

// next consumes white space and, if it follows, the character c.
func (s *jsonScanner) next(c byte) bool {
	s.space()
	if len(s.rest) == 0 || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

// list consumes an object or array whose elements the function consumes.
func (s *jsonScanner) list(opening, closing byte, element func() error) error {
	if !s.next(opening) {
		return s.bad("not %q where it belongs", opening)
	}
	if s.next(closing) {
		return nil
	}
	for {
		if err := element(); err != nil {
			return err
		}
		if s.next(closing) {
			return nil
		}
		if !s.next(',') {
			return s.bad("neither ',' nor %q after an element", closing)
		}
	}
}

func (s *jsonScanner) message(desc protoreflect.MessageDescriptor, depth int) error {
	if depth > maxMessageDepth {
		return s.bad("nested too deep")
	}
	if err := s.part(); err != nil {
		return err
	}
	seen := make(map[protoreflect.FieldNumber]bool)
	return s.list('{', '}', func() error {
		name, err := s.text()
		if err != nil {
			return err
		}
		field := desc.Fields().ByJSONName(string(name))
		if field == nil {
			field = desc.Fields().ByTextName(string(name))
		}
		if field == nil {
			return s.bad("unknown field of %s", desc.Name())
		}
		if seen[field.Number()] {
			return s.bad("field %s occurs twice", field.Name())
		}
		seen[field.Number()] = true
		if !s.next(':') {
			return s.bad("no ':' after a name")
		}
		if field.IsList() {
			return s.list('[', ']', func() error { return s.element(field, depth) })
		}
		return s.value(field, depth)
	})
}

// element consumes one element of a list.
func (s *jsonScanner) element(field protoreflect.FieldDescriptor, depth int) error {
	if field.Kind() != protoreflect.MessageKind { // which counts itself
		if err := s.part(); err != nil {
			return err
		}
	}
	return s.value(field, depth)
}

// value consumes one value of a field.
func (s *jsonScanner) value(field protoreflect.FieldDescriptor, depth int) error {
	switch field.Kind() {
	case protoreflect.MessageKind:
		return s.message(field.Message(), depth+1)
	case protoreflect.BoolKind:
		if word := s.word(); word != "true" && word != "false" {
			return s.bad("%s is neither true nor false", field.Name())
		}
	case protoreflect.Uint32Kind:
		if !plainInteger(s.word(), false) {
			return s.bad("%s is not a number", field.Name())
		}
	case protoreflect.Uint64Kind, protoreflect.Int64Kind:
		word := ""
		if s.space(); len(s.rest) > 0 && s.rest[0] == '"' {
			text, err := s.text()
			if err != nil {
				return err
			}
			word = string(text)
		} else {
			word = s.word()
		}
		if !plainInteger(word, field.Kind() == protoreflect.Int64Kind) {
			return s.bad("%s is not a number", field.Name())
		}
	case protoreflect.BytesKind:
		text, err := s.text()
		if err != nil {
			return err
		}
		if !plainBase64(text) {
			return s.bad("%s is not standard base64 with padding", field.Name())
		}
	case protoreflect.StringKind:
		if _, err := s.text(); err != nil {
			return err
		}
	default:
		return s.bad("%s has a kind that is not used", field.Name())
	}
	return nil
}

// text consumes a string and returns what stands between its quotes, escapes as they
// are: nothing with an escape is a name, a number or base64.
func (s *jsonScanner) text() ([]byte, error) {
	if !s.next('"') {
		return nil, s.bad("not a string where one belongs")
	}
	for i := 0; i < len(s.rest); i++ {
		switch s.rest[i] {
		case '\\':
			i++ // whatever it is, it is not the end
		case '"':
			text := s.rest[:i]
			s.rest = s.rest[i+1:]
			return text, nil
		}
	}
	return nil, s.bad("a string without end")
}

// word consumes a number or a literal.
func (s *jsonScanner) word() string {
	s.space()
	n := bytes.IndexFunc(s.rest, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '-' && r != '+' && r != '.'
	})
	if n < 0 {
		n = len(s.rest)
	}
	word := string(s.rest[:n])
	s.rest = s.rest[n:]
	return word
}

// maxDigits is the length of the greatest 64-bit integer.
const maxDigits = 20

// plainInteger reports whether text is an integer in decimal, without sign unless it
// is negative and may be, leading zeros, fraction and exponent.
func plainInteger(text string, signed bool) bool {
	if signed && len(text) > 1 && text[0] == '-' && text[1] != '0' {
		text = text[1:]
	}
	if text == "" || len(text) > maxDigits || text[0] == '0' && len(text) > 1 {
		return false
	}
	return strings.Trim(text, "0123456789") == ""
}

// plainBase64 reports whether text is the one standard base64 of some bytes, with
// padding: no other alphabet, no line ends, no bits behind the last byte.
func plainBase64(text []byte) bool {
	if len(text)%4 != 0 {
		return false
	}
	if bytes.ContainsAny(text, "\\\r\n") {
		return false
	}
	// Only the last group can hold padding; the rest is letters.
	body := text[:max(len(text)-4, 0)]
	for _, c := range body {
		if (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '+' && c != '/' {
			return false
		}
	}
	var last [3]byte
	_, err := base64.StdEncoding.Strict().Decode(last[:], text[len(body):])
	return err == nil
}
