package app

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// stopTimeout is how long requests that are being answered have when the node stops.
const stopTimeout = 5 * time.Second

// Stop ends the node in order: no new requests, then consensus, then the
// database. Being killed instead loses nothing.
func (n *Node) Stop() error {
	n.stopping.Store(true)
	if n.background != nil {
		n.background()
	}
	n.late.Wait()
	n.watchers.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	err := n.api.stop(ctx)
	if n.metrics != nil {
		err = errors.Join(err, n.metrics.stop(ctx))
	}
	err = errors.Join(err, n.stopEngine())
	n.log.Info("node stopped", "height", n.ledger.Height())
	return errors.Join(err, n.close())
}

// stopEngine stops the engine, if it runs. Block sync ends first and by itself: when it
// has caught up it starts consensus, also in the middle of a stop, where consensus may
// have been stopped before; it would go on without its databases. Once block sync has
// ended, consensus either runs and can be stopped, or never will.
func (n *Node) stopEngine() error {
	if !n.engine.IsRunning() {
		return nil
	}
	if sync, ok := n.engine.Switch().Reactor("BLOCKSYNC"); ok && sync.IsRunning() {
		if err := sync.Stop(); err != nil {
			return fmt.Errorf("couldn't stop block sync: %w", err)
		}
	}
	err := n.engine.Stop()
	n.engine.Wait()
	return err
}
