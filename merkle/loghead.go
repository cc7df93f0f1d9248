package merkle

import (
	"encoding/binary"
	"fmt"
)

// LogHeadSize is the size of an encoded LogHead, in bytes.
const LogHeadSize = 8 + HashSize

// LogHead names one state of the log: its number of leaves and its root hash.
type LogHead struct {
	Size uint64
	Root Hash
}

// EmptyLogHead returns the head of the log without leaves.
func EmptyLogHead() LogHead { return LogHead{Root: EmptyLogRoot()} }

// Encode returns the size as a big-endian 64-bit integer, then the root.
func (h LogHead) Encode() []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, LogHeadSize), h.Size)
	return append(b, h.Root[:]...)
}

// DecodeLogHead is the inverse of LogHead.Encode. It returns ErrMalformed for
// any other length, for a size above MaxLogSize, and for a size of zero with
// another root than that of the empty log.
func DecodeLogHead(b []byte) (LogHead, error) {
	if len(b) != LogHeadSize {
		return LogHead{}, fmt.Errorf("%w log head: %d bytes instead of %d", ErrMalformed, len(b), LogHeadSize)
	}
	h := LogHead{Size: binary.BigEndian.Uint64(b), Root: Hash(b[8:])}
	if err := h.check(); err != nil {
		return LogHead{}, err
	}
	return h, nil
}

// check refuses heads that no log can have.
func (h LogHead) check() error {
	switch {
	case h.Size > MaxLogSize:
		return fmt.Errorf("%w log head: size %d is above the limit", ErrMalformed, h.Size)
	case h.Size == 0 && h.Root != EmptyLogRoot():
		return fmt.Errorf("%w log head: size 0 with the root of another log", ErrMalformed)
	}
	return nil
}
