package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"hullmark/client"
	"hullmark/proto"
)

// TestStatusOfOldNode: a node whose newest block is older than clients take is not
// ready, whatever else it says of itself.
func TestStatusOfOldNode(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	node := func(age time.Duration, change func(*proto.StatusResponse)) client.NodeStatus {
		m := &proto.StatusResponse{Operator: "acme", Height: 10, StateHeight: 9, BlockTime: now.Add(-age).UTC().Format(time.RFC3339Nano)}
		if change != nil {
			change(m)
		}
		return client.NodeStatus{Node: "http://node", Status: m}
	}
	for _, tc := range []struct {
		name, want string
		node       client.NodeStatus
	}{
		{"fresh", " ready", node(time.Minute, nil)},
		{"a nanosecond too old", "1m1s old", node(time.Minute+1, nil)},
		{"ten minutes old", "10m0s old", node(10*time.Minute, nil)},
		{"without a provable state", "no state can be proven", node(0, func(m *proto.StatusResponse) { m.StateHeight = 0 })},
		{"catching up", "catching up", node(0, func(m *proto.StatusResponse) { m.CatchingUp = true })},
		{"without a block time", "cannot be read", node(0, func(m *proto.StatusResponse) { m.BlockTime = "yesterday" })},
		{"of the future", "clock is 1h0m0s behind", node(-time.Hour, nil)},
	} {
		var out bytes.Buffer
		s := &session{dir: t.TempDir(), stdout: &out, stderr: &bytes.Buffer{}, output: outputText}
		if err := s.printStatus([]client.NodeStatus{tc.node}, now); err != nil {
			t.Fatal(err)
		}
		if text := out.String(); !strings.Contains(text, tc.want) || strings.Contains(text, "NOT READY") != (tc.want != " ready") {
			t.Errorf("%s:\n%s", tc.name, text)
		}
	}
}
