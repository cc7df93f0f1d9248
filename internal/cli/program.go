package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"hullmark/internal/buildinfo"
	"hullmark/printable"
)

// The exit statuses that all programs have.
const (
	ExitOK          = 0
	ExitError       = 1
	ExitUsage       = 2
	ExitInterrupted = 130
)

// ExitCode returns the exit status of an error that a program has none of its own for.
func ExitCode(err error) int {
	switch {
	case err == nil:
		return ExitOK
	case IsUsage(err):
		return ExitUsage
	case errors.Is(err, context.Canceled):
		return ExitInterrupted
	default:
		return ExitError
	}
}

// UsageHint is what to do about a mistake on the command line.
const UsageHint = "run the command with --help"

// Main is the function main of a program: it gives run the arguments and a context that
// ends when the user interrupts the program or the system ends it, and exits with the status
// that run returns.
func Main(run func(ctx context.Context, args []string) int) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// Root returns the command that holds all others of a program, with its version, scripts
// for shells and manual pages.
func Root(name, short, long string, commands ...*cobra.Command) *cobra.Command {
	version := buildinfo.Version()
	root := Group(name, short, append(commands, Completion(name), Man(name+" "+version))...)
	root.Long, root.Version = long, version
	return root
}

// Program is a program with commands.
type Program struct {
	// Name begins every line about an error.
	Name string
	// Stdout and Stderr are where answers and errors go. What Program and commands of
	// cobra write there passes package printable.
	Stdout, Stderr io.Writer
	// Root makes the command that holds all others.
	Root func() *cobra.Command
	// Explain says what an error is. The consequence of an interruption is
	// context.Canceled.
	Explain func(ctx context.Context, err error) Failure
}

// Run runs the command that args name. It tells of its error, also of a panic, and returns
// the exit status. The error is in JSON too if that is asked for and the root has --output.
func (p Program) Run(ctx context.Context, args []string) (code int) {
	defer func() {
		// The runtime's own exit code for a panic is that of a usage error here.
		if defect := recover(); defect != nil {
			_, _ = fmt.Fprintf(printable.Writer(p.Stderr), "%s: error: internal error: %v\n%s", p.Name, defect, debug.Stack())
			code = ExitError
		}
	}()
	root := p.Root()
	root.SetArgs(args)
	root.SetOut(printable.Writer(p.Stdout))
	root.SetErr(printable.Writer(p.Stderr))
	err := root.ExecuteContext(ctx)
	if err == nil {
		return ExitOK
	}
	// The flags of a command line that is wrong may not have been read.
	asJSON := root.PersistentFlags().Lookup("output") != nil && WantsJSON(args)
	return p.Fail(ctx, err, asJSON)
}

// Fail tells of an error on standard error, and on standard output too if that is to have
// JSON, and returns the exit status.
func (p Program) Fail(ctx context.Context, err error, asJSON bool) int {
	f := p.Explain(ctx, Interrupted(ctx, err))
	p.tell("error", f.Message)
	if f.Details != nil {
		_, _ = io.WriteString(printable.Writer(p.Stderr), f.Details())
	}
	if f.Hint != "" {
		p.tell("hint", f.Hint)
	}
	if !asJSON || IsShown(err) {
		return f.ExitCode
	}
	var object any = f
	if f.Object != nil {
		object = f.Object
	}
	if err := WriteJSON(p.Stdout, map[string]any{"error": object}); err != nil {
		p.tell("error", Message(err))
	}
	return f.ExitCode
}

// tell writes a line of a kind to standard error.
func (p Program) tell(kind, text string) {
	_, _ = fmt.Fprintf(p.Stderr, "%s: %s: %s\n", p.Name, kind, printable.Line(text))
}

// WriteJSON writes an object on one line, as --output json shows it.
func WriteJSON(w io.Writer, object any) error {
	e := json.NewEncoder(printable.JSONWriter(w))
	e.SetEscapeHTML(false)
	if err := e.Encode(object); err != nil {
		return fmt.Errorf("couldn't write answer: %w", err)
	}
	return nil
}
