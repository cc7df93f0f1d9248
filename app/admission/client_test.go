package admission

import (
	"errors"
	"net/http"
	"strings"
	"testing"
)

// TestClient: what a stranger writes into X-Forwarded-For changes nothing, and what a
// named proxy adds on the right does.
func TestClient(t *testing.T) {
	proxies, err := ParseProxies([]string{"127.0.0.1", "10.1.0.0/16", "2001:db8:f::/48"})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, remote string
		forwarded    []string
		want         string
	}{
		{"no proxy", "192.0.2.1:1", nil, "192.0.2.1/32"},
		{"no proxy, forged", "192.0.2.1:1", []string{"198.51.100.7"}, "192.0.2.1/32"},
		{"this machine is no proxy by itself", "[::1]:1", []string{"198.51.100.7"}, "::/64"},
		{"proxy without a word", "127.0.0.1:1", nil, "127.0.0.1/32"},
		{"proxy", "127.0.0.1:1", []string{"198.51.100.7"}, "198.51.100.7/32"},
		{"forged on the left", "127.0.0.1:1", []string{"203.0.113.9, 198.51.100.7"}, "198.51.100.7/32"},
		{"forged in a line of its own", "127.0.0.1:1", []string{"203.0.113.9", "198.51.100.7"}, "198.51.100.7/32"},
		{"forged proxy on the left", "127.0.0.1:1", []string{"10.1.2.3, 198.51.100.7"}, "198.51.100.7/32"},
		{"two proxies", "127.0.0.1:1", []string{"203.0.113.9, 198.51.100.7, 10.1.2.3"}, "198.51.100.7/32"},
		{"another network's proxy", "127.0.0.1:1", []string{"198.51.100.7, 10.2.0.1"}, "10.2.0.1/32"},
		{"only proxies", "127.0.0.1:1", []string{"10.1.0.9, 10.1.0.8"}, "10.1.0.9/32"},
		{"with a port", "127.0.0.1:1", []string{"198.51.100.7:4711"}, "198.51.100.7/32"},
		{"IPv6", "127.0.0.1:1", []string{"2001:db8:1:2:3::4"}, "2001:db8:1:2::/64"},
		{"IPv6 in brackets", "127.0.0.1:1", []string{"[2001:db8:1:2::4]"}, "2001:db8:1:2::/64"},
		{"IPv6 with a port", "127.0.0.1:1", []string{"[2001:db8:1:2::4]:80"}, "2001:db8:1:2::/64"},
		{"mapped", "[::ffff:127.0.0.1]:1", []string{"::ffff:198.51.100.7"}, "198.51.100.7/32"},
		{"IPv6 proxy with a zone", "[2001:db8:f::1%eth0]:1", []string{"198.51.100.7"}, "198.51.100.7/32"},
		{"unknown", "127.0.0.1:1", []string{"198.51.100.7, unknown"}, "127.0.0.1/32"},
		{"nothing between commas", "127.0.0.1:1", []string{"198.51.100.7,"}, "127.0.0.1/32"},
		{"endless proxies", "127.0.0.1:1", []string{"198.51.100.7" + strings.Repeat(",10.1.0.1", 1000)}, "10.1.0.1/32"},
		{"no address", "@", []string{"198.51.100.7"}, "invalid Prefix"},
	} {
		r := &http.Request{RemoteAddr: tc.remote, Header: http.Header{"X-Forwarded-For": tc.forwarded}}
		if got := proxies.Client(r).String(); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}

func TestParseProxies(t *testing.T) {
	for _, bad := range []string{"", "proxy.example.com", "10.0.0.1:80", "10.0.0.0/33", "fe80::1%eth0", "::ffff:10.0.0.1", "*", " 10.0.0.1"} {
		if p, err := ParseProxies([]string{"127.0.0.1", bad}); !errors.Is(err, ErrProxies) {
			t.Errorf("%q: %v, %v", bad, p, err)
		}
	}
	if _, err := ParseProxies(make([]string, maxProxies+1)); !errors.Is(err, ErrProxies) {
		t.Errorf("too many: %v", err)
	}
	if p, err := ParseProxies(nil); err != nil || len(p) != 0 {
		t.Errorf("none: %v, %v", p, err)
	}
}

// FuzzClient: whatever the header says, the client is the address itself unless that is
// a proxy's.
func FuzzClient(f *testing.F) {
	for _, s := range []string{"", "1.2.3.4", "[::1]:2", "a, b", "10.1.0.1, 10.1.0.1", "fe80::1%x"} {
		f.Add(s)
	}
	proxies, err := ParseProxies([]string{"10.1.0.0/16"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, header string) {
		h := http.Header{"X-Forwarded-For": {header}}
		if got := proxies.Client(&http.Request{RemoteAddr: "192.0.2.1:1", Header: h}); got != ClientAt("192.0.2.1:1") {
			t.Errorf("%q: %s", header, got)
		}
		// A named proxy's last word is never passed over for an earlier one.
		h = http.Header{"X-Forwarded-For": {header, "198.51.100.7"}}
		if got := proxies.Client(&http.Request{RemoteAddr: "10.1.0.1:1", Header: h}); got != ClientAt("198.51.100.7:1") {
			t.Errorf("%q: %s", header, got)
		}
	})
}
