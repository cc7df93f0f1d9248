package client

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"

	"github.com/cometbft/cometbft/types"

	"hullmark/bundle"
	"hullmark/printable"
	"hullmark/proto"
	"hullmark/query"
	"hullmark/reference"
	"hullmark/tuf"
)

// NodeStatus is what a node says of itself. Nothing in it is verified.
type NodeStatus struct {
	Node   string
	Status *proto.StatusResponse // nil if there was no answer
	Err    error
}

// Status asks every node for its status, at the same time, and returns the
// answers in the order of the configuration.
func (c *Client) Status(ctx context.Context) []NodeStatus {
	out := make([]NodeStatus, len(c.nodes))
	var wg sync.WaitGroup
	for i, n := range c.nodes {
		wg.Go(func() {
			m := new(proto.StatusResponse)
			out[i] = NodeStatus{Node: n.ID(), Status: m}
			if err := c.getMessage(ctx, n.ID(), query.PathStatus, nil, m); err != nil {
				out[i] = NodeStatus{Node: n.ID(), Err: err}
			}
		})
	}
	wg.Wait()
	return out
}

// CompareHeaders asks every node, at the same time, for the newest block the client
// has verified, and returns who did not give the same one. A warning with
// bundle.ErrFork is evidence that the validators signed two histories. That there
// is none proves nothing, so no verdict waits for it.
func (c *Client) CompareHeaders(ctx context.Context) ([]Warning, error) {
	memory, err := c.store.Load(ctx)
	if err != nil {
		return nil, fmt.Errorf("couldn't compare headers: %w", err)
	}
	height := memory.TrustedHeight()
	errs := make([]error, len(c.nodes))
	var wg sync.WaitGroup
	for i, n := range c.nodes {
		wg.Go(func() {
			block, err := c.fetchLightBlock(ctx, n.ID(), memory.Ledger(), height)
			if err == nil {
				_, _, err = bundle.VerifyLightBlock(block, nil, memory, c.now(), c.policy)
			}
			errs[i] = err
		})
	}
	wg.Wait()
	var out []Warning
	for i, err := range errs {
		if err != nil {
			err = c.keepFork(err)
			out = append(out, Warning{Node: c.nodes[i].ID(), Class: ClassOf(err), Err: err})
		}
	}
	return out, nil
}

// LightBlock returns the verified light block of a height, or the newest one that
// a node has for height zero, and remembers it.
func (c *Client) LightBlock(ctx context.Context, height uint64) (*types.LightBlock, []Warning, error) {
	if len(c.nodes) == 0 {
		return nil, nil, fmt.Errorf("couldn't get light block: %w", ErrNoNodes)
	}
	lb, warnings, err := c.lightBlock(ctx, c.order(query.LightBlock{Height: height}.String()), height)
	if err != nil {
		return nil, warnings, fmt.Errorf("couldn't get light block: %w", err)
	}
	return lb, warnings, nil
}

// lightBlock is LightBlock with the nodes in the order in which they are asked.
func (c *Client) lightBlock(ctx context.Context, nodes []string, height uint64) (*types.LightBlock, []Warning, error) {
	if err := (query.LightBlock{Height: height}).Check(); err != nil {
		return nil, nil, err
	}
	memory, err := c.load(ctx)
	if err != nil {
		return nil, nil, err
	}
	type answer struct {
		block        []byte
		intermediate [][]byte
	}
	var lb *types.LightBlock
	var own []Warning
	warnings, err := race(ctx, c, nodes, func(ctx context.Context, node string) (answer, error) {
		block, err := c.fetchLightBlock(ctx, node, memory.Ledger(), height)
		if err != nil {
			return answer{}, err
		}
		intermediate, err := c.findIntermediate(ctx, node, memory, block)
		return answer{block, intermediate}, err
	}, func(node string, a answer) error {
		var err error
		own, err = c.update(ctx, memory, func(m *bundle.Memory) (*bundle.Memory, error) {
			verified, next, err := bundle.VerifyLightBlock(a.block, a.intermediate, m, c.now(), c.policy)
			lb = verified
			return next, err
		})
		if err == nil {
			c.witness(node, a.block)
		}
		return err
	})
	if err != nil {
		return nil, warnings, err
	}
	return lb, append(warnings, own...), nil
}

// findIntermediate returns light blocks that lead from the memory to a light block: none
// when it verifies as it is, and where the validators have changed too much, those
// half-way to it that one node has. Each step either verifies a block or halves
// the distance to one, so a node cannot make it go on for long.
func (c *Client) findIntermediate(ctx context.Context, node string, m *bundle.Memory, block []byte) ([][]byte, error) {
	var intermediate [][]byte
	wanted := [][]byte{block} // descending by height
	for range maxBisections {
		next := wanted[len(wanted)-1]
		// The block verified last may be one that a memory need not keep.
		_, learnt, err := bundle.VerifyLightBlock(next, intermediate[max(0, len(intermediate)-1):], m, c.now(), c.policy)
		switch {
		case err == nil && len(wanted) == 1:
			return intermediate, nil
		case err == nil:
			m, intermediate, wanted = learnt, append(intermediate, next), wanted[:len(wanted)-1]
			continue
		case !errors.Is(err, bundle.ErrNotEnoughTrust):
			return nil, err
		}
		middle, ok := halfway(m, intermediate, next)
		if !ok {
			return nil, err
		}
		between, err := c.fetchLightBlock(ctx, node, m.Ledger(), middle)
		if err != nil {
			return nil, err
		}
		wanted = append(wanted, between)
	}
	return nil, fmt.Errorf("%w: %w: %d light blocks were not enough", bundle.ErrHeader, bundle.ErrNotEnoughTrust, maxBisections)
}

// halfway returns the height between a block and the highest one below it that is
// known, or the last intermediate block. It returns false if there is none between.
func halfway(m *bundle.Memory, intermediate [][]byte, block []byte) (uint64, bool) {
	lb, err := bundle.DecodeLightBlock(m.Ledger(), block)
	if err != nil {
		return 0, false
	}
	low, high := int64(0), lb.Height
	for _, known := range m.Blocks() {
		if known.Height < high {
			low = known.Height
		}
	}
	if len(intermediate) > 0 {
		last, err := bundle.DecodeLightBlock(m.Ledger(), intermediate[len(intermediate)-1])
		if err != nil {
			return 0, false
		}
		low = max(low, last.Height)
	}
	middle := low + (high-low)/2
	return uint64(middle), low > 0 && middle > low
}

// fetchLightBlock gets the bytes of a light block of the height asked for, or of
// any for height zero. It is not verified.
func (c *Client) fetchLightBlock(ctx context.Context, node, ledger string, height uint64) ([]byte, error) {
	path, values := query.Encode(query.LightBlock{Height: height}, query.Known{})
	var m proto.LightBlockResponse
	if err := c.getMessage(ctx, node, path, values, &m); err != nil {
		return nil, err
	}
	lb, err := bundle.DecodeLightBlock(ledger, m.GetLightBlock())
	if err != nil {
		return nil, err
	}
	if height > 0 && uint64(lb.Height) != height {
		return nil, fmt.Errorf("%w: light block of height %d instead of %d", bundle.ErrMalformed, lb.Height, height)
	}
	return m.GetLightBlock(), nil
}

// Metadata returns the bytes of a repository's file: any version of its root, or
// the current version of its targets; version zero is the current one. The bytes
// are those the ledger proves. It returns ErrNotFound for a version that is not
// kept.
func (c *Client) Metadata(ctx context.Context, r reference.Repository, role string, version uint64) ([]byte, error) {
	b, err := c.metadata(ctx, r, role, version)
	if err != nil {
		return nil, fmt.Errorf("couldn't get %s metadata of %s: %w", role, r, err)
	}
	return b, nil
}

func (c *Client) metadata(ctx context.Context, r reference.Repository, role string, version uint64) ([]byte, error) {
	result, _, err := c.Repository(ctx, r)
	if err != nil {
		return nil, err
	}
	switch role {
	case tuf.RoleRoot:
		if version == 0 || version == result.RootVersion {
			return result.Root.Bytes(), nil
		}
	case tuf.RoleTargets:
		if result.Targets != nil && (version == 0 || version == result.TargetsVersion) {
			return result.Targets.Bytes(), nil
		}
		return nil, fmt.Errorf("%w: the current version is %d", ErrNotFound, result.TargetsVersion)
	default:
		return nil, fmt.Errorf("%w: role %s", ErrNotFound, printable.Quote(role))
	}
	memory, err := c.store.Load(ctx, r)
	if err != nil {
		return nil, err
	}
	seen, _ := memory.Repository(r)
	if version > seen.RootVersion() {
		return nil, fmt.Errorf("%w: the current version is %d", ErrNotFound, result.RootVersion)
	}
	return c.content(ctx, seen.Roots[version-1])
}

// content gets bytes by their SHA-256.
func (c *Client) content(ctx context.Context, digest [32]byte) ([]byte, error) {
	q := query.Content{Digest: digest}
	var content []byte
	_, err := race(ctx, c, c.order(q.String()), func(ctx context.Context, node string) ([]byte, error) {
		return c.put(ctx, node, q, query.Known{}, maxMetadata)
	}, func(_ string, answer []byte) error {
		if sha256.Sum256(answer) != digest {
			return fmt.Errorf("%w: content has another digest than asked for", bundle.ErrMalformed)
		}
		content = answer
		return nil
	})
	return content, err
}
