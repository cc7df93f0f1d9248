package tuf

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"hullmark/printable"
)

// decoder reads the fields of a file that scan has accepted. It never looks at
// a value that its caller did not ask for: an unknown field ends the decoding.
type decoder struct {
	b   []byte
	pos int
}

// peek returns the next byte, or 0 at the end.
func (d *decoder) peek() byte {
	if d.pos < len(d.b) {
		return d.b[d.pos]
	}
	return 0
}

// object reads an object and calls field for each name, to read the value.
func (d *decoder) object(field func(name string) error) error {
	if d.peek() != '{' {
		return fmt.Errorf("%w: want an object", ErrFieldType)
	}
	d.pos++
	for d.peek() != '}' {
		name, err := d.text()
		if err != nil {
			return err
		}
		d.pos++ // colon
		if err := field(name); err != nil {
			return fmt.Errorf("%s: %w", printable.Clip(name, maxShown), err)
		}
		if d.peek() == ',' {
			d.pos++
		}
	}
	d.pos++
	return nil
}

// record reads an object with a closed list of fields. A name in the list that
// ends in a question mark is optional.
func (d *decoder) record(names []string, field func(name string) error) error {
	seen := make([]bool, len(names))
	err := d.object(func(name string) error {
		i := slices.IndexFunc(names, func(s string) bool { return strings.TrimSuffix(s, "?") == name })
		if i < 0 {
			return ErrUnknownField
		}
		seen[i] = true // at most once: scan refuses duplicates
		return field(name)
	})
	if err != nil {
		return err
	}
	for i, name := range names {
		if !seen[i] && !strings.HasSuffix(name, "?") {
			return fmt.Errorf("%s: %w", name, ErrMissingField)
		}
	}
	return nil
}

// list reads an array of at most limit values and calls element for each.
func (d *decoder) list(limit int, element func() error) error {
	if d.peek() != '[' {
		return fmt.Errorf("%w: want a list", ErrFieldType)
	}
	d.pos++
	for n := 0; d.peek() != ']'; n++ {
		if n == limit {
			return fmt.Errorf("%w: more than %d entries", ErrLimit, limit)
		}
		if err := element(); err != nil {
			return fmt.Errorf("entry %d: %w", n, err)
		}
		if d.peek() == ',' {
			d.pos++
		}
	}
	d.pos++
	return nil
}

// raw reads a string and returns what stands between its quotes.
func (d *decoder) raw() ([]byte, error) {
	if d.peek() != '"' {
		return nil, fmt.Errorf("%w: want a string", ErrFieldType)
	}
	for end := d.pos + 1; end < len(d.b); end++ {
		switch d.b[end] {
		case '\\':
			end++
		case '"':
			raw := d.b[d.pos+1 : end]
			d.pos = end + 1
			return raw, nil
		}
	}
	return nil, ErrSyntax
}

// text reads a string that holds no escape. Only PEM keys need one.
func (d *decoder) text() (string, error) {
	raw, err := d.raw()
	if err != nil {
		return "", err
	}
	if slices.Contains(raw, '\\') {
		return "", fmt.Errorf("%w: escape", ErrCharacter)
	}
	return string(raw), nil
}

// multiline reads a string that may hold newlines.
func (d *decoder) multiline() (string, error) {
	raw, err := d.raw()
	if err != nil {
		return "", err
	}
	s := strings.ReplaceAll(string(raw), `\n`, "\n")
	if strings.Contains(s, `\`) {
		return "", fmt.Errorf("%w: escape", ErrCharacter)
	}
	return s, nil
}

// integer reads a number.
func (d *decoder) integer() (int64, error) {
	end := d.pos
	for end < len(d.b) && isNumberByte(d.b[end]) {
		end++
	}
	if end == d.pos {
		return 0, fmt.Errorf("%w: want an integer", ErrFieldType)
	}
	n, err := strconv.ParseInt(string(d.b[d.pos:end]), 10, 64)
	if err != nil {
		return 0, ErrNumber
	}
	d.pos = end
	return n, nil
}

// boolean reads true or false.
func (d *decoder) boolean() (bool, error) {
	switch d.peek() {
	case 't':
		d.pos += len("true")
		return true, nil
	case 'f':
		d.pos += len("false")
		return false, nil
	}
	return false, fmt.Errorf("%w: want true or false", ErrFieldType)
}
