package calibrate

import (
	"context"
	"fmt"
	"testing"
	"time"

	cmttypes "github.com/cometbft/cometbft/types"

	"hullmark/internal/workload"
)

// engine is what the engine takes on one validator whose application takes
// everything.
type engine struct {
	// block is a block without transactions; waits is how long it waits for the disk
	// and for its own routines, on the clock.
	block, waits Spread
	// transaction is what each adds, submit the RPC of the one who sends it and of
	// the node, both.
	transaction, submit Spread
}

// measureEngine runs a network of one.
func measureEngine(tb testing.TB, size int) (*engine, error) {
	const pause = 20 * time.Millisecond
	o := workload.NetworkOptions{Accepting: true, TimeoutCommit: pause, EmptyBlocks: time.Millisecond}
	nw := workload.NewNetwork(tb, 1, o)
	out := new(engine)
	if err := out.blocks(nw, o); err != nil {
		return nil, err
	}
	return out, out.transactions(nw, size)
}

func (e *engine) blocks(nw *workload.Network, o workload.NetworkOptions) error {
	const window = 1500 * time.Millisecond
	var cpu, waits []float64
	for range repetitions {
		first := nw.Height()
		u, err := take(func() error { time.Sleep(window); return nil })
		if err != nil {
			return err
		}
		n := float64(nw.Height() - first)
		if n == 0 {
			return fmt.Errorf("couldn't measure blocks: none was made in %s", window)
		}
		cpu = append(cpu, u.cpu.Seconds()/n)
		waits = append(waits, max(0, (u.wall-u.cpu).Seconds()/n-(o.TimeoutCommit+o.EmptyBlocks).Seconds()))
	}
	e.block, e.waits = spread(cpu), spread(waits)
	return nil
}

// transactions sends transactions of a size, each once and then each again, which
// the mempool refuses before anything else: what is left is the RPC.
func (e *engine) transactions(nw *workload.Network, size int) error {
	const n = 1000
	rpc := nw.RPC[0]
	var serial byte
	var whole, again []float64
	for range repetitions {
		serial++
		var txs []cmttypes.Tx
		for i := range n {
			tx := make(cmttypes.Tx, size)
			tx[0], tx[1], tx[2] = serial, byte(i), byte(i>>8)
			txs = append(txs, tx)
		}
		before, want := nw.Height(), nw.Committed()+n
		u, err := take(func() error {
			for _, tx := range txs {
				if _, err := rpc.BroadcastTxSync(context.Background(), tx); err != nil {
					return err
				}
			}
			nw.Until("everything is committed", func() bool { return nw.Committed() >= want })
			return nil
		})
		if err != nil {
			return err
		}
		blocks := float64(nw.Height()-before) * e.block.Median
		r, err := take(func() error {
			for _, tx := range txs {
				if _, err := rpc.BroadcastTxSync(context.Background(), tx); err == nil {
					return fmt.Errorf("couldn't measure RPC: a transaction was taken twice")
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		// Blocks go on meanwhile.
		share := r.wall.Seconds() / u.wall.Seconds() * blocks
		submit := max(0, r.cpu.Seconds()-share) / n
		again = append(again, submit)
		whole = append(whole, max(0, u.cpu.Seconds()-blocks)/n-submit)
	}
	e.submit, e.transaction = spread(again), spread(whole)
	return nil
}
