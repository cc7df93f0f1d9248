package reference

// Tag is a valid tag. The zero value is no tag.
type Tag struct {
	text string
}

// Latest returns the tag that a reference means when it names neither tag nor digest.
func Latest() Tag { return Tag{text: "latest"} }

// ParseTag reads a tag. Tags are case sensitive and have one form only. Errors
// wrap ErrInvalidTag.
func ParseTag(text string) (Tag, error) {
	if text == "" {
		return Tag{}, refuse(ErrInvalidTag, text, "empty")
	}
	if len(text) > MaxTagLength {
		return Tag{}, refuse(ErrInvalidTag, text, "longer than 128 bytes")
	}
	for i := range len(text) {
		c := text[i]
		switch {
		case isLowerAlnum(c), c >= 'A' && c <= 'Z', c == '_':
		case c == '.' || c == '-':
			if i == 0 {
				return Tag{}, refuse(ErrInvalidTag, text, "it begins with a separator")
			}
		default:
			return Tag{}, refuse(ErrInvalidTag, text, describeByte("tag", c))
		}
	}
	return Tag{text: text}, nil
}

// MustParseTag is ParseTag for constants of the program or of a test. It panics
// on anything invalid.
func MustParseTag(text string) Tag {
	tag, err := ParseTag(text)
	if err != nil {
		panic(err)
	}
	return tag
}

// IsZero reports whether t is the zero value.
func (t Tag) IsZero() bool { return t == Tag{} }

// String returns the tag.
func (t Tag) String() string { return t.text }

// MarshalText returns the tag.
func (t Tag) MarshalText() ([]byte, error) { return []byte(t.text), nil }

// UnmarshalText is ParseTag.
func (t *Tag) UnmarshalText(text []byte) error {
	tag, err := ParseTag(string(text))
	if err != nil {
		return err
	}
	*t = tag
	return nil
}
