package main

import (
	"bytes"
	"context"
	"testing"

	"hullmark/internal/cli"
)

// TestInterrupted: a simulation that is interrupted says so by its exit status.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs bytes.Buffer
	if code := run(ctx, []string{"reads"}, &out, &errs); code != cli.ExitInterrupted || out.Len() > 0 {
		t.Errorf("exit status %d, output %q, errors %q", code, out.String(), errs.String())
	}
}
