package app

import (
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// slowClock is a clock that a test sets back.
type slowClock struct{ behind atomic.Int64 }

func (c *slowClock) now() time.Time { return time.Now().Add(-time.Duration(c.behind.Load())) }

func TestCheckClock(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for name, tc := range map[string]struct {
		block time.Time
		slow  bool
	}{
		"no block":           {time.Time{}, false},
		"an old block":       {now.Add(-time.Hour), false},
		"a new block":        {now, false},
		"as far as may be":   {now.Add(maxClockBehind), false},
		"farther":            {now.Add(maxClockBehind + 1), true},
		"half a minute":      {now.Add(30 * time.Second), true},
		"in another century": {now.AddDate(100, 0, 0), true},
	} {
		err := checkClock(tc.block, now)
		if got := errors.As(err, new(*ClockError)); got != tc.slow {
			t.Errorf("%s: %v", name, err)
		}
	}
	err := checkClock(now.Add(30*time.Second), now)
	if want := "this machine's clock is 30s behind the newest block"; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
}

// TestClockBeforeStart: a node whose clock is behind its own newest block answers, says
// why it is not ready, takes no part, and goes on when the clock is right.
func TestClockBeforeStart(t *testing.T) {
	h := stoppedHome(t)
	log, clock := new(journal), new(slowClock)
	clock.behind.Store(int64(time.Hour))
	open := func() *Node {
		n, err := Open(h, Options{Config: quick(), Log: log, Hooks: Hooks{Now: clock.now}})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	// It can be stopped while it waits.
	n := open()
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	height := n.ledger.Height()
	if err := n.Stop(); err != nil {
		t.Error(err)
	}
	n = open()
	url := start(t, n)
	if r := get(t, url+"/healthz"); r.status != 200 {
		t.Errorf("/healthz: %d", r.status)
	}
	if r := get(t, url+"/readyz"); r.status != 503 || !strings.Contains(string(r.body), "clock is 1h0m0s behind the newest block") && !strings.Contains(string(r.body), "clock is 59m") {
		t.Errorf("/readyz: %d %s", r.status, r.body)
	}
	get(t, url+"/v1/status")
	if n.engine.IsRunning() || n.ledger.Height() != height {
		t.Errorf("it takes part: height %d after %d", n.ledger.Height(), height)
	}
	if !strings.Contains(log.String(), "waiting for the clock") {
		t.Errorf("the log does not say why:\n%s", log)
	}
	clock.behind.Store(0)
	provable(t, n, height+2)
}

// TestClockWhileRunning: a clock that is set back ends the node with an error that
// names it.
func TestClockWhileRunning(t *testing.T) {
	h, _ := newHome(t, 1)
	clock := new(slowClock)
	n, err := Open(h, Options{Config: quick(), Log: io.Discard, Hooks: Hooks{Now: clock.now, ClockInterval: 10 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	start(t, n)
	provable(t, n, 2)
	clock.behind.Store(int64(time.Hour))
	var slow *ClockError
	if err := wait(t, n); !errors.As(err, &slow) || slow.Behind < 50*time.Minute || slow.Behind > time.Hour {
		t.Errorf("failed with %v", err)
	}
}

// TestClockAfterConsensusFailed: the engine's routine ends, and the clock is why.
func TestClockAfterConsensusFailed(t *testing.T) {
	h, _ := newHome(t, 1)
	clock := new(slowClock)
	n, err := Open(h, Options{Config: quick(), Log: io.Discard, Hooks: Hooks{Now: clock.now, ClockInterval: time.Hour}})
	if err != nil {
		t.Fatal(err)
	}
	start(t, n)
	provable(t, n, 2)
	clock.behind.Store(int64(time.Hour))
	consensus, ok := n.env.ConsensusState.(interface{ Stop() error })
	if !ok {
		t.Fatal("consensus cannot be stopped")
	}
	if err := consensus.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := wait(t, n); !errors.As(err, new(*ClockError)) || !errors.Is(err, ErrConsensusFailed) {
		t.Errorf("failed with %v", err)
	}
}
