package app

import (
	"fmt"
	"strings"
)

// A quietLine is a line that the engine logs at level error though nothing is wrong.
// An alarm on that level must mean something, so it goes down to info.
type quietLine struct {
	// message begins the line.
	message string
	// errors are what stands in its fields, one of them; none for whatever stands there.
	errors []string
	// why it means nothing.
	why string
}

// goneErrors are how a connection ends whose other side, or this one, has gone.
func goneErrors() []string {
	return []string{"EOF", "connection reset by peer", "broken pipe", "use of closed network connection", "i/o timeout", "connection refused", "pong timeout", "already stopped"}
}

// quietLines returns the engine's lines that mean nothing. What is not here and stands
// at level error has a row in docs/operators.md, or is a reason to ask.
func quietLines() []quietLine {
	gone := goneErrors()
	const peerGone = "a peer that has gone is counted by validator_peers, and dialled again"
	const ends = "the node ends what it has ended already, or what another routine still uses"
	const signed = "after a restart the record of what was signed keeps the validator from signing that step again; it signs the next"
	return []quietLine{
		{"Error stopping pool", []string{"already stopped"}, ends},
		{"Error serving server", []string{"use of closed network connection"}, ends},
		{"Stopped accept routine, as transport is closed", nil, ends},
		{"Won't start a peer - switch is not running", nil, ends},
		{"error stopping peer", []string{"already stopped"}, ends},
		{"Stopping peer for error", gone, peerGone},
		{"Error dialing peer", gone, peerGone},
		{"Failed to reconnect to peer", nil, peerGone},
		{"Connection failed @", gone, peerGone},
		{"Error stopping connection", []string{"already stopped"}, peerGone},
		{"Failed to send PacketPing", gone, peerGone},
		{"Failed to send PacketPong", gone, peerGone},
		{"Failed to write PacketMsg", gone, peerGone},
		{"SendTimeout", []string{"did not send us anything"}, "a peer that is no further than this node has no block to send"},
		{"failed signing vote", []string{"step regression", "round regression", "conflicting data", "no SignBytes found"}, signed},
		{"propose step; failed signing proposal", []string{"step regression", "round regression", "conflicting data", "no SignBytes found"}, signed},
	}
}

// quiet reports whether a line at level error means nothing.
func quiet(lines []quietLine, message string, fields []any) bool {
	for _, l := range lines {
		if !strings.HasPrefix(message, l.message) {
			continue
		}
		if len(l.errors) == 0 {
			return true
		}
		for _, field := range fields {
			text := fmt.Sprint(field)
			for _, e := range l.errors {
				if strings.Contains(text, e) {
					return true
				}
			}
		}
	}
	return false
}
