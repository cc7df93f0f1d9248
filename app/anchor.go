package app

import (
	"context"
	"fmt"

	cmttypes "github.com/cometbft/cometbft/types"

	"hullmark/bundle"
	"hullmark/lookup"
	"hullmark/proto"
	"hullmark/query"
	"hullmark/record"
)

// Anchor returns a trust anchor at the newest height whose state can be proven,
// for clients to import. Whoever hands it out vouches for it.
func (n *Node) Anchor() (*bundle.Anchor, error) {
	height, ok := n.lookup.StateHeight()
	if !ok {
		return nil, fmt.Errorf("couldn't make trust anchor: %w", lookup.ErrNotReady)
	}
	block, err := n.blocks.LightBlock(height + 1)
	if err != nil {
		return nil, fmt.Errorf("couldn't make trust anchor: %w", err)
	}
	return newAnchor(n.genesis, block), nil
}

// newAnchor joins a light block with the operators' keys, which are those of the
// genesis as long as governance cannot change them.
func newAnchor(g *record.Genesis, block *cmttypes.LightBlock) *bundle.Anchor {
	a := &bundle.Anchor{Ledger: g.LedgerID(), Block: block, TrustingPeriod: g.Params.TrustingPeriod}
	for _, o := range g.Operators {
		a.Operators = append(a.Operators, bundle.AnchorOperator{
			ID: o.ID, Key: o.GovernanceKey, Since: g.InitialHeight, NotaryKey: o.NotaryKey,
		})
	}
	return a
}

// Anchor makes a trust anchor from a home's genesis and the newest block of the
// node, usually the home's own. Errors wrap ErrUnreachable when there is no answer.
func (r *Remote) Anchor(ctx context.Context, h Home) (*bundle.Anchor, error) {
	g, _, err := loadGenesis(h)
	if err != nil {
		return nil, err
	}
	path, _ := query.Encode(query.LightBlock{}, query.Known{})
	var m proto.LightBlockResponse
	if err := r.fetch(ctx, path, func(b []byte) error { return proto.UnmarshalJSON(b, &m) }); err != nil {
		return nil, fmt.Errorf("couldn't make trust anchor: %w", err)
	}
	block, err := bundle.DecodeLightBlock(g.LedgerID(), m.GetLightBlock())
	if err != nil {
		return nil, fmt.Errorf("couldn't make trust anchor: the node at %s is not of this network: %w", r.url, err)
	}
	a := newAnchor(g, block)
	if err := block.ValidatorSet.VerifyCommitLight(a.Ledger, block.Commit.BlockID, block.Height, block.Commit); err != nil {
		return nil, fmt.Errorf("couldn't make trust anchor: %w", err)
	}
	return a, nil
}

// FetchAnchor is Anchor of the node at url.
func FetchAnchor(ctx context.Context, h Home, url string) (*bundle.Anchor, error) {
	return NewRemote(url).Anchor(ctx, h)
}

// FetchStatus is Status of the node at url.
func FetchStatus(ctx context.Context, url string) (*proto.StatusResponse, error) {
	return NewRemote(url).Status(ctx)
}
