package admission

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// Rate is a token bucket per client. A nil Rate limits nobody.
type Rate struct {
	perSecond int
	now       func() time.Time
	refused   atomic.Uint64

	mu      sync.Mutex
	clients *lru.Cache[Client, *rate.Limiter]
}

// NewRate returns a Rate of so many requests a second in the long run, and twice as
// many at once; nil for zero.
func NewRate(perSecond int, now func() time.Time) (*Rate, error) {
	if perSecond == 0 {
		return nil, nil
	}
	clients, err := lru.New[Client, *rate.Limiter](maxClients)
	if err != nil {
		return nil, fmt.Errorf("couldn't make rate limit: %w", err)
	}
	return &Rate{perSecond: perSecond, now: now, clients: clients}, nil
}

// Allow takes a token of a client.
func (l *Rate) Allow(c Client) bool {
	if l == nil {
		return true
	}
	if !l.bucket(c).AllowN(l.now(), 1) {
		l.refused.Add(1)
		return false
	}
	return true
}

// bucket returns that of a client, a full one for a new client.
func (l *Rate) bucket(c Client) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, known := l.clients.Get(c)
	if !known {
		b = rate.NewLimiter(rate.Limit(l.perSecond), burstSeconds*l.perSecond)
		l.clients.Add(c, b)
	}
	return b
}

// Refused returns how many requests got no token.
func (l *Rate) Refused() uint64 {
	if l == nil {
		return 0
	}
	return l.refused.Load()
}
