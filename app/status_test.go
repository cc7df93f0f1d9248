package app

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"hullmark/bundle"
)

// TestReasons: each reason for which a node is not ready, alone.
func TestReasons(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	c := DefaultConfig()
	head := func(ago time.Duration) time.Time { return now.Add(-ago) }
	good := standing{Standing: bundle.Standing{Provable: true, Head: head(time.Second)}, free: c.State.MinFreeMegabytes << 20}
	if reason := good.unready(now, c); reason != "" {
		t.Fatalf("a good node: %s", reason)
	}
	for _, tc := range []struct {
		name, want string
		change     func(*standing)
	}{
		{"failed", "has failed", func(s *standing) { s.broken = true }},
		{"nothing provable", "no state can be proven", func(s *standing) { s.Provable = false }},
		{"catching up", "catching up", func(s *standing) { s.CatchingUp = true }},
		{"no head", "cannot be read", func(s *standing) { s.Head = time.Time{} }},
		{"old head", "31s old", func(s *standing) { s.Head = head(31 * time.Second) }},
		{"slow clock", "clock is 11s behind", func(s *standing) { s.Head = head(-11 * time.Second) }},
		{"clock a little slow", "clock is 6s behind the newest block, at most 5s", func(s *standing) { s.Head = head(-6 * time.Second) }},
		{"certificate", "certificate has expired", func(s *standing) { s.certificate = "the TLS certificate has expired" }},
		{"disk nearly full", "disk has 511 MB left", func(s *standing) { s.free-- }},
	} {
		s := good
		tc.change(&s)
		if reason := s.unready(now, c); !strings.Contains(reason, tc.want) {
			t.Errorf("%s: %q", tc.name, reason)
		}
	}
	good.Head = head(-maxClockBehind)
	if reason := good.unready(now, c); reason != "" {
		t.Errorf("a clock within the tolerance: %s", reason)
	}
	good.free, c.State.MinFreeMegabytes = 0, 0
	if reason := good.unready(now, c); reason != "" {
		t.Errorf("when nobody asks for room: %s", reason)
	}
}

// TestHealth: a node that has failed says so until its process ends.
func TestHealth(t *testing.T) {
	p := newPublished(t, nil)
	for _, path := range []string{"/healthz", "/readyz"} {
		if r := get(t, p.url+path); r.status != http.StatusOK {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
	p.fail(errors.New("test"))
	for _, path := range []string{"/healthz", "/readyz"} {
		if r := get(t, p.url+path); r.status != http.StatusServiceUnavailable || !strings.Contains(string(r.body), "about to end") {
			t.Errorf("%s after a failure: %d %s", path, r.status, r.body)
		}
	}
}
