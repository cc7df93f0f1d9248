package app

import (
	"errors"
	"strconv"
	"testing"
)

// TestLogsArePrintable logs what a peer may have said, in each form.
func TestLogsArePrintable(t *testing.T) {
	const hostile = "evil\x1b]0;title\x07\u0085\u009b2J\u202egnp\u2066\u200b\u2028\nlevel=INFO\x7f\xff"
	for _, format := range []string{"text", "json"} {
		var j journal
		log, engine, err := newLogger(&j, LogConfig{Level: "debug", EngineLevel: "debug", Format: format}, func() bool { return false })
		if err != nil {
			t.Fatal(err)
		}
		log.Warn(hostile, hostile, hostile, "err", errors.New(hostile))
		engine.With("peer", hostile).Error(hostile, "err", errors.New(hostile))
		lines := 0
		for _, r := range j.String() {
			if r == '\n' {
				lines++
			} else if !strconv.IsPrint(r) {
				t.Errorf("%s: %q in %q", format, r, j.String())
			}
		}
		if lines != 2 {
			t.Errorf("%s: %d lines", format, lines)
		}
	}
}
