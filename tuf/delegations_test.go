package tuf_test

import (
	"bytes"
	"testing"

	"hullmark/tuf"
)

// FuzzDelegations checks that whatever is accepted as a delegations object is its
// one encoding and says what each role may set.
func FuzzDelegations(f *testing.F) {
	const key = "27cdc96aa5a31ccd58c19fd0d41fbbb3a1fca7b9ca9a7ef4a2e5f2b9f7a3b1d0"
	f.Add([]byte(`{"keys":{},"roles":[]}`))
	f.Add([]byte(`{"keys":{"` + key + `":{}},"roles":[{"keyids":["` + key + `"],"name":"targets/ci","paths":["v*"],"terminating":true,"threshold":1}]}`))
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := tuf.ParseDelegations(b, tuf.RoleTargets)
		if err != nil {
			return
		}
		if !bytes.Equal(l.Bytes(), b) {
			t.Fatalf("%q is written as %q", b, l.Bytes())
		}
		for _, role := range l.Roles {
			reach, ok := l.Reach(role.Name)
			if !ok || reach.Patterns() == 0 || !reach.Includes(reach) {
				t.Fatalf("reach of %s: %+v", role.Name, reach)
			}
		}
	})
}

// Test what certainly widens or narrows what a role may set.
func TestReachIncludes(t *testing.T) {
	base := tuf.Reach{Paths: []string{"v*", "w*"}, Barred: []string{"v9"}}
	for _, tt := range []struct {
		name string
		next tuf.Reach
		want bool
	}{
		{"the same", base, true},
		{"another order", tuf.Reach{Paths: []string{"w*", "v*"}, Barred: []string{"v9"}}, true},
		{"more paths", tuf.Reach{Paths: []string{"x", "w*", "v*"}, Barred: []string{"v9"}}, true},
		{"fewer barred", tuf.Reach{Paths: []string{"v*", "w*"}}, true},
		{"fewer paths", tuf.Reach{Paths: []string{"v*"}}, false},
		{"wider as a pattern only", tuf.Reach{Paths: []string{"*"}}, false},
		{"more barred", tuf.Reach{Paths: []string{"v*", "w*"}, Barred: []string{"v9", "v8"}}, false},
		{"nothing", tuf.Reach{}, false},
	} {
		if got := tt.next.Includes(base); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
