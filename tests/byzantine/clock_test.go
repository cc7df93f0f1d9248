package byzantine

import (
	"errors"
	"testing"
	"time"

	cmtcfg "github.com/cometbft/cometbft/config"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"

	"hullmark/app"
	"hullmark/internal/nettest"
)

// TestClockBeyondTolerance: a node whose clock is far behind that of all others
// takes their blocks for ones of the future. It must not go on as if nothing were
// wrong, nor answer as if it were ready; it writes nothing of those blocks, and
// its process ends with a reason.
//
// Whose clock is wrong is a matter of view: here the others stamp their votes an
// hour ahead, and accept each other's.
func TestClockBeyondTolerance(t *testing.T) {
	n := nettest.New(t, "clocks", 4)
	quick(n)
	p := nettest.Prepare(t, n)
	const slow = 0
	var others []*faulty
	for i := range n.Nodes {
		if i == slow {
			p.Restart(i)
			continue
		}
		f := startFaulty(n, i, func(c *cmtcfg.Config) { c.Consensus.BlockTimeTolerance = 2 * time.Hour })
		t.Cleanup(f.stop)
		others = append(others, f)
	}
	p.Begin()
	for _, f := range others {
		f.signer.set(func(v *cmtproto.Vote) error {
			v.Timestamp = time.Now().Add(time.Hour)
			return nil
		}, nil)
	}
	start := p.Status(slow)
	err := p.Running.Nodes[slow].Wait(p.Context())
	if !errors.Is(err, app.ErrConsensusFailed) {
		t.Fatalf("the node with the slow clock goes on: %v", err)
	}
	if clock := new(app.ClockError); !errors.As(err, &clock) || clock.Behind < 30*time.Minute || clock.Behind > time.Hour {
		t.Errorf("it does not name the clock: %v", err)
	}
	p.Until("it says that it is not ready", func() bool { return !p.Ready(slow) })
	end := p.Status(slow)
	blockTime, err := time.Parse(time.RFC3339Nano, end.GetBlockTime())
	if err != nil {
		t.Fatal(err)
	}
	// The others go on without it.
	from := others[0].GetState().LastBlockHeight
	p.Until("the others go on", func() bool { return others[0].GetState().LastBlockHeight > from+5 })
	if latest := others[0].GetState().LastBlockTime; latest.Sub(blockTime) < 30*time.Minute {
		t.Errorf("the newest block of the others is of %v, its own of %v", latest, blockTime)
	}
	if p.Logs.Count(slow, "too far in the future") == 0 {
		t.Error("its log does not say why")
	}
	if start.GetHeight() == 0 {
		t.Error("it never took part")
	}
	p.Stop(slow)
	for _, f := range others {
		f.stop()
	}
	p.CheckStopped()
}
