package admission

import (
	"bytes"
	"errors"
	"net/http"
	"testing"
	"time"
)

// deadlines is a response that notes its writes and their deadlines.
type deadlines struct {
	http.ResponseWriter
	sizes []int
	at    []time.Time
	b     bytes.Buffer
	fail  int // at the how-manieth write
}

var errSlow = errors.New("too slow")

func (d *deadlines) SetWriteDeadline(t time.Time) error { d.at = append(d.at, t); return nil }
func (d *deadlines) Write(b []byte) (int, error) {
	if d.sizes = append(d.sizes, len(b)); len(d.sizes) == d.fail {
		return 0, errSlow
	}
	return d.b.Write(b)
}

// TestWriteAnswer: an answer is written in small parts, each with a deadline that a
// reader at the least rate meets.
func TestWriteAnswer(t *testing.T) {
	began := time.Unix(1000, 0)
	for _, tc := range []struct{ size, parts int }{{0, 0}, {1, 1}, {writeSize, 1}, {writeSize + 1, 2}, {10*writeSize + 5, 11}} {
		var d deadlines
		data := bytes.Repeat([]byte("x"), tc.size)
		if err := WriteAnswer(&d, data, func() time.Time { return began }); err != nil || !bytes.Equal(d.b.Bytes(), data) || len(d.sizes) != tc.parts || len(d.at) != tc.parts {
			t.Errorf("%d bytes: %d parts, %d deadlines, %v", tc.size, len(d.sizes), len(d.at), err)
		}
		for i, at := range d.at {
			if want := began.Add(writeGrace + time.Duration(i)*writeSize*time.Second/writeRate); !at.Equal(want) {
				t.Errorf("%d bytes: part %d by %s, want %s", tc.size, i, at, want)
			}
			if d.sizes[i] > writeSize {
				t.Errorf("a part of %d bytes", d.sizes[i])
			}
		}
	}
	d := deadlines{fail: 2}
	if err := WriteAnswer(&d, make([]byte, 10*writeSize), time.Now); !errors.Is(err, errSlow) || len(d.sizes) != 2 {
		t.Errorf("after a deadline: %d writes, %v", len(d.sizes), err)
	}
}

// TestRoom: answers that fit into the kernel's buffer need none.
func TestRoom(t *testing.T) {
	s := NewShare("things", 4*writeSize, 2*writeSize)
	for _, tc := range []struct {
		size int
		want int64
	}{{0, 0}, {writeSize, 0}, {writeSize + 1, writeSize + 1}, {10 * writeSize, 2 * writeSize}} {
		h, err := s.Room(alice, tc.size)
		if err != nil || s.Taken() != tc.want {
			t.Errorf("%d bytes take %d, want %d: %v", tc.size, s.Taken(), tc.want, err)
		}
		h.Release()
	}
}
