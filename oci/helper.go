package oci

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"

	"github.com/docker/docker-credential-helpers/client"
	"github.com/docker/docker-credential-helpers/credentials"

	"hullmark/printable"
)

// askHelper asks a credential helper for what it knows of a registry. The helper ends
// with the context at the latest, and all that it has started with it.
func askHelper(ctx context.Context, helper, registry string) (*credentials.Credentials, error) {
	if !isHelperName(helper) {
		return nil, fmt.Errorf("%s is no name of a credential helper", printable.Quote(helper))
	}
	found, err := client.Get(func(args ...string) client.Program {
		return &program{exec.CommandContext(ctx, "docker-credential-"+helper, args...)}
	}, registry)
	if ctx.Err() != nil {
		return nil, fmt.Errorf("credential helper docker-credential-%s did not answer: %w", helper, ctx.Err())
	}
	if err != nil && !credentials.IsErrCredentialsNotFound(err) {
		return nil, fmt.Errorf("credential helper docker-credential-%s: %w", helper, err)
	}
	return found, err
}

// isHelperName reports whether the name of a helper is part of a file name, and no way
// to another directory.
func isHelperName(name string) bool {
	return name != "" && strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789.-_") == ""
}

// program is a run of a helper.
type program struct{ *exec.Cmd }

// Input implements client.Program.
func (p *program) Input(in io.Reader) { p.Stdin = in }

// Output implements client.Program. What the helper says on standard error is part of
// the error; it never reaches the terminal unfiltered.
func (p *program) Output() ([]byte, error) {
	var out, failure bounded
	p.Stdout, p.Stderr = &out, &failure
	p.WaitDelay = helperGrace
	asGroup(p.Cmd)
	err := p.Run()
	if err != nil && failure.kept.Len() > 0 {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(failure.kept.String()))
	}
	return out.kept.Bytes(), err
}

// errTooMuch ends a helper that says too much.
var errTooMuch = errors.New("it says too much")

// bounded is what is kept of a helper's output.
type bounded struct{ kept bytes.Buffer }

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	if b.kept.Len()+len(p) > maxHelperOutput {
		return 0, errTooMuch
	}
	return b.kept.Write(p)
}
