package cli_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"testing"

	"hullmark/internal/cli"
)

func TestInterrupted(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	<-late.Done()
	refused := fmt.Errorf("couldn't ask: %w", syscall.ECONNREFUSED)
	for name, tc := range map[string]struct {
		ctx  context.Context
		err  error
		want bool
	}{
		"no error":                 {ended, nil, false},
		"no signal":                {t.Context(), refused, false},
		"a signal":                 {ended, refused, true},
		"a signal and the end":     {ended, io.EOF, true},
		"known to be interrupted":  {ended, context.Canceled, true},
		"somebody else's end":      {t.Context(), context.Canceled, true},
		"a mistake of the user":    {ended, cli.Usage("unknown flag"), false},
		"a limit, while it lasted": {t.Context(), context.DeadlineExceeded, false},
	} {
		err := cli.Interrupted(tc.ctx, tc.err)
		if got := errors.Is(err, context.Canceled); got != tc.want {
			t.Errorf("%s: %v", name, err)
		}
		if !errors.Is(err, tc.err) {
			t.Errorf("%s: %v is no longer %v", name, err, tc.err)
		}
	}
}
