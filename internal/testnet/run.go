package testnet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"hullmark/app"
)

// Running is a network whose nodes run in this process.
type Running struct {
	Network *Network
	Nodes   []*app.Node
}

// Run starts every node of a network in this process, each logging to its own
// writer.
func Run(n *Network, version string, log func(node int) io.Writer) (*Running, error) {
	r := &Running{Network: n}
	for i := range n.Nodes {
		node, err := StartNode(n, i, version, log(i))
		if err != nil {
			return nil, errors.Join(err, r.Stop())
		}
		r.Nodes = append(r.Nodes, node)
	}
	return r, nil
}

// StartNode starts one node of a network in this process.
func StartNode(n *Network, i int, version string, log io.Writer) (*app.Node, error) {
	home := n.Nodes[i].Home
	config, err := app.LoadConfig(home)
	if err != nil {
		return nil, fmt.Errorf("couldn't start node %d: %w", i, err)
	}
	node, err := app.Open(home, app.Options{Config: config, Version: version, Log: log})
	if err != nil {
		return nil, fmt.Errorf("couldn't start node %d: %w", i, err)
	}
	if err := node.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("couldn't start node %d: %w", i, err), node.Stop())
	}
	return node, nil
}

// Wait returns nil when ctx is done, and an error when a node has failed.
func (r *Running) Wait(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	failed := make(chan error, len(r.Nodes))
	for i, n := range r.Nodes {
		go func() {
			err := n.Wait(ctx)
			if err != nil {
				err = fmt.Errorf("node %d failed: %w", i, err)
			}
			failed <- err
		}()
	}
	return <-failed
}

// Stop stops every node.
func (r *Running) Stop() error {
	var err error
	for _, n := range r.Nodes {
		err = errors.Join(err, n.Stop())
	}
	return err
}

// WaitProvable waits until every node at the given URLs can prove the state of a
// height.
func WaitProvable(ctx context.Context, height uint64, urls ...string) error {
	for _, url := range urls {
		for {
			s, err := app.FetchStatus(ctx, url)
			if err == nil && s.GetStateHeight() >= height {
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("couldn't wait for %s to prove height %d: %w", url, height, errors.Join(ctx.Err(), err))
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	return nil
}
