package trace

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"hullmark/sim"
)

// Config is what a made trace is like. Rates are averages over a day.
type Config struct {
	Duration     time.Duration
	Repositories int
	// Exponent is that of the Zipf popularity of repositories.
	Exponent float64
	// Clients is how many addresses people pull from.
	Clients int
	// Pulls and Releases are events a second of all people together. Both follow the
	// day, which has its peak at 15:00 and as little as 1-Swing over 1+Swing of that
	// at 3:00; a trace begins at Start of the day.
	Pulls, Releases float64
	Swing           float64
	Start           time.Duration
	// Burst is the mean number of tags of a release, which a pipeline pushes within
	// a minute or two, the moving tag latest last.
	Burst float64
	// Latest is the share of pulls that ask for latest; the others ask for one of
	// the newest releases.
	Latest float64
	// Pollers is how many machines ask for the same tag again every Interval, day
	// and night, each from an address of its own.
	Pollers  int
	Interval time.Duration
}

// DefaultConfig is the traffic of a middle-sized public registry in small: a day,
// 2,000 repositories, a pull every fifth of a second, half of them by machines.
func DefaultConfig() Config {
	return Config{
		Duration: 24 * time.Hour, Repositories: 2000, Exponent: 1, Clients: 5000, Pulls: 2.5, Releases: 0.01, Swing: 0.6,
		Burst: 4, Latest: 0.5, Pollers: 150, Interval: time.Minute,
	}
}

// ErrConfig is the class of configurations that make no sense.
var ErrConfig = errors.New("bad configuration")

// Validate reports a trace that cannot be made. Errors are [ErrConfig].
func (c Config) Validate() error {
	good := func(v, low, high float64) bool { return v >= low && v <= high }
	switch {
	case c.Duration <= 0 || c.Duration > MaxTime:
		return fmt.Errorf("%w: the duration is above 0 and at most %s", ErrConfig, MaxTime)
	case c.Repositories < 1 || c.Repositories > 1_000_000 || c.Clients < 1 || c.Clients > 1<<30 || c.Pollers < 0 || c.Pollers > 1<<20:
		return fmt.Errorf("%w: repositories, clients or pollers", ErrConfig)
	case !good(c.Exponent, 0, 4) || !good(c.Swing, 0, 1) || !good(c.Latest, 0, 1) || !good(c.Burst, 1, 1000):
		return fmt.Errorf("%w: exponent, swing, latest or burst", ErrConfig)
	case !good(c.Pulls, 0, 1e6) || !good(c.Releases, 0, 1e6) || c.Start < 0 || c.Pollers > 0 && c.Interval < time.Second:
		return fmt.Errorf("%w: pulls, releases, start or interval", ErrConfig)
	}
	if expected := c.Duration.Seconds() * (c.Pulls + c.Releases*(c.Burst+1)); expected+float64(c.Pollers)*float64(c.Duration)/float64(max(c.Interval, 1)) > MaxEvents {
		return fmt.Errorf("%w: more than %d events", ErrConfig, MaxEvents)
	}
	return nil
}

// generator makes a trace as a simulation whose events are those of the trace.
type generator struct {
	Config
	sim     *sim.Simulation
	events  []Event
	popular *sim.Choice
	// releases is how many versions each repository has.
	releases []int
}

// Generate makes a trace.
func Generate(c Config, seed uint64) ([]Event, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("couldn't make trace: %w", err)
	}
	s := sim.New(seed)
	g := &generator{Config: c, sim: s, popular: sim.Zipf(c.Repositories, c.Exponent), releases: make([]int, c.Repositories)}
	age := s.Stream("ages")
	for i := range g.releases {
		g.releases[i] = 1 + age.IntN(20) // every repository has a past
	}
	g.people(s.Stream("pulls"), c.Pulls, g.pull)
	g.people(s.Stream("releases"), c.Releases, g.release)
	g.pollers(s.Stream("pollers"))
	s.RunUntil(c.Duration - 1)
	return g.events, nil
}

// people does something at a rate that follows the day.
func (g *generator) people(r *rand.Rand, rate float64, do func(r *rand.Rand)) {
	daily := func(now time.Duration) float64 {
		hours := math.Mod((g.Start + now).Hours(), 24)
		return rate * (1 + g.Swing*math.Cos(2*math.Pi*(hours-15)/24))
	}
	sim.Arrivals(g.sim, r, rate*(1+g.Swing), daily, func() { do(r) })
}

func (g *generator) add(kind Kind, repository int, tag string, client int) {
	g.events = append(g.events, Event{
		At: g.sim.Now().Truncate(time.Millisecond), Kind: kind, Client: int32(client),
		Reference: fmt.Sprintf("registry.example/team-%d/app-%d:%s", repository%97, repository, tag),
	})
}

func version(n int) string { return fmt.Sprintf("1.%d", n) }

func (g *generator) pull(r *rand.Rand) {
	repository := g.popular.Sample(r)
	tag := "latest"
	if r.Float64() >= g.Latest {
		// Each release is half as popular as the one after it.
		back := int(r.ExpFloat64() / math.Ln2)
		tag = version(max(1, g.releases[repository]-back))
	}
	g.add(Pull, repository, tag, r.IntN(g.Clients))
}

func (g *generator) release(r *rand.Rand) {
	// What is released often is not what is pulled often.
	repository := r.IntN(g.Repositories)
	client := r.IntN(g.Clients)
	tags := 1 + int(r.ExpFloat64()*(g.Burst-1))
	at := time.Duration(0)
	for range tags {
		at += time.Duration(r.ExpFloat64() * float64(20*time.Second))
		g.sim.After(at, func() {
			g.releases[repository]++
			g.add(Push, repository, version(g.releases[repository]), client)
		})
	}
	g.sim.After(at+time.Second, func() { g.add(Push, repository, "latest", client) })
}

func (g *generator) pollers(r *rand.Rand) {
	for i := range g.Pollers {
		repository := g.popular.Sample(r)
		var poll func()
		poll = func() {
			g.add(Pull, repository, "latest", g.Clients+i)
			g.sim.After(g.Interval, poll)
		}
		g.sim.After(time.Duration(r.Int64N(int64(g.Interval))), poll)
	}
}
