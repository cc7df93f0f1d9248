package main

import (
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"golang.org/x/term"
)

// trialProgress shows on a terminal how many trials are done. Elsewhere it shows
// nothing.
type trialProgress struct {
	to    io.Writer
	total int
	done  atomic.Int64
}

// paperProgress begins to show progress. A trial takes seconds, so it says so before
// the first is done.
func paperProgress(stderr io.Writer, total int) *trialProgress {
	p := &trialProgress{to: io.Discard, total: total}
	if f, ok := stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.to = f
	}
	p.show(0)
	return p
}

func (p *trialProgress) step() { p.show(p.done.Add(1)) }

func (p *trialProgress) show(done int64) {
	_, _ = fmt.Fprintf(p.to, "\r\x1b[Khullmark-sim: placing keys, %d of %d seeds done", done, p.total)
}

func (p *trialProgress) end() { _, _ = fmt.Fprint(p.to, "\r\x1b[K") }
