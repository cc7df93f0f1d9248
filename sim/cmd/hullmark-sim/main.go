// Hullmark-sim repeats the evaluation of the paper that Hullmark grew from, and
// answers what that left open, by simulation and by experiment.
package main

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"

	"hullmark/internal/cli"
)

func main() {
	cli.Main(func(ctx context.Context, args []string) int { return run(ctx, args, os.Stdout, os.Stderr) })
}

// run is main without the process around it.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return cli.Program{
		Name: "hullmark-sim", Stdout: stdout, Stderr: stderr,
		Root: func() *cobra.Command { return newRoot(stdout, stderr) }, Explain: failure,
	}.Run(ctx, args)
}

// failure returns an error as it is told of.
func failure(_ context.Context, err error) cli.Failure {
	f := cli.Failure{Code: "error", Message: cli.Message(err), ExitCode: cli.ExitCode(err)}
	switch {
	case cli.IsUsage(err):
		f.Code, f.Hint = "usage", cli.UsageHint
	case errors.Is(err, context.Canceled):
		f.Code = "interrupted"
	case errors.Is(err, errBarMissed):
		f.Code, f.Hint = "bar-missed", "with few seeds chance alone may miss one; try more, or another --seed"
	}
	return f
}

func newRoot(stdout, stderr io.Writer) *cobra.Command {
	return cli.Root("hullmark-sim", "Simulate Hullmark networks, and compare with real ones", `Hullmark-sim repeats the evaluation of "Decentralized Content Trust for Docker
Images" with the product's own placement and measured costs, and goes on where the
paper stops.

Exit status: 0 done, 1 error, 2 usage, 130 interrupted.`,
		newPaper(stdout, stderr),
		newReads(stdout), newFlash(stdout), newOutage(stdout), newMembers(stdout), newStore(stdout), newTrace(stdout),
		newPublish(stdout), newFreshness(stdout),
	)
}
