package app

import (
	"context"
	"log/slog"
	"time"
)

const (
	// watchInterval is how often a node looks at what its log tells of: whether it is
	// ready, and who its peers are. What comes and goes in between is not told.
	watchInterval = 2 * time.Second
	// startGrace is how long after its start a node may be not ready, and without a peer,
	// before that is told: it finds its peers and fetches blocks first.
	startGrace = time.Minute
	// reminderInterval is how often the log repeats that the node is not ready.
	reminderInterval = 5 * time.Minute
	// peerInterval is how often the log tells of one operator's node at most, and of all
	// others together. A connection that comes and goes must not fill the log.
	peerInterval = time.Minute
)

// A line is what the node logs about itself.
type line struct {
	level   slog.Level
	message string
	fields  []any
}

// watchSelf logs when the node stops being ready and when it is again, and the peers
// that come and go, until ctx is done.
func (n *Node) watchSelf(ctx context.Context) {
	now := n.hooks.Now()
	ready, peers := readiness{since: now}, newPeerLog(n.genesis, string(n.engine.NodeInfo().ID()), now)
	tick := time.NewTicker(n.hooks.WatchInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := n.hooks.Now()
		lines := append(peers.observe(now, n.peerIDs()), ready.observe(now, n.notReady(now))...)
		for _, l := range lines {
			n.log.Log(ctx, l.level, l.message, l.fields...)
		}
	}
}

// readiness is what the log has told of whether the node is ready. The zero value with
// a start time is that of a node that has just started.
type readiness struct {
	// ready is what was told last; told whether anything was.
	ready, told bool
	// since is when the node started or ceased to be ready.
	since time.Time
	// last is when it was told last that the node is not ready.
	last time.Time
}

// observe returns what to log of the answer of /readyz at a time, where an empty reason
// stands for ready.
func (r *readiness) observe(now time.Time, reason string) []line {
	switch {
	case reason == "" && r.ready:
		return nil
	case reason == "":
		l := line{slog.LevelInfo, "ready", nil}
		if r.told {
			l.fields = []any{"after", span(r.since, now)}
		}
		r.ready, r.told = true, true
		return []line{l}
	case r.ready:
		r.ready, r.since, r.last = false, now, now
		return []line{{slog.LevelWarn, "not ready", []any{"reason", reason}}}
	case !r.told && now.Sub(r.since) < startGrace:
		return nil
	case r.told && now.Sub(r.last) < reminderInterval:
		return nil
	default:
		r.told, r.last = true, now
		return []line{{slog.LevelWarn, "not ready", []any{"reason", reason, "for", span(r.since, now)}}}
	}
}

// span is the time between two moments as the log has it, to the second.
func span(from, to time.Time) string { return to.Sub(from).Round(time.Second).String() }
