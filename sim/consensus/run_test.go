package consensus_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hullmark/sim"
	"hullmark/sim/consensus"
)

func costs(t *testing.T) sim.Costs {
	t.Helper()
	c, err := sim.DefaultCosts()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// network returns n validators around the Earth.
func network(t *testing.T, n int) consensus.Config {
	t.Helper()
	v, err := consensus.Global.Validators(n)
	if err != nil {
		t.Fatal(err)
	}
	return consensus.Config{Settings: consensus.Product(), Costs: costs(t), Validators: v, Cores: 2, Jitter: 0.1, Tags: 1}
}

// free is a network where nothing takes time but what its timeouts say.
func free(t *testing.T, n int) consensus.Config {
	t.Helper()
	c := network(t, n)
	c.Validators, c.Shared, c.Jitter = make([]consensus.Validator, n), true, 0
	c.Settings.GossipSleep, c.Settings.Flush, c.Settings.SendRate = 0, 0, 0
	c.Costs = sim.Costs{
		Repositories: []sim.RepositoryCosts{{Tags: 1, Transaction: 1000}}, Block: 600, CommitVote: 100, Vote: 250, Work: 20,
	}
	return c
}

func mustRun(t *testing.T, seed uint64, c consensus.Config, p consensus.Plan) *consensus.Result {
	t.Helper()
	r, err := consensus.Run(seed, c, p)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// near reports whether a time lies within a tolerance of another.
func near(got, want, tolerance time.Duration) bool {
	return got >= want-tolerance && got <= want+tolerance
}

func TestDeterminism(t *testing.T) {
	c := network(t, 7)
	p := consensus.Plan{Load: consensus.Load{Rate: 50}, WarmUp: time.Second, Window: 10 * time.Second, Down: []int{2}}
	first := mustRun(t, 5, c, p)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	again := mustRun(t, 5, c, p)
	exported := cmp.AllowUnexported(sim.Histogram{}, consensus.Result{})
	if diff := cmp.Diff(first, again, exported); diff != "" {
		t.Errorf("one seed, two results (-first +second):\n%s", diff)
	}
	if cmp.Equal(first, mustRun(t, 6, c, p), exported) {
		t.Error("two seeds, one result")
	}
	if first.Committed == 0 || first.Latency.Count() == 0 {
		t.Error("nothing was published")
	}
}

// TestLimits compares with what must come out when nothing but the timeouts takes
// time.
func TestLimits(t *testing.T) {
	c := free(t, 4)
	s := c.Settings
	idle := mustRun(t, 1, c, consensus.Plan{WarmUp: 10 * time.Second, Window: time.Minute})
	if got, want := idle.Interval.Quantile(0.5), s.TimeoutCommit+s.EmptyBlocks; !near(got, want, want/100) {
		t.Errorf("idle: a block every %s, want %s", got, want)
	}
	busy := mustRun(t, 1, c, consensus.Plan{Load: consensus.Load{Rate: 100}, WarmUp: 5 * time.Second, Window: 20 * time.Second})
	if got, want := busy.Interval.Quantile(0.5), s.TimeoutCommit; !near(got, want, want/100) {
		t.Errorf("busy: a block every %s, want %s", got, want)
	}
	// Publishes come at any moment of the pause, so half of it is the median.
	if got, want := busy.Latency.Quantile(0.5), s.TimeoutCommit/2; !near(got, want, want/5) {
		t.Errorf("busy: a publish takes %s, want %s", got, want)
	}
	if busy.Rounds != busy.Blocks {
		t.Errorf("%d rounds for %d blocks", busy.Rounds, busy.Blocks)
	}
	full := mustRun(t, 1, c, consensus.Plan{Load: consensus.Load{Rate: 900}, WarmUp: 5 * time.Second, Window: 20 * time.Second})
	if got := full.Throughput(); got < 850 || got > 955 {
		t.Errorf("%.0f publishes/s, want all of 900", got)
	}
}

// TestSilentProposer: the round of a proposer that is down ends by its timeouts, and
// the next proposer's succeeds.
func TestSilentProposer(t *testing.T) {
	c := free(t, 4)
	r := mustRun(t, 1, c, consensus.Plan{Load: consensus.Load{Rate: 100}, WarmUp: 5 * time.Second, Window: 80 * time.Second, Down: []int{1}})
	if got := float64(r.Rounds) / float64(r.Blocks); got < 1.2 || got > 1.3 {
		t.Errorf("%.2f rounds a block, want 1.25: every fourth proposer is silent", got)
	}
	// The slow blocks take timeout_propose for the proposal that does not come; two
	// thirds of prevotes and precommits for none are there at once, and the engine
	// waits timeout_precommit before the next round.
	want := c.Settings.TimeoutCommit + c.Settings.TimeoutPropose + c.Settings.TimeoutPrecommit
	if got := r.Interval.Max(); !near(got, want, want/50) {
		t.Errorf("the longest interval is %s, want %s", got, want)
	}
}

// TestQuorum: with a third of the validators cut off nothing is decided, and it goes
// on when one is back.
func TestQuorum(t *testing.T) {
	for _, n := range []int{4, 6, 7, 10} {
		s := sim.New(1)
		nw, err := consensus.New(s, network(t, n))
		if err != nil {
			t.Fatal(err)
		}
		last := make(map[int]*consensus.Block)
		byHeight := make(map[int]*consensus.Block)
		nw.OnCommit = func(node int, b *consensus.Block, at time.Duration) {
			if other := byHeight[b.Height]; other != nil && other != b {
				t.Fatalf("%d validators: two blocks of height %d", n, b.Height)
			}
			byHeight[b.Height] = b
			if 3*b.Commit <= 2*n {
				t.Fatalf("%d validators: a block with %d votes", n, b.Commit)
			}
			if before := last[node]; before != nil && (b.Height != before.Height+1 || b.Time <= before.Time && b.Height > 2) {
				t.Fatalf("%d validators: block %d of %s after %d of %s", n, b.Height, b.Time, before.Height, before.Time)
			}
			if b.Time > at {
				t.Fatalf("%d validators: a block of %s is committed at %s", n, b.Time, at)
			}
			last[node] = b
		}
		s.RunUntil(20 * time.Second)
		if nw.Height(0) < 3 {
			t.Fatalf("%d validators: height %d", n, nw.Height(0))
		}
		third := (n + 2) / 3
		for i := range third {
			nw.Cut(n - 1 - i)
		}
		s.RunUntil(30 * time.Second) // what was under way may end
		stuck := nw.Height(0)
		s.RunUntil(90 * time.Second)
		if got := nw.Height(0); got != stuck {
			t.Errorf("%d validators, %d cut off: height %d, want %d", n, third, got, stuck)
		}
		nw.Mend(n - 1)
		s.RunUntil(180 * time.Second)
		if got := nw.Height(0); got <= stuck+3 {
			t.Errorf("%d validators: height %d after the cut was mended, %d before", n, got, stuck)
		}
		if got, want := nw.Height(n-1), nw.Height(0); got < want-1 {
			t.Errorf("%d validators: who was cut off is at height %d, others at %d", n, got, want)
		}
	}
}

// TestCosts: what costs more takes longer, or the model would not depend on it.
func TestCosts(t *testing.T) {
	p := consensus.Plan{Load: consensus.Load{Senders: 8}, WarmUp: 3 * time.Second, Window: 10 * time.Second}
	base := mustRun(t, 1, network(t, 4), p)
	for name, change := range map[string]func(*consensus.Config){
		"judging":    func(c *consensus.Config) { c.Costs.Repositories[0].Judge *= 4 },
		"rejudging":  func(c *consensus.Config) { c.Costs.Rejudge *= 10 },
		"committing": func(c *consensus.Config) { c.Costs.CommitTransaction *= 20 },
		"bandwidth": func(c *consensus.Config) {
			for i := range c.Validators {
				c.Validators[i].Uplink = consensus.Megabit
			}
		},
	} {
		c := network(t, 4)
		change(&c)
		if got := mustRun(t, 1, c, p).Throughput(); got >= 0.95*base.Throughput() {
			t.Errorf("%s: %.0f publishes/s, %.0f without", name, got, base.Throughput())
		}
	}
}

func TestRefusesNetworks(t *testing.T) {
	for name, change := range map[string]func(*consensus.Config){
		"nobody":         func(c *consensus.Config) { c.Validators = nil },
		"too many":       func(c *consensus.Config) { c.Validators = make([]consensus.Validator, consensus.MaxValidators+1) },
		"no cores":       func(c *consensus.Config) { c.Cores = 0 },
		"too many parts": func(c *consensus.Config) { c.Settings.PartSize = 1 << 10 },
	} {
		c := network(t, 4)
		change(&c)
		if _, err := consensus.Run(1, c, consensus.Plan{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := consensus.Places("moon").Validators(4); err == nil {
		t.Error("unknown places: no error")
	}
}
