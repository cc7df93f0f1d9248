package admission

import (
	"errors"
	"io"
)

// ErrTooLarge is returned for a body of more bytes than it may have.
var ErrTooLarge = errors.New("the body is too large")

// ReadBody reads a body of at most most bytes and takes room for them while they come,
// never more than twice what has come. It returns the bytes and their room, which the
// caller releases; after an error there is none (ErrTooLarge, ErrOwnShare, ErrFull, or
// the reader's).
func (s *Share) ReadBody(c Client, r io.Reader, most int) ([]byte, *Held, error) {
	size := min(most, bodyChunk)
	room, err := s.Take(c, int64(size))
	if err != nil {
		return nil, nil, err
	}
	b, err := readInto(make([]byte, 0, size), room, r, most)
	if err != nil {
		room.Release()
		return nil, nil, err
	}
	return b, room, nil
}

// readInto reads a body into a buffer that grows with its room.
func readInto(b []byte, room *Held, r io.Reader, most int) ([]byte, error) {
	for {
		if len(b) == most {
			// One more byte is too much, and its end is one.
			switch n, err := io.ReadFull(r, make([]byte, 1)); {
			case n > 0:
				return nil, ErrTooLarge
			case errors.Is(err, io.EOF):
				return b, nil
			default:
				return nil, err
			}
		}
		if len(b) == cap(b) {
			grown := min(most, 2*cap(b))
			if err := room.Grow(int64(grown - cap(b))); err != nil {
				return nil, err
			}
			b = append(make([]byte, 0, grown), b...)
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			return nil, err
		}
	}
}
