package app

import (
	"errors"
	"strings"
	"testing"

	"github.com/cometbft/cometbft/p2p"
)

// TestQuietLines: lines of the engine that mean nothing go down to info, the same words
// with another cause stay errors.
func TestQuietLines(t *testing.T) {
	for _, l := range quietLines() {
		if l.message == "" || l.why == "" {
			t.Errorf("no reason for %q", l.message)
		}
	}
	for _, tc := range []struct {
		message, err string
		level        string
	}{
		{"Failed to add block", "got an already committed block #12 (possibly from the slow peer ab)", "INFO"},
		{"Failed to add block", "peer sent us block #12 we didn't expect (current height: 3, start height: 1)", "ERROR"},
		{"Failed to add block", "block height 3 != extCommit height 4", "ERROR"},
		{"Error in validation", "wrong Block.Header.AppHash", "ERROR"},
		{"Error stopped requester", "already stopped", "INFO"},
		{"SendTimeout", "peer is not sending us data fast enough", "INFO"},
		{"Stopping peer for error", "peer is not sending us data fast enough", "INFO"},
		{"Stopping peer for error", "invalid height", "ERROR"},
		{"Error in peer's address", "error looking up host (node3): lookup node3: no such host", "INFO"},
		{"Error in peer's address", "invalid address (x): no ID", "ERROR"},
		{"Error dialing peer", "duplicate CONN<10.0.0.1:5>", "INFO"},
		{"Error dialing peer", "dial tcp 10.0.0.1:26656: connect: no route to host", "INFO"},
		{"Error dialing peer", "incompatible: peer is on a different network", "ERROR"},
		{"Error starting peer ", "Peer has already errored and removal was attempted.", "INFO"},
		{"error on catchup replay; proceeding to start state anyway", "cannot replay height 9. WAL does not contain #ENDHEIGHT for 8", "INFO"},
		{"error on catchup replay; proceeding to start state anyway", "unexpected end", "ERROR"},
		{"failed to write response", "write tcp 127.0.0.1:1: broken pipe", "INFO"},
		{"SignerListener: Ping timeout", "", "ERROR"},
		{"Error stopping pool", "already stopped", "INFO"},
		{"Error stopping pool", "disk", "ERROR"},
		{"Error serving server", "accept tcp 127.0.0.1:1: use of closed network connection", "INFO"},
		{"Error serving server", "too many open files", "ERROR"},
		{"Stopped accept routine, as transport is closed", "", "INFO"},
		{"Stopping peer for error", "EOF", "INFO"},
		{"Stopping peer for error", "invalid message", "ERROR"},
		{"Error dialing peer", "dial tcp 10.0.0.1:26656: connect: connection refused", "INFO"},
		{"Error dialing peer", "conn.ID (ab) dialed ID (cd) mismatch", "ERROR"},
		{"failed signing vote", "error signing vote: step regression at height 7 round 0. Got 1, last step 2", "INFO"},
		{"failed signing vote", "error signing vote: conflicting data", "INFO"},
		{"failed signing vote", "error signing vote: height regression. Got 7, last height 90", "ERROR"},
		{"SendTimeout", "peer did not send us anything", "INFO"},
		{"failed signing vote", "remote signer timed out", "ERROR"},
		{"propose step; failed signing proposal", "error signing proposal: conflicting data", "INFO"},
		{"CONSENSUS FAILURE!!!", "EOF", "ERROR"},
		{"failed writing to WAL", "no space left on device", "ERROR"},
	} {
		for _, stopping := range []bool{false, true} {
			if stopping && tc.level == "ERROR" && strings.HasPrefix(tc.message, "SignerListener") {
				continue // see below
			}
			if got := levelOf(t, stopping, tc.message, tc.err); got != tc.level {
				t.Errorf("%s (%s), stopping %v: level %s, want %s", tc.message, tc.err, stopping, got, tc.level)
			}
		}
	}
	// What means nothing only while a stop is under way.
	for _, tc := range []struct{ message, err string }{
		{"Not stopping State service -- has not been started yet", ""},
		{"Error stopping consensus state", "not started"},
		{"error while stopped reactor", "already stopped"},
		{"Error dialing peer", "transport has been closed"},
		{"SignerListener: Ping timeout", ""},
		{"SignerListener: Error accepting connection", "endpoint is closing"},
		{"failed signing vote", "aborted signing vote: endpoint is not connected"},
	} {
		for stopping, want := range map[bool]string{false: "ERROR", true: "INFO"} {
			if got := levelOf(t, stopping, tc.message, tc.err); got != want {
				t.Errorf("%s (%s), stopping %v: level %s, want %s", tc.message, tc.err, stopping, got, want)
			}
		}
	}
}

// TestQuietLinesOfOurselves: what a peer must not send is an error, and this node's own
// repetition is none.
func TestQuietLinesOfOurselves(t *testing.T) {
	for peer, want := range map[string]string{"": "INFO", "b4a93f8f0b261912067fd349c23da6016e8c490a": "ERROR"} {
		if got := levelOf(t, false, "failed to process message", "error invalid proposal signature", "height", 2, "peer", p2p.ID(peer)); got != want {
			t.Errorf("of peer %q: level %s, want %s", peer, got, want)
		}
	}
	if got := levelOf(t, false, "failed to process message", "error adding vote", "peer", p2p.ID("")); got != "ERROR" {
		t.Errorf("another error of ourselves: level %s", got)
	}
	if got := levelOf(t, false, "failed to process message", "error invalid proposal signature"); got != "ERROR" {
		t.Errorf("of nobody: level %s", got)
	}
}

// levelOf returns the level at which a line is logged that the engine calls an error.
func levelOf(t *testing.T, stopping bool, message, err string, fields ...any) string {
	t.Helper()
	var j journal
	_, engine, e := newLogger(&j, LogConfig{Level: "info", EngineLevel: "info", Format: "text"}, func() bool { return stopping })
	if e != nil {
		t.Fatal(e)
	}
	engine.With("module", "x").Error(message, append(fields, "err", errors.New(err))...)
	_, after, _ := strings.Cut(j.String(), "level=")
	level, _, _ := strings.Cut(after, " ")
	return level
}
