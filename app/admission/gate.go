package admission

import (
	"context"
	"net/http"
	"time"
)

// Options are what an operator may choose.
type Options struct {
	// RequestsPerSecond bounds the requests of one client in the long run; 0 for no
	// bound.
	RequestsPerSecond int
	// Places is how many look-ups are worked on at once, and four times as many
	// transactions; 0 for no bounds on what is under way.
	Places int
	// Proxies are those whose X-Forwarded-For is believed.
	Proxies Proxies
	// Now is the clock.
	Now func() time.Time
}

// Gate is what bounds requests. Its Shares are nil where there is no bound.
type Gate struct {
	proxies Proxies
	rate    *Rate
	// probes has its own tokens: that a machine's proxy or batch job asks too much is
	// no reason to call its node dead.
	probes *Rate

	// Lookups, Submissions and Urgent are the places of work; Urgent those of
	// transactions that claim to be emergencies while they are judged.
	Lookups, Submissions, Urgent *Share
	// LookupWaits, SubmitWaits and UrgentWaits are entries of requests that wait.
	LookupWaits, SubmitWaits, UrgentWaits *Share
	// Bodies and Answers are bytes.
	Bodies, Answers *Share
}

// NewGate returns a Gate.
func NewGate(o Options) (*Gate, error) {
	g := &Gate{proxies: o.Proxies}
	var err error
	if g.rate, err = NewRate(o.RequestsPerSecond, o.Now); err != nil {
		return nil, err
	}
	if g.probes, err = NewRate(o.RequestsPerSecond, o.Now); err != nil {
		return nil, err
	}
	if o.Places == 0 {
		return g, nil
	}
	places := func(what string, n int) *Share { return NewShare(what, int64(n), int64(max(1, n/placesShare))) }
	g.Lookups = places("look-ups", o.Places)
	g.Submissions = places("transactions to judge", submitPlaces*o.Places)
	g.Urgent = places("emergencies to judge", o.Places)
	g.LookupWaits = NewShare("look-ups that wait for a height", lookupWaits, waitsEach)
	g.SubmitWaits = NewShare("transactions that wait for a block", submitWaits, waitsEach)
	g.UrgentWaits = NewShare("emergencies that wait for a block", urgentWaits, urgentEach)
	g.Bodies = NewShare("bytes of transactions", bodyBytes, bodyBytesEach)
	g.Answers = NewShare("bytes of large answers", answerBytes, answerBytesEach)
	return g, nil
}

// Use is how much of a limit is in use, and how often it was met.
type Use struct {
	Limit    string
	Taken    int64
	Own, All uint64 // refused because of one address, and of all
}

// Uses returns the use of every limit, in their order.
func (g *Gate) Uses() []Use {
	out := []Use{{Limit: "requests", Own: g.rate.Refused()}, {Limit: "probes", Own: g.probes.Refused()}}
	for _, s := range []struct {
		limit string
		share *Share
	}{
		{"lookups", g.Lookups}, {"submissions", g.Submissions}, {"emergencies", g.Urgent},
		{"lookup-waits", g.LookupWaits}, {"submission-waits", g.SubmitWaits}, {"emergency-waits", g.UrgentWaits},
		{"body-bytes", g.Bodies}, {"answer-bytes", g.Answers},
	} {
		own, all := s.share.Refused()
		out = append(out, Use{Limit: s.limit, Taken: s.share.Taken(), Own: own, All: all})
	}
	return out
}

// clientKey is the key of a request's client in its context.
type clientKey struct{}

// Admit returns a request that knows its client, and whether that may make one more.
// A probe asks only whether the server is well.
func (g *Gate) Admit(r *http.Request, probe bool) (*http.Request, bool) {
	c := g.proxies.Client(r)
	rate := g.rate
	if probe {
		rate = g.probes
	}
	return r.WithContext(context.WithValue(r.Context(), clientKey{}, c)), rate.Allow(c)
}

// ClientOf returns the client of a request that went through a Gate.
func ClientOf(r *http.Request) Client {
	c, _ := r.Context().Value(clientKey{}).(Client)
	return c
}

// TakeFirst takes a part of the first of several Shares that has room.
func TakeFirst(c Client, n int64, shares ...*Share) (*Held, error) {
	var last error
	for _, s := range shares {
		h, err := s.Take(c, n)
		if err == nil {
			return h, nil
		}
		last = err
	}
	return nil, last
}
