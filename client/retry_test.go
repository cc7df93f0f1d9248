package client_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hullmark/bundle"
	"hullmark/client"
	"hullmark/internal/fixture"
)

// asks makes a node refuse a transaction once, and say when to come back.
func asks(header http.Header) func(http.ResponseWriter, *http.Request) bool {
	return times(1, func(w http.ResponseWriter, _ *http.Request) bool {
		for name, values := range header {
			w.Header()[name] = values
		}
		fail(w, 429, "busy", "too much was refused lately", 0)
		return true
	})
}

// Test that a client waits as long as a node asks for, within bounds, whatever stands in
// the header, and tells why.
func TestRetryAfter(t *testing.T) {
	const usual, longest = 250 * time.Millisecond, 200 * time.Second
	at := func(d time.Duration) string {
		return bundleTime.Add(d).UTC().Format(http.TimeFormat)
	}
	for _, c := range []struct {
		name  string
		after []string // nil for no header
		date  string   // of the answer; "" leaves that to the server, "-" has none
		want  time.Duration
	}{
		{"missing", nil, "", usual},
		{"zero", []string{"0"}, "", usual},
		{"zeros", []string{"0000"}, "", usual},
		{"seconds", []string{"7"}, "", 7 * time.Second},
		{"with spaces", []string{" 7 "}, "", 7 * time.Second},
		{"the longest", []string{"200"}, "", longest},
		{"longer", []string{"201"}, "", longest},
		{"a week", []string{"604800"}, "", longest},
		{"2^64", []string{"18446744073709551616"}, "", longest},
		{"two hundred digits", []string{strings.Repeat("9", 200)}, "", longest},
		{"negative", []string{"-7"}, "", usual},
		{"with a sign", []string{"+7"}, "", usual},
		{"a fraction", []string{"7.5"}, "", usual},
		{"hexadecimal", []string{"0x7"}, "", usual},
		{"empty", []string{""}, "", usual},
		{"words", []string{"later"}, "", usual},
		{"two", []string{"7", "9"}, "", 7 * time.Second},
		{"a date", []string{at(30 * time.Second)}, at(0), 30 * time.Second},
		{"a date by another clock", []string{at(time.Hour + 30*time.Second)}, at(time.Hour), 30 * time.Second},
		{"a date in the past", []string{at(-time.Hour)}, at(0), usual},
		{"a date in a year", []string{at(365 * 24 * time.Hour)}, at(0), longest},
		{"a date by one's own clock", []string{at(30 * time.Second)}, "-", 30 * time.Second},
		{"a date that is none", []string{"Mon, 99 Foo 2026 00:00:00 GMT"}, at(0), usual},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := newNetwork(t, 1)
			header := http.Header{}
			if c.after != nil {
				header["Retry-After"] = c.after
			}
			switch c.date {
			case "":
			case "-":
				header["Date"] = nil // net/http then sends none
			default:
				header["Date"] = []string{c.date}
			}
			n.nodes[0].lie(asks(header))
			pauses := new(pauses)
			var told []time.Duration
			cl := n.client(pauses.of, func(o *client.Options) {
				if c.date != "" {
					// The light block is verified by the chain's clock, which stands still.
					o.Now = func() time.Time { return bundleTime }
				}
				o.Waiting = func(pause time.Duration, why []client.Warning) {
					told = append(told, pause)
					if len(why) != 1 || why[0].Node != n.nodes[0].URL || !errors.Is(why[0].Err, client.ErrUnavailable) {
						t.Errorf("told %v", why)
					}
				}
			})
			_, _, err := cl.Submit(t.Context(), n.app.Publish(3, fixture.Tags{"1.0": "one"}))
			if c.date == "" && err != nil {
				t.Fatal(err)
			}
			want := []time.Duration{c.want}
			if diff := cmp.Diff(want, pauses.taken); diff != "" {
				t.Errorf("pauses: %s", diff)
			}
			if diff := cmp.Diff(want, told); diff != "" {
				t.Errorf("told: %s", diff)
			}
		})
	}
}

// bundleTime is a whole second, as dates of HTTP are.
var bundleTime = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)

// Test that one node which asks for a long pause holds nobody up that has another one.
func TestRetryAfterOfOneNode(t *testing.T) {
	n := newNetwork(t, 3)
	for i, after := range []string{"200", "3", "60"} {
		n.nodes[i].lie(asks(http.Header{"Retry-After": {after}}))
	}
	pauses := new(pauses)
	if _, _, err := n.client(pauses.of).Submit(t.Context(), n.app.Publish(3, fixture.Tags{"1.0": "one"})); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]time.Duration{3 * time.Second}, pauses.taken); diff != "" {
		t.Error(diff)
	}
}

// Test that the caller's time bounds the pauses that nodes ask for, and that the error
// says what was waited for.
func TestRetryAfterEnds(t *testing.T) {
	n := newNetwork(t, 1)
	n.nodes[0].lie(func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Retry-After", "200")
		fail(w, 429, "busy", "too much was refused lately", 0)
		return true
	})
	tx := n.app.Publish(3, fixture.Tags{"1.0": "one"})
	for end, class := range map[error]bundle.Class{context.DeadlineExceeded: bundle.Stale, context.Canceled: bundle.Stale} {
		pauses := &pauses{limit: 2, end: end}
		_, _, err := n.client(pauses.of).Submit(pauses.context(t), tx)
		if !errors.Is(err, end) || !errors.Is(err, client.ErrUnavailable) || client.ClassOf(err) != class {
			t.Errorf("%v: %v", end, err)
		}
		if err == nil || !strings.Contains(err.Error(), "too much was refused lately") || !strings.Contains(err.Error(), "3m20s") {
			t.Errorf("the error does not say why: %v", err)
		}
		if diff := cmp.Diff([]time.Duration{200 * time.Second, 200 * time.Second}, pauses.taken); diff != "" {
			t.Error(diff)
		}
	}

	// The real clock is bounded by the context as well.
	ctx, cancel := context.WithCancel(t.Context())
	cl := n.client(func(o *client.Options) {
		o.Sleep = nil
		o.Waiting = func(time.Duration, []client.Warning) { cancel() }
	})
	if _, _, err := cl.Submit(ctx, tx); !errors.Is(err, context.Canceled) {
		t.Errorf("in a real pause: %v", err)
	}

	// A node that asks for ever is given up after some rounds.
	pauses := new(pauses)
	if _, _, err := n.client(pauses.of).Submit(t.Context(), tx); !errors.Is(err, client.ErrUnavailable) || len(pauses.taken) != 5 {
		t.Errorf("after %d pauses: %v", len(pauses.taken), err)
	}
}
