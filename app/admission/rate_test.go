package admission

import (
	"fmt"
	"testing"
	"time"
)

func TestRate(t *testing.T) {
	now := time.Unix(1000, 0)
	l, err := NewRate(10, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		name, address string
		wait          time.Duration
		want          int
	}{
		{"at once", "192.0.2.1:1000", 0, 20},
		{"another port", "192.0.2.1:1001", 0, 0},
		{"mapped", "[::ffff:192.0.2.1]:1002", 0, 0},
		{"another address", "192.0.2.2:1000", 0, 20},
		{"after half a second", "192.0.2.1:1000", 500 * time.Millisecond, 5},
		{"after a long time", "192.0.2.1:1000", time.Hour, 20},
		{"a clock set back", "192.0.2.1:1000", -time.Hour, 0},
		{"IPv6", "[2001:db8:1:2::1]:1", 0, 20},
		{"the same subscriber", "[2001:db8:1:2:3::1]:1", 0, 0},
		{"another subscriber", "[2001:db8:1:3::1]:1", 0, 20},
		{"this machine", "127.0.0.1:1", 0, 20},
		{"this machine again", "127.0.0.1:2", 0, 0},
		{"this machine, IPv6", "[::1]:1", 0, 20},
		{"no address", "@", 0, 20},
		{"no address again", "", 0, 0},
	} {
		now = now.Add(step.wait)
		allowed := 0
		for range 100 {
			if l.Allow(ClientAt(step.address)) {
				allowed++
			}
		}
		if allowed != step.want {
			t.Errorf("%s: %d of 100 allowed, want %d", step.name, allowed, step.want)
		}
	}
	for i := range maxClients + 10 {
		l.Allow(ClientAt(fmt.Sprintf("198.18.%d.%d:1", i>>8&255, i&255)))
		l.Allow(ClientAt(fmt.Sprintf("[2001:db8:%x::]:1", i)))
	}
	if n := l.clients.Len(); n > maxClients {
		t.Errorf("%d addresses are remembered", n)
	}
	off, err := NewRate(0, time.Now)
	if err != nil || off != nil || !off.Allow(Client{}) {
		t.Errorf("without a limit: %v", err)
	}
}
