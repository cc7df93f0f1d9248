package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"hullmark/bundle"
	"hullmark/bundle/bundletest"
	"hullmark/client"
	"hullmark/internal/fixture"
	"hullmark/proto"
	"hullmark/record"
	"hullmark/tuf"
)

// Test what happens when others publish in between.
func TestPublishRace(t *testing.T) {
	// Somebody else publishes between reading and submitting.
	t.Run("others first", func(t *testing.T) {
		n := newNetwork(t, 2)
		foreign := n.app.Publish(3, fixture.Tags{"1.0": "one", "latest": "four"})
		var done bool
		n.everybody(func() func(http.ResponseWriter, *http.Request) bool {
			return times(1, func(http.ResponseWriter, *http.Request) bool {
				n.do(func(c *bundletest.Chain) {
					if !done {
						c.Commit(foreign)
						c.Commit()
					}
					done = true
				})
				return false
			})
		})
		p, err := n.client().Publish(t.Context(), n.order(set("1.0", "three")))
		if err != nil {
			t.Fatal(err)
		}
		if p.Files[0].Version != 4 {
			t.Errorf("version %d", p.Files[0].Version)
		}
		if got := n.meaning(t, "1.0", "latest"); got != "three four" {
			t.Errorf("tags mean %s", got)
		}
	})
	// The ledger took the file, and every answer about it was lost.
	t.Run("my own", func(t *testing.T) {
		n := newNetwork(t, 2)
		n.everybody(func() func(http.ResponseWriter, *http.Request) bool {
			return func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != http.MethodPost {
					return false
				}
				n.take(r)
				fail(w, 422, "stale-scope", "stale", uint32(record.CodeStaleScope))
				return true
			}
		})
		p, err := n.client().Publish(t.Context(), n.order(set("1.0", "three")))
		if err != nil {
			t.Fatal(err)
		}
		if p.Files[0].Version != 3 || p.Transaction != nil {
			t.Errorf("published %+v", p)
		}
		if got := n.meaning(t, "1.0"); got != "three" {
			t.Errorf("tag means %s", got)
		}
	})
	t.Run("never", func(t *testing.T) {
		n := newNetwork(t, 2)
		n.everybody(func() func(http.ResponseWriter, *http.Request) bool {
			return times(1000, func(w http.ResponseWriter, _ *http.Request) bool {
				fail(w, 422, "stale-scope", "stale", uint32(record.CodeStaleScope))
				return true
			})
		})
		// The time ends in a pause, or the person gives up there. No state shows a conflict.
		for end, want := range map[error]error{context.DeadlineExceeded: client.ErrTakenBefore, context.Canceled: context.Canceled} {
			pauses := new(pauses)
			pauses.limit, pauses.end = 30, end
			_, err := n.client(pauses.of).Publish(pauses.context(t), n.order(set("1.0", "three")))
			if !errors.Is(err, want) || errors.Is(err, client.ErrConflict) || len(pauses.taken) != 30 {
				t.Errorf("after %d pauses: %v, want %v", len(pauses.taken), err, want)
			}
		}
	})
	t.Run("always", func(t *testing.T) {
		n := newNetwork(t, 1)
		n.somebodyFirst(1000, func(version uint64) []byte {
			return n.app.Publish(version, fixture.Tags{"1.0": "one", "latest": fmt.Sprint(version)})
		})
		pauses := &pauses{limit: 7, end: context.DeadlineExceeded}
		_, err := n.client(pauses.of).Publish(pauses.context(t), n.order(set("1.0", "three")))
		if !errors.Is(err, client.ErrConflict) || errors.Is(err, client.ErrTakenBefore) || !strings.Contains(fmt.Sprint(err), "in 7 attempts") {
			t.Errorf("error %v", err)
		}
	})
}

// pauses are a client's clock: none takes any time, and after some the time is up.
type pauses struct {
	taken []time.Duration
	limit int
	end   error
	over  atomic.Bool
}

// of makes a client take these pauses, each the longest that could be drawn.
func (p *pauses) of(o *client.Options) {
	o.Random = func(n time.Duration) time.Duration { return n - 1 }
	o.Sleep = func(_ context.Context, d time.Duration) error {
		p.taken = append(p.taken, d)
		if len(p.taken) == p.limit {
			p.over.Store(true)
			return p.end
		}
		return nil
	}
}

// context returns one that ends with the last pause.
func (p *pauses) context(t *testing.T) context.Context { return endsWith{t.Context(), p} }

type endsWith struct {
	context.Context
	pauses *pauses
}

func (c endsWith) Err() error {
	if c.pauses.over.Load() {
		return c.pauses.end
	}
	return c.Context.Err()
}

// somebodyFirst commits a transaction of somebody else before each of some that a client
// sends, the first of version 3.
func (n *network) somebodyFirst(count int, tx func(version uint64) []byte) {
	version := uint64(2)
	n.nodes[0].lie(times(count, func(http.ResponseWriter, *http.Request) bool {
		n.do(func(c *bundletest.Chain) {
			version++
			c.Commit(tx(version))
			c.Commit()
		})
		return false
	}))
}

// Test that a publication that loses goes on with pauses that grow up to a bound, for
// far more attempts than five.
func TestPublishGoesOn(t *testing.T) {
	const losses = 20
	n := newNetwork(t, 1)
	n.somebodyFirst(losses, func(version uint64) []byte {
		return n.app.Publish(version, fixture.Tags{"1.0": "one", "latest": fmt.Sprint(version)})
	})
	var pauses pauses
	p, err := n.client(pauses.of).Publish(t.Context(), n.order(set("1.0", "three")))
	if err != nil {
		t.Fatal(err)
	}
	if p.Files[0].Version != losses+3 || len(pauses.taken) != losses {
		t.Errorf("version %d after %d pauses", p.Files[0].Version, len(pauses.taken))
	}
	for i, d := range pauses.taken {
		if want := min(250*time.Millisecond<<i, 8*time.Second); d != want {
			t.Errorf("pause %d is %s, want %s", i, d, want)
		}
	}
}

// Test that twelve jobs that publish into one repository at the same time all succeed.
func TestPublishTogether(t *testing.T) {
	n := newNetwork(t, 2)
	errs := make(chan error)
	// The network's clock goes by its blocks, of which the others make many meanwhile.
	patient := func(o *client.Options) {
		p := bundle.DefaultPolicy()
		p.MaxAge = time.Hour
		o.Policy = &p
	}
	tags := strings.Split("abcdefghijkl", "")
	for _, tag := range tags {
		go func() {
			_, err := n.client(patient).Publish(t.Context(), n.order(set(tag, "three")))
			errs <- err
		}()
	}
	for range tags {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if got := n.meaning(t, tags...); got != strings.TrimSpace(strings.Repeat("three ", len(tags))) {
		t.Errorf("tags mean %s", got)
	}
}

// Test that whoever sent something and learnt nothing is told that it may be in the
// ledger, and that nobody else is.
func TestUncertain(t *testing.T) {
	refuses := func(status int, code string, ledger record.Code) func(n *network, cancel func()) func(http.ResponseWriter, *http.Request) bool {
		return func(*network, func()) func(http.ResponseWriter, *http.Request) bool {
			return func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodPost {
					fail(w, status, code, "no", uint32(ledger))
					return true
				}
				return false
			}
		}
	}
	for _, tc := range []struct {
		name  string
		lie   func(n *network, cancel func()) func(http.ResponseWriter, *http.Request) bool
		want  bool
		cause error
	}{
		{"the answer is lost", func(n *network, _ func()) func(http.ResponseWriter, *http.Request) bool {
			return func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != http.MethodPost {
					return false
				}
				n.take(r)
				return hangsUp(w, r)
			}
		}, true, client.ErrUnreachable},
		{"not committed in time", refuses(504, "not-committed", 0), true, client.ErrNotCommitted},
		{"a proxy gave up", refuses(504, "", 0), true, client.ErrUnreachable},
		{"a proxy has no node", refuses(503, "", 0), true, client.ErrUnavailable},
		{"something broke", refuses(500, "internal", 0), true, client.ErrUnreachable},
		{"a receipt that proves nothing", func(n *network, _ func()) func(http.ResponseWriter, *http.Request) bool {
			return func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != http.MethodPost {
					return false
				}
				b, _ := io.ReadAll(r.Body)
				n.do(func(c *bundletest.Chain) { send(w, &proto.TransactionResponse{Hash: sum(b), Height: c.Height()}) })
				return true
			}
		}, true, nil},
		{"given up while waiting", func(n *network, cancel func()) func(http.ResponseWriter, *http.Request) bool {
			return func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != http.MethodPost {
					return false
				}
				n.take(r)
				cancel()
				<-r.Context().Done()
				return true
			}
		}, true, context.Canceled},
		{"busy", refuses(503, "mempool-full", 0), false, client.ErrUnavailable},
		{"sent too slowly", refuses(408, "bad-request", 0), false, client.ErrUnavailable},
		{"too many requests", refuses(429, "too-many-requests", 0), false, client.ErrUnavailable},
		{"too large", refuses(413, "transaction-too-large", 0), false, client.ErrResponse},
		{"rejected", refuses(422, "quota-exceeded", record.CodeQuota), false, record.CodeQuota},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n := newNetwork(t, 2)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			n.everybody(func() func(http.ResponseWriter, *http.Request) bool { return tc.lie(n, cancel) })
			_, err := n.client().Publish(ctx, n.order(set("1.0", "three")))
			var unsure *client.UncertainError
			if got := errors.As(err, &unsure); got != tc.want || got != errors.Is(err, client.ErrUncertain) {
				t.Fatalf("uncertain is %t: %v", got, err)
			}
			if tc.want && (len(unsure.Repositories) != 1 || unsure.Repositories[0] != n.app.Repository || unsure.Hash == [32]byte{}) {
				t.Errorf("it does not say of what: %+v", unsure)
			}
			if tc.cause != nil && !errors.Is(err, tc.cause) {
				t.Errorf("the cause is lost: %v", err)
			}
		})
	}
	// Nothing was sent where nobody listens.
	n := newNetwork(t, 1)
	tx := n.app.Publish(3, fixture.Tags{"1.0": "one"})
	c := n.client()
	n.nodes[0].Close()
	if _, _, err := c.Submit(t.Context(), tx); !errors.Is(err, client.ErrUnreachable) || errors.Is(err, client.ErrUncertain) {
		t.Errorf("nobody listens: %v", err)
	}
}

// Test what a rejection says of a transaction that another node took, whose answers
// were lost: nothing if one node alone gives it, and nothing if it passes.
func TestRejectedAndPerhapsCommitted(t *testing.T) {
	for _, tc := range []struct {
		code   record.Code
		nodes  int // that reject, beside the one that took it
		taken  bool
		unsure bool
	}{
		{record.CodeRevoked, 1, true, true},
		{record.CodeStaleScope, 1, true, true},
		{record.CodeQuota, 1, true, true},
		{record.CodeRevoked, 2, true, false},
		{record.CodeStaleScope, 2, true, false},
		{record.CodeQuota, 2, true, true},
		{record.CodeRevoked, 0, true, true}, // by the node itself, when asked again
		{record.CodeRevoked, 1, false, false},
		{record.CodeQuota, 2, false, false},
	} {
		t.Run(fmt.Sprintf("%s by %d, taken %t", tc.code.Name(), tc.nodes, tc.taken), func(t *testing.T) {
			n := newNetwork(t, tc.nodes+1)
			rejects := func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodPost {
					fail(w, http.StatusUnprocessableEntity, tc.code.Name(), "no", uint32(tc.code))
				}
				return r.Method == http.MethodPost
			}
			n.everybody(func() func(http.ResponseWriter, *http.Request) bool { return rejects })
			asked := false
			n.nodes[0].lie(func(w http.ResponseWriter, r *http.Request) bool {
				switch {
				case r.Method != http.MethodPost:
					return false
				case !tc.taken:
					return busy(w, r)
				case !asked:
					asked = true
					n.take(r)
				case tc.nodes == 0:
					return rejects(w, r)
				}
				if tc.nodes == 0 { // a node that is asked again
					fail(w, http.StatusGatewayTimeout, "not-committed", "no", 0)
					return true
				}
				return hangsUp(w, r)
			})
			c := n.client()
			_, _, err := c.Submit(t.Context(), n.app.Publish(3, fixture.Tags{"1.0": "one"}))
			if errors.Is(err, client.ErrUncertain) != tc.unsure {
				t.Errorf("uncertain is %t: %v", !tc.unsure, err)
			}
			if !errors.Is(err, tc.code) {
				t.Errorf("the rejection is lost: %v", err)
			}
		})
	}
	// A publication goes on from what is proven, so that such a rejection ends nothing.
	n := newNetwork(t, 2)
	n.nodes[0].lie(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost {
			n.take(r)
			return hangsUp(w, r)
		}
		return false
	})
	n.nodes[1].lie(func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost {
			fail(w, http.StatusUnprocessableEntity, record.CodeStaleScope.Name(), "no", uint32(record.CodeStaleScope))
		}
		return r.Method == http.MethodPost
	})
	if _, err := n.client().Publish(t.Context(), n.order(set("1.0", "three"))); err != nil {
		t.Errorf("published and called stale: %v", err)
	}
	if got := n.meaning(t, "1.0"); got != "three" {
		t.Errorf("1.0 means %s", got)
	}
}

// Test that a reader is told of an expired root when that is what is expired, and of
// the list when it is that.
func TestExpiredRootIsNamed(t *testing.T) {
	for expired, want := range map[string]string{tuf.RoleRoot: ": root expired 2026-", tuf.RoleTargets: ": targets expired 2026-"} {
		n := newNetwork(t, 1)
		p := n.chain.NewPublisher("registry.example.com/short")
		soon, late := n.now().Add(time.Minute), p.Expires
		sign := func(role string) {
			if p.Expires = late; role == expired {
				p.Expires = soon
			}
		}
		sign(tuf.RoleRoot)
		n.commit(p.Register(n.chain.Operators[0]))
		sign(tuf.RoleTargets)
		n.commit(p.Publish(1, fixture.Tags{"v1": "one"}))
		for range 15 { // of five seconds each
			n.commit()
		}
		_, _, _, err := n.client().Resolve(t.Context(), ref("registry.example.com/short:v1"))
		if !errors.Is(err, bundle.ErrNotEffective) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", expired, err)
		}
	}
}
