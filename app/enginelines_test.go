package app

import (
	"errors"
	"strings"
	"testing"
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
		var j journal
		_, engine, err := newLogger(&j, LogConfig{Level: "info", EngineLevel: "info", Format: "text"})
		if err != nil {
			t.Fatal(err)
		}
		engine.With("module", "x").Error(tc.message, "err", errors.New(tc.err))
		if !strings.Contains(j.String(), "level="+tc.level+" ") {
			t.Errorf("%s (%s): %q, want level %s", tc.message, tc.err, j.String(), tc.level)
		}
	}
}
