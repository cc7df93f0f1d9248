package keys

import (
	"bytes"
	"encoding/hex"
	"fmt"
)

// IDSize is the size of a key id in bytes.
const IDSize = 32

// ID identifies a public key: the SHA-256 of its canonical JSON.
type ID [IDSize]byte

// ParseID reads an id from exactly 64 lower-case hex digits.
func ParseID(s string) (ID, error) {
	var id ID
	if !decodeLowerHex(id[:], s) {
		return ID{}, fmt.Errorf("%w: want %d lower-case hex digits", ErrKeyID, 2*IDSize)
	}
	return id, nil
}

// String returns the id as 64 lower-case hex digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Compare orders ids by their bytes, which is also the order of their text.
func (id ID) Compare(other ID) int { return bytes.Compare(id[:], other[:]) }

// MarshalText implements encoding.TextMarshaler.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler; it is as strict as ParseID.
func (id *ID) UnmarshalText(text []byte) error {
	parsed, err := ParseID(string(text))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}

// decodeLowerHex fills dst from s and reports whether s is exactly the
// lower-case hex text of dst.
func decodeLowerHex(dst []byte, s string) bool {
	if len(s) != 2*len(dst) {
		return false
	}
	for i := range dst {
		high, low := lowerHexDigit(s[2*i]), lowerHexDigit(s[2*i+1])
		if high < 0 || low < 0 {
			return false
		}
		dst[i] = byte(high<<4 | low)
	}
	return true
}

// lowerHexDigit returns the value of a digit, or -1.
func lowerHexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}
