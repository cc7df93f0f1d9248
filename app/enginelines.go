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
	// when narrows down when the line means nothing.
	when quietWhen
	// why it means nothing.
	why string
}

// quietWhen is when a line means nothing.
type quietWhen int

const (
	always quietWhen = iota
	// whileStopping is while a stop that was asked for is under way.
	whileStopping
	// ofOurselves is where the line is about a message of this node, not of a peer.
	ofOurselves
)

// goneErrors are how a connection ends whose other side, or this one, has gone, and how
// the attempt to make one ends.
func goneErrors() []string {
	return []string{
		"EOF", "connection reset by peer", "broken pipe", "use of closed network connection", "i/o timeout", "connection refused", "pong timeout", "already stopped",
		"connection timed out", "no route to host", "host is down", "no such host",
	}
}

// quietLines returns the engine's lines that mean nothing. What is not here and stands
// at level error has a row in docs/operators.md, or is a reason to ask.
func quietLines() []quietLine {
	gone := goneErrors()
	const peerGone = "a peer that has gone is counted by validator_peers, and dialled again"
	const ends = "the node ends what it has ended already, or what another routine still uses"
	const early = "a stop may be asked for before block sync hands over to consensus, which then has not begun"
	const late = "the stop has closed what the routine still wanted to use; what it was about to do is done after the next start"
	const signed = "after a restart the record of what was signed keeps the validator from signing that step again; it signs the next"
	const repeated = "a proposer that restarts within its turn signs the same block again with the first signature, which does not fit its new time; nobody is sent it, and the next proposer has its turn"
	const twice = "blocks that are next are asked for from two peers, and the second answer comes after the block was executed"
	const slow = "the engine expects 128 KB/s, which small blocks never reach, whoever sends them; the peer is dialled again"
	const user = "a user of the engine's RPC, which is open to this machine only, did not wait for the answer"
	return []quietLine{
		// An end that was asked for.
		{"Error stopping pool", []string{"already stopped"}, always, ends},
		{"Error serving server", []string{"use of closed network connection"}, always, ends},
		{"Stopped accept routine, as transport is closed", nil, always, ends},
		{"Won't start a peer - switch is not running", nil, always, ends},
		{"error stopping peer", []string{"already stopped"}, always, ends},
		{"Error stopped requester", []string{"already stopped"}, always, ends},
		{"Error stopping requester", []string{"already stopped"}, always, ends},
		{"error while stopped reactor", []string{"already stopped"}, whileStopping, ends},
		{"Not stopping State service -- has not been started yet", nil, whileStopping, early},
		{"Error stopping consensus state", []string{"not started"}, whileStopping, early},
		{"Error dialing peer", []string{"transport has been closed"}, whileStopping, ends},
		{"SignerListener: Error accepting connection", []string{"endpoint is closing", "use of closed network connection"}, whileStopping, ends},
		{"SignerListener: Ping timeout", nil, whileStopping, late},
		{"failed signing vote", []string{"aborted"}, whileStopping, late},
		{"propose step; failed signing proposal", []string{"aborted"}, whileStopping, late},

		// Peers that come and go.
		{"Stopping peer for error", append([]string{"did not send us anything", "not sending us data fast enough"}, gone...), always, peerGone},
		{"Error dialing peer", append([]string{"duplicate"}, gone...), always, peerGone},
		{"Error in peer's address", []string{"no such host"}, always, peerGone},
		{"Error starting peer", []string{"Peer has already errored"}, always, peerGone},
		{"Failed to reconnect to peer", nil, always, peerGone},
		{"Connection failed @", gone, always, peerGone},
		{"Error stopping connection", []string{"already stopped"}, always, peerGone},
		{"Failed to send PacketPing", gone, always, peerGone},
		{"Failed to send PacketPong", gone, always, peerGone},
		{"Failed to write PacketMsg", gone, always, peerGone},

		// Catching up.
		{"Failed to add block", []string{"already committed block"}, always, twice},
		{"SendTimeout", []string{"did not send us anything"}, always, "a peer that is no further than this node has no block to send"},
		{"SendTimeout", []string{"not sending us data fast enough"}, always, slow},
		{"error on catchup replay", []string{"WAL does not contain #ENDHEIGHT"}, always, "the newest block was fetched from others, so the log of consensus has nothing of it to repeat; the record of what was signed holds all the same"},
		{"Replay: wal.group.Search returned EOF", nil, always, "the log of consensus is empty: see above"},

		// A restart.
		{"failed signing vote", []string{"step regression", "round regression", "conflicting data", "no SignBytes found"}, always, signed},
		{"propose step; failed signing proposal", []string{"step regression", "round regression", "conflicting data", "no SignBytes found"}, always, signed},
		{"failed to process message", []string{"invalid proposal signature"}, ofOurselves, repeated},

		// The engine's RPC.
		{"failed to write response", gone, always, user},
		{"Failed to read request", gone, always, user},
		{"Error writing RPC response", gone, always, user},
		{"error while stopping connection", []string{"already stopped"}, always, user},
	}
}

// quiet reports whether a line at level error means nothing; stopping says whether a
// stop that was asked for is under way.
func quiet(lines []quietLine, stopping bool, message string, fields []any) bool {
	for _, l := range lines {
		if !strings.HasPrefix(message, l.message) || l.when == whileStopping && !stopping || l.when == ofOurselves && !ours(fields) {
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

// ours reports whether a line with such fields is about a message of this node itself.
func ours(fields []any) bool {
	for i := 0; i+1 < len(fields); i += 2 {
		if fields[i] == "peer" {
			return fmt.Sprint(fields[i+1]) == ""
		}
	}
	return false
}
