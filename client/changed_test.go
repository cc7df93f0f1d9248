package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"hullmark/bundle"
	"hullmark/bundle/bundletest"
	"hullmark/client"
	"hullmark/internal/fixture"
	"hullmark/proto"
)

// overtake makes a node give an answer from before what another process with the same home
// publishes meanwhile, for as many look-ups as there are tags to publish.
func (n *network) overtake(t *testing.T, asked *node, by *client.Client, tags ...string) {
	var mu sync.Mutex
	asked.lie(func(w http.ResponseWriter, r *http.Request) bool {
		q, k, ok := question(r)
		if !ok || r.Method != http.MethodGet || !strings.HasPrefix(r.URL.Path, "/v1/re") {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		if len(tags) == 0 {
			return false
		}
		var b *proto.Bundle
		n.do(func(c *bundletest.Chain) { b = c.Newest().BundleFor(q, k) })
		tag, digest, _ := strings.Cut(tags[0], "=")
		tags = tags[1:]
		if _, err := by.Publish(t.Context(), n.order(set(tag, digest))); err != nil {
			t.Error(err)
		}
		send(w, b)
		return true
	})
}

// TestOvertaken: who asks while another process with the same home publishes is not told
// that the nodes are behind. It asks again, for the state with the new record.
func TestOvertaken(t *testing.T) {
	for name, tt := range map[string]struct {
		tags []string // what others publish while each look-up is under way
		want string
	}{
		"by nobody":      {nil, "two"},
		"once":           {[]string{"latest=three"}, "three"},
		"three times":    {[]string{"latest=three", "latest=four", "latest=five"}, "five"},
		"by another tag": {[]string{"1.0=three"}, "two"},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNetwork(t, 2)
			dir := t.TempDir()
			process := func(i int) *client.Client {
				return n.client(func(o *client.Options) { o.Nodes, o.Store = n.urls()[i:i+1], n.home(dir) })
			}
			reader := process(0)
			n.overtake(t, n.nodes[0], process(1), tt.tags...)
			r, _, warnings, err := reader.Resolve(t.Context(), ref(app+":latest"))
			if err != nil || len(warnings) != 0 {
				t.Fatalf("warnings %v, error %v", warnings, err)
			}
			if want := fixture.Digest(tt.want); r.Digest != want {
				t.Errorf("it means %s, want %s", r.Digest, want)
			}
			calls := n.nodes[0].seen()
			if len(calls) != len(tt.tags)+1 {
				t.Fatalf("%d requests, want %d: %q", len(calls), len(tt.tags)+1, calls)
			}
			memory, err := reader.Memory(t.Context(), ref(app).Repository)
			if err != nil {
				t.Fatal(err)
			}
			seen, _ := memory.Repository(ref(app).Repository)
			last := calls[len(calls)-1]
			if want := fmt.Sprintf("min_state_height=%d", seen.Changed); len(tt.tags) > 0 && !strings.Contains(last, want) {
				t.Errorf("last request %s, want %s", last, want)
			}
		})
	}
}

// TestOvertakenByOneNode: where another node can show the newer state at once, the question
// is answered, and nobody is told that the first was behind.
func TestOvertakenByOneNode(t *testing.T) {
	n := newNetwork(t, 3)
	store := n.home(t.TempDir())
	reader := n.client(func(o *client.Options) { o.Nodes, o.Store = n.urls()[:2], store })
	writer := n.client(func(o *client.Options) { o.Nodes, o.Store = n.urls()[2:], store })
	first := n.inOrder(reader, ref(app+":latest").String())[0]
	n.overtake(t, first, writer, "latest=three")
	r, _, warnings, err := reader.Resolve(t.Context(), ref(app+":latest"))
	if err != nil || len(warnings) != 0 || r.Digest != fixture.Digest("three") || len(first.seen()) != 1 {
		t.Errorf("result %v, warnings %v, %d requests, error %v", r, warnings, len(first.seen()), err)
	}
}

// TestHistoryOvertaken is TestOvertaken for a history: it has the record that came
// meanwhile.
func TestHistoryOvertaken(t *testing.T) {
	n := newNetwork(t, 1)
	store := n.home(t.TempDir())
	reader, writer := n.client(func(o *client.Options) { o.Store = store }), n.client(func(o *client.Options) { o.Store = store })
	var once sync.Once
	n.nodes[0].lie(func(w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/v1/history" {
			return false
		}
		early := httptest.NewRecorder()
		n.nodes[0].honest(early, r)
		asked := true
		once.Do(func() {
			asked = false
			if _, err := writer.Publish(t.Context(), n.order(set("latest", "three"))); err != nil {
				t.Error(err)
			}
			_, _ = w.Write(early.Body.Bytes())
		})
		return !asked
	})
	h, warnings, err := reader.History(t.Context(), n.app.Repository, client.HistoryOptions{})
	if err != nil || len(warnings) != 0 || len(h.Records) != 4 {
		t.Errorf("history %+v, warnings %v, error %v", h, warnings, err)
	}
}

// TestNotOvertaken: a node that was asked for what is known and is behind it is behind,
// however often it is asked.
func TestNotOvertaken(t *testing.T) {
	n := newNetwork(t, 2)
	dir := t.TempDir()
	process := func(i int) *client.Client {
		return n.client(func(o *client.Options) { o.Nodes, o.Store = n.urls()[i:i+1], n.home(dir) })
	}
	if _, err := process(1).Publish(t.Context(), n.order(set("latest", "three"))); err != nil {
		t.Fatal(err)
	}
	// Behind what the home knew before the question.
	n.nodes[0].lie(n.answersFrom(3))
	_, _, _, err := process(0).Resolve(t.Context(), ref(app+":latest"))
	if calls := n.nodes[0].seen(); !errors.Is(err, bundle.ErrBehind) || len(calls) != 1 {
		t.Errorf("%d requests, error %v", len(calls), err)
	}
	// Behind what it learnt meanwhile, and it stays so.
	other := process(1)
	var once sync.Once
	n.nodes[0].lie(func(w http.ResponseWriter, r *http.Request) bool {
		once.Do(func() {
			if _, err := other.Publish(t.Context(), n.order(set("latest", "four"))); err != nil {
				t.Error(err)
			}
		})
		return n.answersFrom(5)(w, r)
	})
	_, _, _, err = process(0).Resolve(t.Context(), ref(app+":latest"))
	if calls := n.nodes[0].seen(); !errors.Is(err, bundle.ErrBehind) || len(calls) != 3 {
		t.Errorf("%d requests, error %v", len(calls), err)
	}
}

// TestPublishOvertaken: a publisher that is overtaken by another one of its home publishes
// all the same, after it.
func TestPublishOvertaken(t *testing.T) {
	n := newNetwork(t, 2)
	dir := t.TempDir()
	process := func(i int) *client.Client {
		return n.client(func(o *client.Options) { o.Nodes, o.Store = n.urls()[i:i+1], n.home(dir) })
	}
	late := process(0)
	n.overtake(t, n.nodes[0], process(1), "latest=three", "latest=four")
	p, err := late.Publish(t.Context(), n.order(set("1.0", "two")))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Warnings) != 0 || p.Files[0].Version != 5 {
		t.Errorf("version %d, warnings %v", p.Files[0].Version, p.Warnings)
	}
	if got := n.meaning(t, "1.0", "latest"); got != "two four" {
		t.Errorf("tags mean %s", got)
	}
}

// TestPublishInReadOnlyHome: who has published sees the state with its own record and no
// older one, also where nothing can be remembered.
func TestPublishInReadOnlyHome(t *testing.T) {
	n := newNetwork(t, 1)
	h := n.home(t.TempDir())
	client.FailLock(h, &os.PathError{Op: "open", Path: "lock", Err: syscall.EROFS})
	c := n.client(func(o *client.Options) { o.Store = h })
	p, err := c.Publish(t.Context(), n.order(set("latest", "three")))
	if err != nil {
		t.Fatal(err)
	}
	height := p.Transaction.GetHeight()
	asks := func(what string, ask func() error) {
		t.Helper()
		n.nodes[0].lie(n.answersFrom(height - 1))
		if err := ask(); !errors.Is(err, bundle.ErrBehind) {
			t.Errorf("%s from before: error %v", what, err)
		}
		n.nodes[0].lie(nil)
		if err := ask(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		calls := n.nodes[0].seen()
		if want, last := fmt.Sprintf("min_state_height=%d", height), calls[len(calls)-1]; !strings.Contains(last, want) {
			t.Errorf("request %s, want %s", last, want)
		}
	}
	asks("tag", func() error {
		r, _, _, err := c.Resolve(t.Context(), ref(app+":latest"))
		if err == nil && r.Digest != fixture.Digest("three") {
			t.Errorf("it means %s", r.Digest)
		}
		return err
	})
	asks("repository", func() error {
		_, _, err := c.Repository(t.Context(), ref(app).Repository)
		return err
	})
	asks("another tag", func() error {
		_, _, _, err := c.Resolve(t.Context(), ref(app+":1.0"))
		return err
	})
	// Nothing is known of other repositories.
	n.nodes[0].lie(n.answersFrom(height - 1))
	if _, _, _, err := c.Resolve(t.Context(), ref(other+":1.0")); err != nil {
		t.Error(err)
	}
}
