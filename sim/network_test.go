package sim_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hullmark/sim"
)

func TestLink(t *testing.T) {
	const ms = time.Millisecond
	s := sim.New(1)
	l := sim.NewLink(s, s.Stream("link"), sim.Constant(20*ms), 1000) // 1 byte a millisecond
	var got []string
	send := func(at time.Duration, size int, name string) {
		s.At(at, func() { l.Send(size, func() { got = append(got, fmt.Sprintf("%s at %s", name, s.Now())) }) })
	}
	send(0, 10, "first")
	send(0, 5, "waits for the first")
	send(100*ms, 1, "alone")
	s.At(110*ms, l.Cut)
	send(120*ms, 1, "lost")
	s.At(130*ms, l.Mend)
	send(140*ms, 1, "mended")
	s.Run()
	want := []string{"first at 30ms", "waits for the first at 35ms", "alone at 121ms", "mended at 161ms"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("arrived (-want +got):\n%s", diff)
	}
}

// TestLinkKeepsOrder: messages arrive in the order they were sent, not before
// their latency and none twice, whatever the latencies are; and the share that is
// lost is as set.
func TestLinkKeepsOrder(t *testing.T) {
	const sent = 20_000
	for _, loss := range []float64{0, 0.25} {
		s := sim.New(3)
		l := sim.NewLink(s, s.Stream("link"), sim.LogNormal{Median: 50 * time.Millisecond, Sigma: 1}, 1e6)
		l.SetLoss(loss)
		var arrived []int
		for i := range sent {
			s.At(time.Duration(i)*time.Millisecond, func() { l.Send(100, func() { arrived = append(arrived, i) }) })
		}
		s.Run()
		if !slices.IsSorted(arrived) || len(slices.Compact(slices.Clone(arrived))) != len(arrived) {
			t.Error("messages overtook each other or came twice")
		}
		if got := 1 - float64(len(arrived))/sent; got < loss-0.02 || got > loss+0.02 {
			t.Errorf("lost %.3f, want %.3f", got, loss)
		}
	}
}

func TestNetwork(t *testing.T) {
	s := sim.New(1)
	n := sim.NewNetwork(s, "net", 0)
	a, b, c := n.Add(sim.USEast, 1000), n.Add(sim.EuropeWest, 0), n.Add(sim.EuropeCentral, 0)
	var got []string
	send := func(from, to int, name string) {
		n.Send(from, to, 10, func() { got = append(got, fmt.Sprintf("%s at %s", name, s.Now())) })
	}
	step := func(do func()) { do(); s.Run(); s.RunUntil(s.Now().Truncate(time.Second) + time.Second) }

	step(func() { send(a, b, "over the ocean"); send(a, c, "second on the uplink"); send(b, b, "to itself") })
	step(func() { n.Partition([]int{a}, []int{b, c}); send(a, b, "across"); send(b, c, "within") })
	step(func() { n.Partition([]int{a, b}); send(c, b, "from nowhere"); send(b, a, "within again") })
	step(func() { n.Heal(); send(c, b, "healed") })
	step(func() { n.SetDown(b, true); send(a, b, "to the dead"); send(b, a, "from the dead") })
	step(func() { n.SetDown(b, false); send(b, c, "back") })
	want := []string{
		"to itself at 0s", "over the ocean at 45ms", "second on the uplink at 65ms",
		"within at 1.012s", "within again at 2.035s", "healed at 3.012s", "back at 5.012s",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("arrived (-want +got):\n%s", diff)
	}
}

// TestRegions: the table is complete and plausible: names lead back, no way is
// shorter than light in fibre allows, and detours do not pay by much.
func TestRegions(t *testing.T) {
	for a := range sim.Regions {
		if got, err := sim.ParseRegion(a.String()); err != nil || got != a {
			t.Errorf("%s is parsed as %v, %v", a, got, err)
		}
		for b := range sim.Regions {
			d := sim.RoundTrip(a, b)
			if d != sim.RoundTrip(b, a) || (a == b) != (d == time.Millisecond) || d > 500*time.Millisecond || d <= 0 {
				t.Errorf("%s to %s takes %s", a, b, d)
			}
			for c := range sim.Regions {
				if via := sim.RoundTrip(a, c) + sim.RoundTrip(c, b); 4*via < 3*d {
					t.Errorf("%s to %s takes %s, over %s %s", a, b, d, c, via)
				}
			}
		}
	}
	if _, err := sim.ParseRegion("atlantis"); err == nil {
		t.Error("atlantis was found")
	}
	if got := sim.Region(-1).String() + sim.Regions.String(); got != "region--1region-10" {
		t.Errorf("regions that do not exist are called %s", got)
	}
}
