// Hullmark-sim repeats the evaluation of the paper that Hullmark grew from, and
// answers what that left open, by simulation and by experiment.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"hullmark/internal/buildinfo"
	"hullmark/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main without the process around it.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (code int) {
	defer func() {
		// The runtime's own exit code for a panic is that of a usage error here.
		if p := recover(); p != nil {
			_, _ = fmt.Fprintf(stderr, "hullmark-sim: error: internal error: %v\n%s", p, debug.Stack())
			code = exitError
		}
	}()
	root := newRoot(stdout, stderr)
	root.SetArgs(args)
	err := cli.Interrupted(ctx, root.ExecuteContext(ctx))
	if err == nil {
		return exitOK
	}
	_, _ = fmt.Fprintf(stderr, "hullmark-sim: error: %v\n", err)
	if h := hint(err); h != "" {
		_, _ = fmt.Fprintf(stderr, "hullmark-sim: hint: %s\n", h)
	}
	return exitCode(err)
}

// The exit codes, shared with hullmark.
const (
	exitOK          = 0
	exitError       = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// exitCode is the only place where an error becomes an exit code.
func exitCode(err error) int {
	switch {
	case cli.IsUsage(err):
		return exitUsage
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	default:
		return exitError
	}
}

// hint says what to do about an error, if that is known.
func hint(err error) string {
	switch {
	case cli.IsUsage(err):
		return "run the command with --help"
	case errors.Is(err, errBarMissed):
		return "with few seeds chance alone may miss one; try more, or another --seed"
	default:
		return ""
	}
}

func newRoot(stdout, stderr io.Writer) *cobra.Command {
	root := cli.Group("hullmark-sim", "Simulate Hullmark networks, and compare with real ones",
		newPaper(stdout, stderr),
		newReads(stdout), newFlash(stdout), newOutage(stdout), newMembers(stdout), newStore(stdout), newTrace(stdout),
		newPublish(stdout), newFreshness(stdout),
		cli.Completion("hullmark-sim"), cli.Man("hullmark-sim "+buildinfo.Version()),
	)
	root.Long = `Hullmark-sim repeats the evaluation of "Decentralized Content Trust for Docker
Images" with the product's own placement and measured costs, and goes on where the
paper stops.

Exit status: 0 done, 1 error, 2 usage, 130 interrupted.`
	root.Version = buildinfo.Version()
	root.SetOut(stdout)
	root.SetErr(stderr)
	return root
}
