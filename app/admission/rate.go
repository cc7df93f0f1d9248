package admission

import (
	"fmt"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// Rate is a token bucket per client. A nil Rate limits nobody.
type Rate struct {
	perSecond float64
	now       func() time.Time

	mu      sync.Mutex
	refused uint64
	clients *lru.Cache[Client, *tokens]
}

type tokens struct {
	left float64
	at   time.Time
}

// NewRate returns a Rate of so many requests a second in the long run, and twice as
// many at once; nil for zero.
func NewRate(perSecond int, now func() time.Time) (*Rate, error) {
	if perSecond == 0 {
		return nil, nil
	}
	clients, err := lru.New[Client, *tokens](maxClients)
	if err != nil {
		return nil, fmt.Errorf("couldn't make rate limit: %w", err)
	}
	return &Rate{perSecond: float64(perSecond), now: now, clients: clients}, nil
}

// Allow takes a token of a client.
func (l *Rate) Allow(c Client) bool {
	if l == nil {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now, most := l.now(), burstSeconds*l.perSecond
	t, known := l.clients.Get(c)
	if !known {
		t = &tokens{left: most, at: now}
		l.clients.Add(c, t)
	}
	t.left = min(most, t.left+l.perSecond*max(0, now.Sub(t.at).Seconds()))
	t.at = now
	if t.left < 1 {
		l.refused++
		return false
	}
	t.left--
	return true
}

// Refused returns how many requests got no token.
func (l *Rate) Refused() uint64 {
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refused
}
