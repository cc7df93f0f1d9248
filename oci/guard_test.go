package oci

import (
	"net/http"
	"strings"
	"testing"
)

// accepts answers everything.
type accepts struct{ asked int }

// RoundTrip implements http.RoundTripper.
func (a *accepts) RoundTrip(*http.Request) (*http.Response, error) {
	a.asked++
	return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody}, nil
}

// TestClear: plain HTTP goes to a registry that speaks nothing else, and to other
// machines only where the user allowed it. Private addresses are other machines.
func TestClear(t *testing.T) {
	for _, tc := range []struct {
		url             string
		clear, anywhere bool
		want            bool
	}{
		{"https://registry.example.com/v2/", false, false, true},
		{"http://registry.example.com/v2/", false, false, false},
		{"http://registry.example.com/v2/", false, true, false},
		{"http://registry.example.com/v2/", true, false, false},
		{"http://registry.example.com/v2/", true, true, true},
		{"http://10.0.0.1:5000/v2/", false, false, false},
		{"http://192.168.0.1/v2/", false, false, false},
		{"http://registry.local/v2/", false, false, false},
		{"http://localhost.example.com/v2/", true, false, false},
		{"http://localhost:5000/v2/", true, false, true},
		{"http://localhost:5000/v2/", false, false, false},
		{"http://127.0.0.1/v2/", true, false, true},
		{"http://[::1]:5000/v2/", true, false, true},
	} {
		a := new(accepts)
		g := &guard{inner: a, clear: tc.clear, anywhere: tc.anywhere}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, tc.url, strings.NewReader(""))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := g.RoundTrip(r)
		if err == nil {
			_ = resp.Body.Close()
		}
		if (err == nil) != tc.want || (a.asked == 1) != tc.want {
			t.Errorf("%s, %v, %v: %v, asked %d times", tc.url, tc.clear, tc.anywhere, err, a.asked)
		}
	}
}
