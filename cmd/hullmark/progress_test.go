package main

import "testing"

// TestOver writes a line over another one, of which nothing may stay, letters outside of
// ASCII among it.
func TestOver(t *testing.T) {
	for _, tc := range []struct{ name, old, line, want string }{
		{"the first", "", "waiting, 1s", "\rwaiting, 1s"},
		{"a longer one", "waiting, 9s", "waiting, 10s", "\rwaiting, 10s"},
		{"a shorter one", "waiting, 59s", "waiting, 1m", "\rwaiting, 1m "},
		{"nothing", "schön", "", "\r     "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := over(tc.old, tc.line); got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}
