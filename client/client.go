package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"hullmark/bundle"
	"hullmark/placement"
	"hullmark/reference"
)

// Options are the settings of a Client.
type Options struct {
	// Nodes are the base URLs of the nodes to ask.
	Nodes []string
	// Placement decides which node is asked first; empty is PlacementRendezvous.
	Placement Placement
	// Store keeps the client's memory: a Home or a MemoryStore.
	Store Store
	// Policy is what answers must meet; nil is bundle.DefaultPolicy.
	Policy *bundle.Policy
	// Timeout bounds all that one question asks of one node; zero is DefaultTimeout.
	Timeout time.Duration
	// Hedge is how long a node may stay silent before the next is asked too; zero
	// is DefaultHedge, negative is never.
	Hedge time.Duration
	// Transport carries the requests; nil is one of the client's own.
	Transport http.RoundTripper
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Sleep pauses between retries; nil waits for the time or the context.
	Sleep func(ctx context.Context, d time.Duration) error
	// Waiting is told of each pause before a transaction is sent to the nodes again: how
	// long it takes and what the nodes said. Nil tells nobody.
	Waiting func(pause time.Duration, why []Warning)
	// Random draws a time from zero to less than n, for pauses; nil is math/rand.
	Random func(n time.Duration) time.Duration
	// UserAgent names the program to nodes.
	UserAgent string
	// Witnesses makes the client compare the headers that verdicts rest on with other
	// nodes, in the background until Close; nil does not. It is for programs that run
	// for long: others call CompareHeaders.
	Witnesses *WitnessOptions
}

// Client asks the nodes of one ledger. It may be used by several goroutines.
type Client struct {
	nodes     []placement.Node
	placer    *placer
	store     Store
	policy    bundle.Policy
	timeout   time.Duration
	hedge     time.Duration
	http      *http.Client
	now       func() time.Time
	sleep     func(ctx context.Context, d time.Duration) error
	waiting   func(pause time.Duration, why []Warning) // nil for nobody
	random    func(n time.Duration) time.Duration
	userAgent string
	files     fileCache
	own       ownChanges
	// onFetched is called with the light blocks of each answer that came and was not judged
	// yet, and whom it came from; nil outside of tests.
	onFetched func(node string, traces []*bundle.Trace)
	// fork is one that the store could not keep; it ends all verdicts.
	fork      atomic.Pointer[bundle.Fork]
	witnesses *witnesses // nil without
}

// New returns a client. It talks to nobody yet. Errors wrap ErrConfig or
// ErrNoNodes; a client that only verifies files needs no nodes, and is made with
// an empty list by NewOffline.
func New(o Options) (*Client, error) {
	if len(o.Nodes) == 0 {
		return nil, fmt.Errorf("couldn't make client: %w", ErrNoNodes)
	}
	return newClient(o)
}

// NewOffline returns a client without nodes: VerifyBundle is all it can do.
func NewOffline(o Options) (*Client, error) {
	o.Nodes = nil
	return newClient(o)
}

func newClient(o Options) (*Client, error) {
	if o.Store == nil {
		return nil, fmt.Errorf("couldn't make client: %w: no store", ErrConfig)
	}
	if err := (Config{Nodes: o.Nodes, Placement: o.Placement}).Validate(); err != nil {
		return nil, fmt.Errorf("couldn't make client: %w", err)
	}
	c := &Client{
		store: o.Store, policy: bundle.DefaultPolicy(), timeout: DefaultTimeout, hedge: DefaultHedge,
		now: time.Now, sleep: sleep, waiting: o.Waiting, random: rand.N[time.Duration], userAgent: "hullmark",
	}
	for _, n := range o.Nodes {
		u, err := ParseNode(n)
		if err != nil {
			return nil, fmt.Errorf("couldn't make client: %w", err)
		}
		c.nodes = append(c.nodes, placement.NewNode(u))
	}
	c.placer = newPlacer(o.Placement, c.nodes)
	if o.Policy != nil {
		c.policy = *o.Policy
	}
	if o.Timeout > 0 {
		c.timeout = o.Timeout
	}
	if o.Hedge != 0 {
		c.hedge = o.Hedge
	}
	if o.Now != nil {
		c.now = o.Now
	}
	if o.Sleep != nil {
		c.sleep = o.Sleep
	}
	if o.Random != nil {
		c.random = o.Random
	}
	if o.UserAgent != "" {
		c.userAgent = o.UserAgent
	}
	c.http = newHTTPClient(o.Transport)
	if o.Witnesses != nil {
		c.witnesses = startWitnesses(c, *o.Witnesses)
	}
	return c, nil
}

// Close ends what runs in the background and waits for it. Verdicts can still be
// asked for afterwards, without witnesses.
func (c *Client) Close() {
	if c.witnesses != nil {
		c.witnesses.close()
	}
	c.http.CloseIdleConnections()
}

// load is Store.Load for verdicts: there are none after a fork.
func (c *Client) load(ctx context.Context, repositories ...reference.Repository) (*bundle.Memory, error) {
	if fork := c.fork.Load(); fork != nil {
		return nil, fork
	}
	m, err := c.store.Load(ctx, repositories...)
	if err != nil {
		return nil, err
	}
	return c.own.in(m, repositories...), nil
}

// Nodes returns the base URLs of the nodes.
func (c *Client) Nodes() []string {
	out := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		out[i] = n.ID()
	}
	return out
}

// Memory returns what the client knows, as far as it is about the given
// repositories.
func (c *Client) Memory(ctx context.Context, repositories ...reference.Repository) (*bundle.Memory, error) {
	return c.store.Load(ctx, repositories...)
}

// update is Store.Update for verdicts: one that stands and could not be remembered
// comes with a warning instead of an error.
func (c *Client) update(ctx context.Context, loaded *bundle.Memory, change func(*bundle.Memory) (*bundle.Memory, error), repositories ...reference.Repository) ([]Warning, error) {
	if fork := c.fork.Load(); fork != nil {
		return nil, fork
	}
	var verdict error
	err := c.store.Update(ctx, loaded, func(m *bundle.Memory) (*bundle.Memory, error) {
		var next *bundle.Memory
		next, verdict = change(c.own.in(m, repositories...))
		return next, verdict
	}, repositories...)
	if verdict == nil && errors.Is(err, ErrNotRemembered) {
		return []Warning{{Class: bundle.Other, Err: err}}, nil
	}
	return nil, err
}

// order returns the nodes in the order in which they are asked about a name.
func (c *Client) order(name string) []string {
	var out []string
	for _, n := range c.placer.order(name) {
		out = append(out, n.ID())
	}
	return out
}

// turn is order for a part of an answer that comes in parts: how much a part holds is up to
// the node, so each is asked of another one first.
func (c *Client) turn(name string, part int) []string {
	nodes := c.order(name)
	first := part % len(nodes)
	return slices.Concat(nodes[first:], nodes[:first])
}

// sleep waits for a time or for the end of the context.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// backoff returns the pause before a retry, counted from zero. A node's own wish
// is a lower bound, up to maxWish.
func (c *Client) backoff(retry int, wish time.Duration) time.Duration {
	d := min(firstBackoff<<min(retry, 16), maxBackoff)
	d = d/2 + c.random(d/2+1)
	return max(d, min(wish, maxWish))
}

// interrupted returns the context's error, with err, if the caller gave up. How a
// request fails then, and whether it says why, is no node's fault.
func interrupted(ctx context.Context, err error) error {
	switch {
	case err == nil, ctx.Err() == nil:
		return nil
	case errors.Is(err, ctx.Err()):
		return err
	default:
		return fmt.Errorf("%w: %w", ctx.Err(), err)
	}
}
