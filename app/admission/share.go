package admission

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// Errors of a Share.
var (
	// ErrOwnShare is returned to a client that has all that one client may have.
	ErrOwnShare = errors.New("one address has too much under way")
	// ErrFull is returned when all clients together have what there is.
	ErrFull = errors.New("all addresses together have too much under way")
)

// refusal is an error of a Share: ErrOwnShare if own, else ErrFull.
type refusal struct {
	what string
	own  bool
}

// Error implements error.
func (r *refusal) Error() string {
	if r.own {
		return "your address has too many " + r.what + " under way"
	}
	return "too many " + r.what + " are under way"
}

// Is serves errors.Is.
func (r *refusal) Is(target error) bool {
	return r.own && target == ErrOwnShare || !r.own && target == ErrFull
}

// Share is an amount of something, such as places or bytes, of which clients take
// parts and give them back: at most so much each, and so much together. A nil Share has
// no bounds.
type Share struct {
	what      string
	all, each int64

	mu    sync.Mutex
	taken int64
	by    map[Client]int64
	queue []*waiter
	// refused counts those who got nothing, for their own share or for all.
	refusedOwn, refusedAll uint64
}

// waiter is somebody who waits for a part.
type waiter struct {
	client Client
	n      int64
	ready  chan struct{} // closed when it has its part
}

// NewShare returns a Share of something in the plural, of which one client may have at
// most each.
func NewShare(what string, all, each int64) *Share {
	return &Share{what: what, all: all, each: min(all, each), by: make(map[Client]int64)}
}

// Held is the part of a Share that a client has. It is not safe for concurrent use.
type Held struct {
	share  *Share // nil if it has no bounds, or nothing is held any more
	client Client
	n      int64
}

// Take takes a part of n for a client (ErrOwnShare, ErrFull). What is larger than one
// client's share counts as the whole share.
func (s *Share) Take(c Client, n int64) (*Held, error) {
	if s == nil {
		return &Held{}, nil
	}
	n = min(n, s.each)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.fits(c, n); err != nil {
		return nil, s.refuse(err)
	}
	s.add(c, n)
	return &Held{share: s, client: c, n: n}, nil
}

// Wait is Take, but waits until there is room or ctx is done. Those who wait get it in
// the order in which they came, but for those whose own share is full. Whoever calls
// it bounds how many wait.
func (s *Share) Wait(ctx context.Context, c Client, n int64) (*Held, error) {
	if s == nil {
		return &Held{}, nil
	}
	n = min(n, s.each)
	s.mu.Lock()
	err := s.fits(c, n)
	if err == nil {
		s.add(c, n)
		s.mu.Unlock()
		return &Held{share: s, client: c, n: n}, nil
	}
	w := &waiter{client: c, n: n, ready: make(chan struct{})}
	s.queue = append(s.queue, w)
	s.mu.Unlock()
	select {
	case <-w.ready:
		return &Held{share: s, client: c, n: n}, nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.queue, w); i >= 0 {
		s.queue = slices.Delete(s.queue, i, i+1)
		return nil, s.refuse(err)
	}
	return &Held{share: s, client: c, n: n}, nil // it came at the last moment
}

// Grow takes n more (ErrOwnShare, ErrFull). What is held stays held.
func (h *Held) Grow(n int64) error {
	s := h.share
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.fits(h.client, n); err != nil {
		return s.refuse(err)
	}
	s.add(h.client, n)
	h.n += n
	return nil
}

// Release gives back what is held. It may be called again, and on nil.
func (h *Held) Release() {
	if h == nil || h.share == nil {
		return
	}
	s := h.share
	h.share = nil
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(h.client, -h.n)
	if s.by[h.client] == 0 {
		delete(s.by, h.client)
	}
	s.queue = slices.DeleteFunc(s.queue, func(w *waiter) bool {
		if s.fits(w.client, w.n) != nil {
			return false
		}
		s.add(w.client, w.n)
		close(w.ready)
		return true
	})
}

// Taken returns how much is held.
func (s *Share) Taken() int64 {
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken
}

// Refused returns how often a client got nothing because of its own share, and because
// of all.
func (s *Share) Refused() (own, all uint64) {
	if s == nil {
		return 0, 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refusedOwn, s.refusedAll
}

func (s *Share) refuse(err error) error {
	if errors.Is(err, ErrOwnShare) {
		s.refusedOwn++
	} else {
		s.refusedAll++
	}
	return err
}

func (s *Share) fits(c Client, n int64) error {
	switch {
	case s.by[c]+n > s.each:
		return &refusal{s.what, true}
	case s.taken+n > s.all:
		return &refusal{s.what, false}
	default:
		return nil
	}
}

func (s *Share) add(c Client, n int64) {
	s.taken += n
	s.by[c] += n
}
