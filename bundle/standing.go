package bundle

import (
	"fmt"
	"time"
)

// Standing is where a node stands, as far as it decides whether clients have any use
// for its answers. A node judges itself by it in /readyz, and whoever reads
// /v1/status judges by it what the node says.
type Standing struct {
	// CatchingUp says that the node still fetches blocks that others have made.
	CatchingUp bool
	// Provable says that there is a state whose content can be proven.
	Provable bool
	// Head is the time of the newest block, zero if it is not known.
	Head time.Time
}

// Unready returns the first reason for which the answers of a node are of no use by
// a clock that shows now, or nothing. maxAge is how old the newest block may be; no
// client with the default policy takes an answer older than DefaultMaxAge.
func (s Standing) Unready(now time.Time, maxAge time.Duration) string {
	switch {
	case !s.Provable:
		return "no state can be proven yet"
	case s.CatchingUp:
		return "catching up with the network"
	case s.Head.IsZero():
		return "the newest block cannot be read"
	}
	switch age := now.Sub(s.Head); {
	case age > maxAge:
		return fmt.Sprintf("the newest block is %s old, at most %s is fresh", ceilSecond(age), maxAge)
	case -age > DefaultMaxClockDrift:
		return fmt.Sprintf("this machine's clock is %s behind the newest block, at most %s is tolerated", ceilSecond(-age), DefaultMaxClockDrift)
	}
	return ""
}

// ceilSecond rounds up, so that what is a little too old does not read like the bound.
func ceilSecond(d time.Duration) time.Duration {
	return (d + time.Second - 1).Truncate(time.Second)
}
