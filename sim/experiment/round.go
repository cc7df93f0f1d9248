package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"hullmark/bundle"
	"hullmark/client"
)

// place is where users find a read node.
type place struct {
	url  string
	node *node
	// bad places give no good answer: the node was killed, or lies.
	bad string
}

// round is one series of look-ups.
type round struct {
	name string
	// dir holds the homes of the round's users.
	dir       string
	catalogue catalogue
	anchor    *bundle.Anchor
	places    []place
	images    []int
	users     int
	// hedge and placement are those of client.Options.
	hedge     time.Duration
	placement client.Placement
	log       io.Writer
}

// roundResult is what a round showed.
type roundResult struct {
	Name    string `json:"name"`
	Lookups int    `json:"lookups"`
	// Verified are the look-ups that ended with the digest that was published.
	Verified int `json:"verified"`
	// Failures of look-ups, and warnings about nodes on the way, by class.
	Failures map[string]int `json:"failures"`
	Warnings map[string]int `json:"warnings"`
	Seconds  float64        `json:"seconds"`
	// Latency of the look-ups in milliseconds, verification included.
	P50 float64 `json:"ms_p50"`
	P90 float64 `json:"ms_p90"`
	P99 float64 `json:"ms_p99"`
	Max float64 `json:"ms_max"`
	// Requests counted at all nodes that could be asked, and what was simulated for
	// them. The difference is what hedging added.
	Requests  int `json:"requests"`
	Simulated int `json:"simulated_requests"`
	// LoadFactor of the good nodes.
	LoadFactor          float64    `json:"load_factor"`
	SimulatedLoadFactor float64    `json:"simulated_load_factor"`
	Nodes               []nodeLoad `json:"nodes"`
}

// nodeLoad is how many requests came to one node.
type nodeLoad struct {
	URL string `json:"url"`
	// State is "", "killed" or "lies".
	State     string `json:"state,omitempty"`
	Requests  int    `json:"requests"` // 0 for a node that was killed
	Simulated int    `json:"simulated_requests"`
}

// draw returns n of the images, each at most once, or all for n = 0 and when there are
// no more.
func draw(c catalogue, n int, seed uint64) []int {
	all := rand.New(rand.NewPCG(seed, uint64(c.images))).Perm(c.images)
	if n == 0 || n > len(all) {
		return all
	}
	return all[:n]
}

// run looks the images up.
func (r *round) run(ctx context.Context) (*roundResult, error) {
	var urls, bad []string
	for _, p := range r.places {
		urls = append(urls, p.url)
		if p.bad != "" {
			bad = append(bad, p.url)
		}
	}
	users, err := r.newUsers(ctx, urls)
	if err != nil {
		return nil, err
	}
	before, err := r.count(ctx)
	if err != nil {
		return nil, err
	}
	t := &tally{failures: make(map[string]int), warnings: make(map[string]int)}
	free := make(chan *user, len(users))
	for i, c := range users {
		if i < len(r.images) {
			free <- &user{client: c, next: i}
		}
	}
	began := time.Now()
	if err := each(ctx, r.log, "look up, "+r.name, len(r.images), len(users), func(ctx context.Context, _ int) error {
		var u *user
		select {
		case <-ctx.Done():
			return ctx.Err()
		case u = <-free:
		}
		image := r.images[u.next]
		if err := r.lookup(ctx, u.client, image, t); err != nil {
			return err
		}
		if u.next += len(users); u.next < len(r.images) {
			free <- u
		}
		return nil
	}); err != nil {
		return nil, fmt.Errorf("couldn't look up: %w", err)
	}
	took := time.Since(began)
	after, err := r.count(ctx)
	if err != nil {
		return nil, err
	}

	slices.Sort(t.latencies)
	out := &roundResult{
		Name: r.name, Lookups: len(r.images), Verified: t.verified, Failures: t.failures, Warnings: t.warnings, Seconds: took.Seconds(),
		P50: quantile(t.latencies, 0.5), P90: quantile(t.latencies, 0.9), P99: quantile(t.latencies, 0.99), Max: quantile(t.latencies, 1),
	}
	simulated := simulate(r.catalogue, r.images, urls, bad, r.placement, r.users)
	var real, expected []int
	for i, p := range r.places {
		n := nodeLoad{URL: p.url, State: p.bad, Requests: after[i] - before[i], Simulated: simulated[p.url]}
		out.Nodes = append(out.Nodes, n)
		if p.bad != stateKilled {
			out.Requests += n.Requests
			out.Simulated += n.Simulated
		}
		if p.bad == "" {
			real, expected = append(real, n.Requests), append(expected, n.Simulated)
		}
	}
	out.LoadFactor, out.SimulatedLoadFactor = loadFactor(real), loadFactor(expected)
	return out, nil
}

// user is somebody who looks images up, one after the other. Users take turns with the
// images beforehand, so that who asks what does not depend on who is faster.
type user struct {
	client *client.Client
	next   int // index of its next image
}

// newUsers makes users who know nothing but the trust anchor and the nodes, each with
// a home on disk.
func (r *round) newUsers(ctx context.Context, urls []string) ([]*client.Client, error) {
	anchor, err := r.anchor.Encode()
	if err != nil {
		return nil, err
	}
	var users []*client.Client
	for i := range r.users {
		home, err := client.OpenHome(filepath.Join(r.dir, fmt.Sprint(i)))
		if err != nil {
			return nil, err
		}
		if _, err := home.ImportAnchor(ctx, anchor, time.Now()); err != nil {
			return nil, err
		}
		c, err := client.New(client.Options{
			Nodes: urls, Store: home, Hedge: r.hedge, Placement: r.placement, UserAgent: "hullmark-experiment",
		})
		if err != nil {
			return nil, err
		}
		users = append(users, c)
	}
	return users, nil
}

// count reads how many look-ups came to the node at each place; 0 where none runs.
func (r *round) count(ctx context.Context) ([]int, error) {
	out := make([]int, len(r.places))
	for i, p := range r.places {
		if p.bad == stateKilled {
			continue
		}
		c, err := p.node.counters(ctx)
		if err != nil {
			return nil, err
		}
		out[i] = c.lookups
	}
	return out, nil
}

// tally counts outcomes of look-ups.
type tally struct {
	mu                 sync.Mutex
	verified           int
	failures, warnings map[string]int
	latencies          []float64 // in milliseconds
}

// lookup has a user look an image up and compares the verified answer with what was
// published. It fails only when it was interrupted.
func (r *round) lookup(ctx context.Context, c *client.Client, image int, t *tally) error {
	began := time.Now()
	result, _, warnings, err := c.Resolve(ctx, r.catalogue.question(image))
	took := time.Since(began)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.latencies = append(t.latencies, float64(took.Microseconds())/1000)
	for _, w := range warnings {
		t.warnings[w.Class.String()]++
	}
	switch {
	case err != nil:
		t.failures[client.ClassOf(err).String()]++
		if t.failures[client.ClassOf(err).String()] == 1 {
			say(r.log, "look up, %s: %v", r.name, err)
		}
	case result.Digest != r.catalogue.digest(image):
		t.failures["wrong digest"]++
	default:
		t.verified++
	}
	return nil
}
