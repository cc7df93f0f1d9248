package main

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/term"

	"hullmark/printable"
)

// progressAfter is how long a command may take before a person wonders.
const progressAfter = time.Second

// progress shows on a terminal what a command waits for, from the second second
// on, until the returned function is called. Elsewhere it shows nothing.
func (s *session) progress(what string) (done func()) {
	f, ok := s.screen.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return func() {}
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		begin, shown := time.Now(), false
		tick := time.NewTicker(progressAfter)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				if shown {
					_, _ = fmt.Fprint(f, "\r\x1b[K")
				}
				return
			case now := <-tick.C:
				shown = true
				_, _ = fmt.Fprintf(f, "\r\x1b[Khullmark: %s, %s", printable.Line(what), now.Sub(begin).Round(time.Second))
			}
		}
	}()
	return func() {
		close(stop)
		<-stopped
	}
}
