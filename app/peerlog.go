package app

import (
	"log/slog"
	"slices"
	"time"

	"hullmark/record"
)

// peerLog is what the log has told of the node's peers. Operators' nodes are told of by
// the operators' names, all others by their number: anybody may connect to a node.
type peerLog struct {
	operators []*operatorPeer
	start     time.Time
	// others is how many other peers were told of, and when.
	others     int
	othersTold time.Time
}

// operatorPeer is the node of a founding operator.
type operatorPeer struct {
	operator, node string
	// connected is what was told last, at the time told; the zero time stands for never.
	connected bool
	told      time.Time
}

// newPeerLog returns the log of the node self, which has just started and has no peers.
func newPeerLog(g *record.Genesis, self string, now time.Time) *peerLog {
	p := &peerLog{start: now}
	for _, o := range g.Operators {
		if o.NodeID != "" && o.NodeID != self {
			p.operators = append(p.operators, &operatorPeer{operator: o.ID, node: o.NodeID})
		}
	}
	return p
}

// observe returns what to log when so many peers are connected at a time.
func (p *peerLog) observe(now time.Time, connected []string) []line {
	var lines []line
	others, validators := len(connected), 0
	for _, o := range p.operators {
		if slices.Contains(connected, o.node) {
			others--
			validators++
		}
	}
	counts := []any{"peers", len(connected), "validator_peers", validators}
	for _, o := range p.operators {
		is := slices.Contains(connected, o.node)
		message := "peer gained"
		switch {
		case !o.told.IsZero() && (is == o.connected || now.Sub(o.told) < peerInterval):
			continue
		case o.told.IsZero() && !is && now.Sub(p.start) < startGrace:
			continue
		case o.told.IsZero() && !is:
			message = "peer not reached since the start"
		case !is:
			message = "peer lost"
		}
		o.connected, o.told = is, now
		lines = append(lines, line{slog.LevelInfo, message, append([]any{"operator", o.operator, "node_id", o.node}, counts...)})
	}
	if others != p.others && (p.othersTold.IsZero() || now.Sub(p.othersTold) >= peerInterval) {
		p.others, p.othersTold = others, now
		lines = append(lines, line{slog.LevelInfo, "peers that are no operator's", append([]any{"count", others}, counts...)})
	}
	return lines
}
