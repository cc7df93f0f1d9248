package client

import (
	"fmt"
	"sync"

	"hullmark/placement"
)

// Placement names a way to decide which node is asked first.
type Placement string

// The ways to decide which node is asked first.
const (
	// PlacementRendezvous asks the nodes in rendezvous order of the name: all
	// clients agree on the node of a name, and load is even as far as names are
	// asked for equally often.
	PlacementRendezvous Placement = "rendezvous"
	// PlacementBounded departs from that order for the first node when it was
	// asked more than the least asked one by more than a hundredth. It counts what
	// this Client asks, so it matters to programs that ask many questions of one
	// Client; a command that asks one is never ahead.
	PlacementBounded Placement = "bounded"
)

// validate reports an unknown placement; none is the default. Errors wrap
// ErrConfig.
func (p Placement) validate() error {
	switch p {
	case "", PlacementRendezvous, PlacementBounded:
		return nil
	}
	return fmt.Errorf("%w: placement %q; use %q or %q", ErrConfig, string(p), PlacementRendezvous, PlacementBounded)
}

// placer orders nodes for several goroutines.
type placer struct {
	nodes []placement.Node
	// bounded counts questions; nil when the order is that of rendezvous.
	bounded *placement.Bounded
	mu      sync.Mutex // guards bounded
}

func newPlacer(p Placement, nodes []placement.Node) *placer {
	out := &placer{nodes: nodes}
	if p == PlacementBounded {
		out.bounded = placement.NewBounded(nodes)
	}
	return out
}

// order returns the nodes in the order in which to ask a question about a name.
func (p *placer) order(name string) []placement.Node {
	key := placement.NewKey([]byte(name))
	if p.bounded == nil {
		return key.Order(p.nodes)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bounded.Order(key)
}
