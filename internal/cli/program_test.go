package cli_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"hullmark/internal/cli"
)

// errKnown is an error with a status, details and fields of its own.
var errKnown = errors.New("known\x1b[2J")

func explain(_ context.Context, err error) cli.Failure {
	f := cli.Failure{Code: "error", Message: cli.Message(err), ExitCode: cli.ExitCode(err)}
	switch {
	case cli.IsUsage(err):
		f.Code, f.Hint = "usage", cli.UsageHint
	case errors.Is(err, errKnown):
		f.Code, f.Hint, f.ExitCode = "known", "do so", 7
		f.Details = func() string { return "  detail\n" }
		f.Object = map[string]string{"code": f.Code, "more": "<\u202e>"}
	}
	return f
}

// testProgram is a program whose command do ends in some way.
func testProgram(stdout, stderr io.Writer, hasOutput bool, do func(*cobra.Command) error) cli.Program {
	return cli.Program{
		Name: "tool", Stdout: stdout, Stderr: stderr, Explain: explain,
		Root: func() *cobra.Command {
			root := cli.Root("tool", "A tool", "A tool does things.",
				&cobra.Command{Use: "do", Short: "Do it", Args: cli.Args(cobra.NoArgs), RunE: func(cmd *cobra.Command, _ []string) error { return do(cmd) }},
				cli.Version(func(cmd *cobra.Command, b cli.Build) error { return cli.WriteJSON(cmd.OutOrStdout(), b) }))
			if hasOutput {
				root.PersistentFlags().String("output", "text", "text or json")
			} else {
				root.PersistentFlags().String("output-dir", "", "where to")
			}
			return root
		},
	}
}

func TestProgram(t *testing.T) {
	for _, tc := range []struct {
		name           string
		args           string
		do             func(*cobra.Command) error
		interrupted    bool
		code           int
		stdout, stderr string
	}{
		{name: "done", args: "do", do: func(cmd *cobra.Command) error { cmd.Print("a\u202eb\n"); cmd.PrintErr("\x1b\n"); return nil }, stdout: "a\\u202eb\n", stderr: "\\x1b\n"},
		{name: "error", args: "do", do: func(*cobra.Command) error { return errors.New("bad\x1b[2J\nthing") }, code: cli.ExitError, stderr: "tool: error: bad\\x1b[2J; thing\n"},
		{name: "error of its own", args: "do", do: func(*cobra.Command) error { return errKnown }, code: 7, stderr: "tool: error: known\\x1b[2J\n  detail\ntool: hint: do so\n"},
		{name: "the same in JSON", args: "do --output json", do: func(*cobra.Command) error { return errKnown }, code: 7,
			stdout: `{"error":{"code":"known","more":"<\u202e>"}}` + "\n", stderr: "tool: error: known\\x1b[2J\n  detail\ntool: hint: do so\n"},
		{name: "told of already", args: "do --output json", do: func(*cobra.Command) error { return cli.Shown(errors.New("x")) }, code: cli.ExitError, stderr: "tool: error: x\n"},
		{name: "usage", args: "do it", code: cli.ExitUsage, stderr: "tool: error: unknown command \"it\" for \"tool do\"; usage: tool do [flags]\ntool: hint: run the command with --help\n"},
		{name: "usage in JSON", args: "do --fast --output json", code: cli.ExitUsage,
			stdout: `{"error":{"code":"usage","message":"unknown flag: --fast","hint":"run the command with --help","exit_code":2}}` + "\n",
			stderr: "tool: error: unknown flag: --fast\ntool: hint: run the command with --help\n"},
		{name: "interrupted", args: "do", do: func(*cobra.Command) error { return errors.New("x") }, interrupted: true, code: cli.ExitInterrupted, stderr: "tool: error: interrupted: x\n"},
		{name: "done all the same", args: "do", do: func(*cobra.Command) error { return nil }, interrupted: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if tc.interrupted {
				cancel()
			}
			var stdout, stderr bytes.Buffer
			code := testProgram(&stdout, &stderr, true, tc.do).Run(ctx, strings.Fields(tc.args))
			if code != tc.code || stdout.String() != tc.stdout || stderr.String() != tc.stderr {
				t.Errorf("exit status %d, want %d\nstdout %q\nwant   %q\nstderr %q\nwant   %q", code, tc.code, &stdout, tc.stdout, &stderr, tc.stderr)
			}
		})
	}
}

// TestProgramWithoutOutput: what has no --output has its errors on standard error alone.
func TestProgramWithoutOutput(t *testing.T) {
	var stdout, stderr bytes.Buffer
	p := testProgram(&stdout, &stderr, false, nil)
	if code := p.Run(t.Context(), []string{"do", "--output", "json"}); code != cli.ExitUsage || stdout.Len() != 0 {
		t.Errorf("exit status %d, %q", code, &stdout)
	}
}

// TestProgramPanics: a defect is an error that is told of, and no usage error.
func TestProgramPanics(t *testing.T) {
	var stdout, stderr bytes.Buffer
	p := testProgram(&stdout, &stderr, true, func(*cobra.Command) error { panic("defect\x1b[2J") })
	if code := p.Run(t.Context(), []string{"do"}); code != cli.ExitError || !strings.HasPrefix(stderr.String(), "tool: error: internal error: defect\\x1b[2J\ngoroutine ") {
		t.Errorf("exit status %d, %q", code, &stderr)
	}
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no room") }

// TestProgramCannotWrite: a script that reads no error must not take silence for success.
func TestProgramCannotWrite(t *testing.T) {
	var stderr bytes.Buffer
	p := testProgram(full{}, &stderr, true, nil)
	if code := p.Run(t.Context(), []string{"version"}); code != cli.ExitError || !strings.Contains(stderr.String(), "no room") {
		t.Errorf("exit status %d, %q", code, &stderr)
	}
	stderr.Reset()
	p = testProgram(full{}, &stderr, true, func(*cobra.Command) error { return errKnown })
	if code := p.Run(t.Context(), []string{"do", "--output=json"}); code != 7 || !strings.Contains(stderr.String(), "no room") {
		t.Errorf("exit status %d, %q", code, &stderr)
	}
}
