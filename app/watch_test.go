package app

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"hullmark/record"
)

// shown returns lines as text without the numbers of peers.
func shown(lines []line) []string {
	out := []string{}
	for _, l := range lines {
		text := l.level.String() + " " + l.message
		for i := 0; i+1 < len(l.fields); i += 2 {
			if l.fields[i] != "node_id" {
				text += fmt.Sprintf(" %s=%v", l.fields[i], l.fields[i+1])
			}
		}
		out = append(out, text)
	}
	return out
}

// TestReadinessIsLogged: the log says once that the node is not ready and why, reminds
// of it at a slow pace, and says when it is ready again.
func TestReadinessIsLogged(t *testing.T) {
	start := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	const old, disk = "the newest block is 31s old, at most 30s is fresh", "the disk has 3 MB left, at least 512 MB are needed"
	for name, steps := range map[string][]struct {
		at     time.Duration
		reason string
		want   string
	}{
		"an ordinary start": {
			{0, "no state can be proven yet", ""},
			{10 * time.Second, "catching up with the network", ""},
			{12 * time.Second, "", "INFO ready"},
			{14 * time.Second, "", ""},
			{time.Hour, "", ""},
		},
		"a start that leads nowhere": {
			{0, "no state can be proven yet", ""},
			{startGrace - 1, "no state can be proven yet", ""},
			{startGrace, "no state can be proven yet", "WARN not ready reason=no state can be proven yet for=1m0s"},
			{startGrace + 2*time.Second, "no state can be proven yet", ""},
			{startGrace + reminderInterval, "catching up with the network", "WARN not ready reason=catching up with the network for=6m0s"},
			{startGrace + reminderInterval + time.Minute, "", "INFO ready after=7m0s"},
		},
		"a halt": {
			{0, "", "INFO ready"},
			{time.Hour, old, "WARN not ready reason=" + old},
			{time.Hour + 2*time.Second, old, ""},
			{time.Hour + reminderInterval - 1, disk, ""},
			{time.Hour + reminderInterval, disk, "WARN not ready reason=" + disk + " for=5m0s"},
			{time.Hour + reminderInterval + time.Minute, disk, ""},
			{time.Hour + 2*reminderInterval, old, "WARN not ready reason=" + old + " for=10m0s"},
			{2 * time.Hour, "", "INFO ready after=1h0m0s"},
			{3 * time.Hour, old, "WARN not ready reason=" + old},
		},
	} {
		r := readiness{since: start}
		for _, s := range steps {
			if got := strings.Join(shown(r.observe(start.Add(s.at), s.reason)), "\n"); got != s.want {
				t.Errorf("%s, after %s: %q, want %q", name, s.at, got, s.want)
			}
		}
	}
}

// TestPeersAreLogged: operators' nodes come and go by name, each at most once a minute,
// and others are counted.
func TestPeersAreLogged(t *testing.T) {
	g := &record.Genesis{Operators: []record.GenesisOperator{
		{ID: "acme", NodeID: "a"}, {ID: "bolt", NodeID: "b"}, {ID: "core", NodeID: "c"}, {ID: "dune"},
	}}
	start := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	p := newPeerLog(g, "a", start)
	for _, step := range []struct {
		at    time.Duration
		peers string
		want  []string
	}{
		{0, "", nil},
		{2 * time.Second, "b", []string{"INFO peer gained operator=bolt peers=1 validator_peers=1"}},
		{4 * time.Second, "b", nil},
		{6 * time.Second, "", nil}, // within the minute
		{8 * time.Second, "b", nil},
		{startGrace, "b", []string{"INFO peer not reached since the start operator=core peers=1 validator_peers=1"}},
		{startGrace + 2*time.Second, "x y z", []string{
			"INFO peer lost operator=bolt peers=3 validator_peers=0", "INFO peers that are no operator's count=3 peers=3 validator_peers=0",
		}},
		{startGrace + 4*time.Second, "b x", nil},
		{2*startGrace + 2*time.Second, "b c x", []string{
			"INFO peer gained operator=bolt peers=3 validator_peers=2", "INFO peer gained operator=core peers=3 validator_peers=2",
			"INFO peers that are no operator's count=1 peers=3 validator_peers=2",
		}},
		{time.Hour, "b c x", nil},
		{time.Hour, "c x", []string{"INFO peer lost operator=bolt peers=2 validator_peers=1"}},
	} {
		if step.want == nil {
			step.want = []string{}
		}
		if diff := cmp.Diff(step.want, shown(p.observe(start.Add(step.at), strings.Fields(step.peers)))); diff != "" {
			t.Errorf("after %s: %s", step.at, diff)
		}
	}
}

// TestPeerLinesAreBounded: whoever connects and disconnects all day fills no log.
func TestPeerLinesAreBounded(t *testing.T) {
	g := &record.Genesis{Operators: []record.GenesisOperator{{ID: "acme", NodeID: "a"}, {ID: "bolt", NodeID: "b"}}}
	start := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	p, lines := newPeerLog(g, "a", start), 0
	for i := range 3600 {
		var connected []string
		if i%2 == 0 {
			connected = []string{"b", "x"}
		}
		lines += len(p.observe(start.Add(time.Duration(i)*time.Second), connected))
	}
	if lines > 2*61 {
		t.Errorf("%d lines in an hour", lines)
	}
}

// TestNodeLogsItsReadiness: the log has what /readyz says, in the same words, in a node
// that runs.
func TestNodeLogsItsReadiness(t *testing.T) {
	h, _ := newHome(t, 1)
	c, err := LoadConfig(h)
	if err != nil {
		t.Fatal(err)
	}
	var j journal
	var ahead atomic.Int64
	n, err := Open(h, Options{Config: c, Version: "test", Log: &j, Hooks: Hooks{
		Now:           func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) },
		WatchInterval: 5 * time.Millisecond,
	}})
	if err != nil {
		t.Fatal(err)
	}
	url := start(t, n)
	until := func(text string) {
		t.Helper()
		for deadline := time.Now().Add(30 * time.Second); !strings.Contains(j.String(), text); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("the log lacks %q: %s", text, j.String())
			}
		}
	}
	until("level=INFO msg=ready\n")
	ahead.Store(int64(time.Hour))
	until(`level=WARN msg="not ready" reason="the newest block is `)
	if said := string(get(t, url+"/readyz").body); !strings.HasPrefix(said, "not ready: the newest block is 1h0m") {
		t.Errorf("/readyz says %q", said)
	}
	ahead.Store(0)
	until("level=INFO msg=ready after=")
	if strings.Contains(j.String(), "level=ERROR") {
		t.Error(j.String())
	}
}
