package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"hullmark/bundle"
	"hullmark/bundle/bundletest"
	"hullmark/change"
	"hullmark/client"
	"hullmark/internal/fixture"
	"hullmark/record"
)

// TestPublishRevoked: a digest that is revoked is refused whether the tag lists it already
// or not, alone and beside a tag that changes.
func TestPublishRevoked(t *testing.T) {
	n := newNetwork(t, 1)
	n.do(func(c *bundletest.Chain) {
		c.Commit(c.RelayStatements(c.Operators[1], n.app.Revoke("targets", 1, "two")))
		c.Commit()
	})
	for name, changes := range map[string][]change.TagChange{
		"listed":                          {set("latest", "two")},
		"listed, beside another":          {set("latest", "two"), set("1.0", "one")},
		"listed, beside one that changes": {set("latest", "two"), set("1.0", "three")},
		"new tag":                         {set("2.0", "two")},
	} {
		height := n.chain.Height()
		if _, err := n.client().Publish(t.Context(), n.order(changes...)); !errors.Is(err, record.CodeRevoked) {
			t.Errorf("%s: error %v", name, err)
		}
		if got := n.chain.Height(); name != "new tag" && got != height {
			t.Errorf("%s: something was sent", name)
		}
		if _, _, err := n.client().PrepareRequest(t.Context(), n.order(changes...)); name != "new tag" && !errors.Is(err, record.CodeRevoked) {
			t.Errorf("%s, as a request: error %v", name, err)
		}
	}
	// What the others mean is nobody's order, and an order without tags changes none.
	for name, changes := range map[string][]change.TagChange{"another": {set("1.0", "one")}, "none": nil, "a withdrawal of it": {withdraw("latest")}} {
		if _, err := n.client().Publish(t.Context(), n.order(changes...)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestUnchangedMeansVerified: that nothing is to be done is said only where a reader is
// told yes.
func TestUnchangedMeansVerified(t *testing.T) {
	n := newNetwork(t, 1)
	p, err := n.client().Publish(t.Context(), n.order(set("latest", "two")))
	if err != nil || p.Transaction != nil {
		t.Fatalf("published %+v, error %v", p, err)
	}
	calls := n.nodes[0].seen()
	if last := calls[len(calls)-1]; !strings.HasPrefix(last, "/v1/resolve") {
		t.Errorf("the last request is %s", last)
	}
	// Of several tags of one image one is asked about.
	before := len(calls)
	if _, err := n.client().Publish(t.Context(), n.order(set("latest", "two"), set("again", "two"))); err != nil {
		t.Fatal(err)
	}
	after := len(n.nodes[0].seen())
	if _, err := n.client().Publish(t.Context(), n.order(set("latest", "two"), set("again", "two"))); err != nil {
		t.Fatal(err)
	}
	if got, want := len(n.nodes[0].seen())-after, before; got != want {
		t.Errorf("%d requests for two tags, %d for one", got, want)
	}
	// A node that lies about the tag is found out.
	n.nodes[0].lie(func(w http.ResponseWriter, r *http.Request) bool {
		return r.URL.Path == "/v1/resolve" && says([]byte("{}"))(w, r)
	})
	if _, err := n.client().Publish(t.Context(), n.order(set("latest", "two"))); client.ClassOf(err) != bundle.Attack {
		t.Errorf("error %v", err)
	}
}

// TestPublishConflict: others who are faster until the time is up are a conflict, and an
// interruption is one.
func TestPublishConflict(t *testing.T) {
	for end, want := range map[error]error{context.DeadlineExceeded: client.ErrConflict, context.Canceled: context.Canceled} {
		n := newNetwork(t, 1)
		version := uint64(2)
		n.nodes[0].lie(times(9, func(http.ResponseWriter, *http.Request) bool {
			n.do(func(c *bundletest.Chain) {
				version++
				c.Commit(n.app.Publish(version, fixture.Tags{"1.0": "one", "latest": fmt.Sprint(version)}))
				c.Commit()
			})
			return false
		}))
		pauses := new(pauses)
		pauses.limit, pauses.end = 5, end
		var told []client.Warning
		_, err := n.client(pauses.of, func(o *client.Options) {
			o.Waiting = func(_ time.Duration, why []client.Warning) { told = append(told, why...) }
		}).Publish(pauses.context(t), n.order(set("1.0", "three")))
		if !errors.Is(err, want) || errors.Is(err, client.ErrConflict) != errors.Is(want, client.ErrConflict) || errors.Is(err, client.ErrTakenBefore) {
			t.Errorf("error %v, want %v", err, want)
		}
		if len(told) != 5 || told[0].String() != "another job published first; trying again" {
			t.Errorf("told %v", told)
		}
	}
}

// TestPublishHalted: an earlier transaction that waits for a block is no conflict, however
// long it takes, and is waited for.
func TestPublishHalted(t *testing.T) {
	n := newNetwork(t, 2)
	halted := true
	n.everybody(func() func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodPost || !halted {
				return false
			}
			fail(w, 422, "stale-scope", "stale", uint32(record.CodeStaleScope))
			return true
		}
	})
	pauses := new(pauses)
	pauses.limit, pauses.end = 6, context.DeadlineExceeded
	_, err := n.client(pauses.of).Publish(pauses.context(t), n.order(set("1.0", "three")))
	if !errors.Is(err, client.ErrTakenBefore) || errors.Is(err, client.ErrConflict) || client.ClassOf(err) != bundle.Stale {
		t.Errorf("error %v", err)
	}
	if !strings.Contains(err.Error(), "an earlier transaction of the repository waits for a block; the newest block that can be proven is 3, of ") {
		t.Errorf("error %v", err)
	}
	// And goes on once there are blocks, after what waited.
	asked := 0
	p, err := n.client(func(o *client.Options) {
		o.Sleep = func(context.Context, time.Duration) error {
			if asked++; asked == 4 {
				n.commit(n.app.Publish(3, fixture.Tags{"1.0": "one", "latest": "four"}))
				n.commit()
				halted = false
			}
			return nil
		}
	}).Publish(t.Context(), n.order(set("1.0", "three")))
	if err != nil || p.Files[0].Version != 4 || len(p.Warnings) != 0 {
		t.Fatalf("published %+v, error %v", p, err)
	}
}

// TestNotHullmark: what answers at the wrong port is no node, and no reason to believe
// anything.
func TestNotHullmark(t *testing.T) {
	for _, tt := range []struct {
		status int
		body   string
		want   bool
	}{
		{404, "404 page not found\n", true},
		{404, "", true},
		{405, "<html>", true},
		{501, "{}", true},
		{404, `{"code":"not-found","message":"no such resource"}`, false},
		{400, "bad request", false},
		{500, "", false},
	} {
		n := newNetwork(t, 1)
		n.nodes[0].lie(func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(tt.status)
			_, _ = w.Write([]byte(tt.body))
			return true
		})
		_, _, _, err := n.client().Resolve(t.Context(), ref(app+":latest"))
		if got := strings.Contains(err.Error(), "no Hullmark HTTP API, whose default port is 26680"); got != tt.want || tt.want && client.ClassOf(err) != bundle.Stale {
			t.Errorf("%d %q: %v", tt.status, tt.body, err)
		}
	}
}
