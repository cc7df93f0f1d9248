// Experiment measures on real nodes how the look-ups of real clients spread, beside
// what the simulation says of the same names (docs/evaluation-experiment.md).
//
// It starts a network of one validator, loads it through the client as publishers
// would, stops it, makes read nodes of copies of its data, and lets users with homes
// of their own look images up at them. The requests are counted at the nodes, and
// every answer is verified and compared with what was published.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"hullmark/internal/cli"
)

func main() {
	cli.Main(func(ctx context.Context, args []string) int {
		err := cli.Interrupted(ctx, command(ctx, args, os.Stdout, os.Stderr))
		if err == nil || errors.Is(err, flag.ErrHelp) {
			return cli.ExitOK
		}
		fmt.Fprintf(os.Stderr, "experiment: error: %v\n", err)
		return cli.ExitCode(err)
	})
}

// command runs the experiment that the arguments describe.
func command(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parseOptions(args, stderr)
	if err != nil {
		return err
	}
	results, failed := run(ctx, o, stderr)
	if results == nil {
		return failed
	}
	// What was measured counts, also when something went wrong afterwards.
	if err := results.save(o.Output); err != nil {
		return errors.Join(failed, err)
	}
	if err := results.print(stdout); err != nil {
		return errors.Join(failed, err)
	}
	say(stdout, "\nresults are in %s", o.Output)
	return failed
}
