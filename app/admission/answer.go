package admission

import (
	"fmt"
	"net/http"
	"time"
)

// WriteAnswer writes the body of an answer in parts, each of which its reader must have
// taken by a deadline, so that nobody makes a server hold it for long by not reading.
func WriteAnswer(w http.ResponseWriter, b []byte, now func() time.Time) error {
	control, began := http.NewResponseController(w), now()
	for written := 0; written < len(b); {
		part := b[written:min(written+writeSize, len(b))]
		// A response that knows no deadlines is a test's, or has the server's own.
		_ = control.SetWriteDeadline(began.Add(deadline(written)))
		n, err := w.Write(part)
		written += n
		if err != nil {
			return fmt.Errorf("couldn't write answer: %w", err)
		}
	}
	return nil
}

// deadline returns how long after its begin the part of an answer behind so many bytes
// must be written.
func deadline(written int) time.Duration {
	return writeGrace + time.Duration(written)*time.Second/writeRate
}

// Room takes room for an answer of about size bytes (ErrOwnShare, ErrFull). A small
// answer needs none.
func (s *Share) Room(c Client, size int) (*Held, error) {
	if size <= writeSize {
		return &Held{}, nil
	}
	return s.Take(c, int64(size))
}
