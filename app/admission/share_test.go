package admission

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"testing"
	"testing/iotest"
)

var alice, bob, carol = ClientAt("192.0.2.1:1"), ClientAt("192.0.2.2:1"), ClientAt("192.0.2.3:1")

// TestShare goes to the bounds of one client and of all, and one beyond.
func TestShare(t *testing.T) {
	s := NewShare("things", 5, 2)
	var held []*Held
	for _, step := range []struct {
		who  Client
		n    int64
		want error
	}{
		{alice, 1, nil}, {alice, 1, nil}, {alice, 1, ErrOwnShare},
		{bob, 2, nil}, {bob, 1, ErrOwnShare},
		{carol, 2, ErrFull}, {carol, 1, nil}, {carol, 1, ErrFull}, {alice, 1, ErrOwnShare},
	} {
		h, err := s.Take(step.who, step.n)
		if !errors.Is(err, step.want) {
			t.Fatalf("%s takes %d: %v, want %v", step.who, step.n, err, step.want)
		}
		if err == nil {
			held = append(held, h)
		}
	}
	held[0].Release()
	held[0].Release() // once is enough
	if s.Taken() != 4 {
		t.Errorf("%d taken, want 4", s.Taken())
	}
	if err := held[2].Grow(1); !errors.Is(err, ErrOwnShare) {
		t.Errorf("bob grows beyond his share: %v", err)
	}
	if err := held[1].Grow(1); err != nil {
		t.Errorf("alice grows into what she gave back: %v", err)
	}
	for _, h := range held {
		h.Release()
	}
	if s.Taken() != 0 || len(s.by) != 0 {
		t.Errorf("%d taken, %d clients remembered", s.Taken(), len(s.by))
	}
	// What is larger than a share takes the whole of it, and no more.
	h, err := s.Take(alice, 100)
	if err != nil || s.Taken() != 2 {
		t.Errorf("%d taken, %v", s.Taken(), err)
	}
	h.Release()
	var none *Share
	h, err = none.Take(alice, 1<<40)
	if err != nil || h.Grow(1<<40) != nil || none.Taken() != 0 {
		t.Errorf("without bounds: %v", err)
	}
	h.Release()
	(*Held)(nil).Release()
}

// TestShareWait: those who wait get their part in their order, but for those whose own
// share is full, and who gives up leaves nothing behind.
func TestShareWait(t *testing.T) {
	s := NewShare("things", 2, 1)
	a, _ := s.Take(alice, 1)
	b, _ := s.Take(bob, 1)
	gone, cancel := context.WithCancel(context.Background())
	var order []string
	var mu sync.Mutex
	var waiting sync.WaitGroup
	wait := func(ctx context.Context, name string, c Client, want error) {
		before := s.queued()
		waiting.Go(func() {
			h, err := s.Wait(ctx, c, 1)
			mu.Lock()
			order = append(order, name)
			mu.Unlock()
			if !errors.Is(err, want) {
				t.Errorf("%s: %v", name, err)
			}
			h.Release()
		})
		for s.queued() == before {
			runtime.Gosched()
		}
	}
	wait(gone, "impatient", carol, ErrFull)
	cancel()
	waiting.Wait()
	wait(context.Background(), "bob again", bob, nil)
	wait(context.Background(), "carol", carol, nil)
	a.Release() // bob has his share, so carol is next
	for {
		mu.Lock()
		n := len(order)
		mu.Unlock()
		if n == 2 {
			break
		}
		runtime.Gosched()
	}
	b.Release()
	waiting.Wait()
	if got := fmt.Sprint(order); got != "[impatient carol bob again]" {
		t.Errorf("order %s", got)
	}
	if s.Taken() != 0 || s.queued() != 0 || len(s.by) != 0 {
		t.Errorf("%d taken, %d wait", s.Taken(), s.queued())
	}
	if h, err := (*Share)(nil).Wait(gone, alice, 1); err != nil {
		t.Error(err)
	} else {
		h.Release()
	}
}

func (s *Share) queued() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queue)
}

// TestTakeFirst: an emergency takes what is kept for emergencies, then what is for all.
func TestTakeFirst(t *testing.T) {
	urgent, ordinary := NewShare("things", 1, 1), NewShare("things", 1, 1)
	first, err := TakeFirst(alice, 1, urgent, ordinary)
	if err != nil || urgent.Taken() != 1 || ordinary.Taken() != 0 {
		t.Fatalf("first: %v", err)
	}
	second, err := TakeFirst(bob, 1, urgent, ordinary)
	if err != nil || ordinary.Taken() != 1 {
		t.Fatalf("second: %v", err)
	}
	if _, err := TakeFirst(carol, 1, urgent, ordinary); !errors.Is(err, ErrFull) || errors.Is(err, ErrOwnShare) {
		t.Errorf("third: %v", err)
	}
	first.Release()
	second.Release()
}

// TestReadBody: a body takes room as it comes, whatever it claims, and leaves none
// behind when it fails.
func TestReadBody(t *testing.T) {
	const most = 10_000
	errCut := errors.New("cut")
	for _, tc := range []struct {
		name string
		size int
		err  error // at the end of the bytes
		want error
		room int64
	}{
		{"nothing", 0, io.EOF, nil, bodyChunk},
		{"one byte", 1, io.EOF, nil, bodyChunk},
		{"a chunk", bodyChunk, io.EOF, nil, 2 * bodyChunk},
		{"a chunk less one", bodyChunk - 1, io.EOF, nil, bodyChunk},
		{"a chunk and one", bodyChunk + 1, io.EOF, nil, 2 * bodyChunk},
		{"one less than most", most - 1, io.EOF, nil, most},
		{"most", most, io.EOF, nil, most},
		{"one more than most", most + 1, io.EOF, ErrTooLarge, 0},
		{"endless", 10 * most, io.EOF, ErrTooLarge, 0},
		{"cut", 5000, errCut, errCut, 0},
		{"cut at the end", most, errCut, errCut, 0},
	} {
		for _, slow := range []bool{false, true} {
			s := NewShare("things", 1<<20, 1<<20)
			data := bytes.Repeat([]byte("x"), tc.size)
			r := io.Reader(bytes.NewReader(data))
			if !errors.Is(tc.err, io.EOF) {
				r = io.MultiReader(r, iotest.ErrReader(tc.err))
			}
			if slow {
				r = iotest.OneByteReader(r)
			}
			b, room, err := s.ReadBody(alice, r, most)
			if !errors.Is(err, tc.want) || err == nil && !bytes.Equal(b, data) || s.Taken() != tc.room {
				t.Errorf("%s, slow %t: %d bytes, %d taken, %v", tc.name, slow, len(b), s.Taken(), err)
			}
			room.Release()
			if s.Taken() != 0 {
				t.Errorf("%s: %d left behind", tc.name, s.Taken())
			}
		}
	}
	s := NewShare("things", 1<<20, bodyChunk+100)
	if _, _, err := s.ReadBody(alice, bytes.NewReader(make([]byte, 9000)), most); !errors.Is(err, ErrOwnShare) || s.Taken() != 0 {
		t.Errorf("beyond one client's room: %v, %d taken", err, s.Taken())
	}
	if b, _, err := (*Share)(nil).ReadBody(alice, bytes.NewReader(make([]byte, 9000)), most); err != nil || len(b) != 9000 {
		t.Errorf("without bounds: %v", err)
	}
}
