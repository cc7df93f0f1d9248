package app

import (
	"strings"
	"testing"
	"time"
)

// TestStopAtAnyMoment starts and stops a node at several moments, as Ctrl-C does: while
// block sync waits for peers that never come, and where the node is alone and makes
// blocks. A stop that was asked for is no error.
func TestStopAtAnyMoment(t *testing.T) {
	for name, validators := range map[string]int{"syncing": 4, "alone": 1} {
		t.Run(name, func(t *testing.T) {
			h, _ := newHome(t, validators)
			for _, moment := range []time.Duration{0, time.Millisecond, 20 * time.Millisecond, 200 * time.Millisecond, 700 * time.Millisecond, 1200 * time.Millisecond} {
				c, err := LoadConfig(h)
				if err != nil {
					t.Fatal(err)
				}
				var j journal
				n, err := Open(h, Options{Config: c, Version: "test", Log: &j})
				if err != nil {
					t.Fatal(err)
				}
				if err := n.Start(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(moment)
				if err := n.Stop(); err != nil {
					t.Errorf("after %s: %v", moment, err)
				}
				if strings.Contains(j.String(), "level=ERROR") {
					t.Errorf("after %s: %s", moment, j.String())
				}
			}
		})
	}
}
