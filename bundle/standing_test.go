package bundle

import (
	"strings"
	"testing"
	"time"
)

// TestStanding: a node is ready if what it answers can be proven and is fresh, to the
// nanosecond on either side of both bounds.
func TestStanding(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	good := Standing{Provable: true, Head: now.Add(-time.Second)}
	for _, tc := range []struct {
		name, want string // want is empty for a node that is ready
		change     func(*Standing)
	}{
		{"good", "", func(*Standing) {}},
		{"nothing provable", "no state can be proven", func(s *Standing) { s.Provable = false }},
		{"catching up", "catching up", func(s *Standing) { s.CatchingUp = true }},
		{"no block", "cannot be read", func(s *Standing) { s.Head = time.Time{} }},
		{"just fresh", "", func(s *Standing) { s.Head = now.Add(-DefaultMaxAge) }},
		{"just old", "1m1s old, at most 1m0s", func(s *Standing) { s.Head = now.Add(-DefaultMaxAge - 1) }},
		{"ten minutes old", "10m0s old", func(s *Standing) { s.Head = now.Add(-10 * time.Minute) }},
		{"clock just right", "", func(s *Standing) { s.Head = now.Add(DefaultMaxClockDrift) }},
		{"clock just slow", "clock is 11s behind", func(s *Standing) { s.Head = now.Add(DefaultMaxClockDrift + 1) }},
	} {
		s := good
		tc.change(&s)
		if got := s.Unready(now, DefaultMaxAge); (got == "") != (tc.want == "") || !strings.Contains(got, tc.want) {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}
