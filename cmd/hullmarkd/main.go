// Hullmarkd is a Hullmark node, and what an operator needs to run one.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"hullmark/app"
	"hullmark/internal/buildinfo"
	"hullmark/internal/cli"
	"hullmark/printable"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main without the process around it.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (code int) {
	stdout, stderr = printable.Writer(stdout), printable.Writer(stderr)
	defer func() {
		// The runtime's own exit code for a panic is that of a usage error here.
		if p := recover(); p != nil {
			_, _ = fmt.Fprintf(stderr, "hullmarkd: error: internal error: %v\n%s", p, debug.Stack())
			code = exitError
		}
	}()
	root := newRoot(stdout, stderr)
	root.SetArgs(args)
	err := cli.Interrupted(ctx, root.ExecuteContext(ctx))
	if err == nil {
		return exitOK
	}
	f := failure(err)
	_, _ = fmt.Fprintf(stderr, "hullmarkd: error: %s\n", printable.Line(f.Message))
	if f.Hint != "" {
		_, _ = fmt.Fprintf(stderr, "hullmarkd: hint: %s\n", printable.Line(f.Hint))
	}
	if cli.WantsJSON(args) && !cli.IsShown(err) {
		if err := writeJSON(stdout, map[string]cli.Failure{"error": f}); err != nil {
			_, _ = fmt.Fprintf(stderr, "hullmarkd: error: %s\n", printable.Line(err.Error()))
		}
	}
	return f.ExitCode
}

func newRoot(stdout, stderr io.Writer) *cobra.Command {
	var dir cli.Dir
	homeOf := func() (app.Home, error) {
		path, err := dir.Path()
		return app.Home(path), err
	}
	root := cli.Group("hullmarkd", "Run a node of a Hullmark ledger",
		newInit(homeOf), newOperatorCard(homeOf), newGenesis(homeOf), newStart(homeOf), newStatus(homeOf), newTrustAnchor(homeOf),
		newFsck(homeOf), newResync(homeOf), newTestnet(), newDevnet(), newVersion(),
		cli.Completion("hullmarkd"), cli.Man("hullmarkd "+buildinfo.Version()),
	)
	root.Long = `Hullmarkd runs a node of a Hullmark ledger: a shared notary for container
images that keeps which digest each tag means, by whose keys, and proves it.

With --output json every command writes one JSON object to standard output; its
help names the fields. An error is written there too, besides standard error, as
{"error": {"code", "message", "hint", "exit_code"}}.

Exit status: 0 done, 1 error, 2 usage, 4 data is damaged, 6 node not reachable,
8 this machine's clock is behind, 130 interrupted.`
	root.Version = buildinfo.Version()
	root.SetOut(stdout)
	root.SetErr(stderr)
	outputFlag(root)
	dir.Var(root.PersistentFlags(), "home", "HULLMARKD_HOME", ".hullmarkd", "directory of the node")
	return root
}
