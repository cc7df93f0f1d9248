package main

import (
	"fmt"
	"os"
	"strings"
	"time"
	"unicode/utf8"

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
		begin, shown := time.Now(), "" // the line that is there
		tick := time.NewTicker(progressAfter)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				if shown != "" {
					_, _ = fmt.Fprint(f, over(shown, "")+"\r")
				}
				return
			case now := <-tick.C:
				line := fmt.Sprintf("hullmark: %s, %s", printable.Line(what), now.Sub(begin).Round(time.Second))
				_, _ = fmt.Fprint(f, over(shown, line))
				shown = line
			}
		}
	}()
	return func() {
		close(stop)
		<-stopped
	}
}

// over returns what writes one line over another on a terminal. It takes no control
// sequence, which consoles of Windows show as text unless they are told otherwise.
func over(old, line string) string {
	blanks := max(0, utf8.RuneCountInString(old)-utf8.RuneCountInString(line))
	return "\r" + line + strings.Repeat(" ", blanks)
}
