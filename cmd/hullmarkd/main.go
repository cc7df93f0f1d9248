// Hullmarkd is a Hullmark node, and what an operator needs to run one.
package main

import (
	"context"
	"io"
	"os"

	"github.com/spf13/cobra"

	"hullmark/app"
	"hullmark/internal/cli"
)

func main() {
	cli.Main(func(ctx context.Context, args []string) int { return run(ctx, args, os.Stdout, os.Stderr) })
}

// run is main without the process around it.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	explain := func(_ context.Context, err error) cli.Failure { return failure(err) }
	return cli.Program{Name: "hullmarkd", Stdout: stdout, Stderr: stderr, Root: newRoot, Explain: explain}.Run(ctx, args)
}

func newRoot() *cobra.Command {
	var dir cli.Dir
	homeOf := func() (app.Home, error) {
		path, err := dir.Path()
		return app.Home(path), err
	}
	root := cli.Root("hullmarkd", "Run a node of a Hullmark ledger", `Hullmarkd runs a node of a Hullmark ledger: a shared notary for container
images that keeps which digest each tag means, by whose keys, and proves it.

With --output json every command writes one JSON object to standard output; its
help names the fields. An error is written there too, besides standard error, as
{"error": {"code", "message", "hint", "exit_code"}}.

Exit status: 0 done, 1 error, 2 usage, 4 data is damaged, 6 node not reachable,
8 this machine's clock is behind, 130 interrupted.`,
		newInit(homeOf), newOperatorCard(homeOf), newGenesis(homeOf), newStart(homeOf), newStatus(homeOf), newTrustAnchor(homeOf),
		newFsck(homeOf), newResync(homeOf), newTestnet(), newDevnet(), newVersion(),
	)
	outputFlag(root)
	dir.Var(root.PersistentFlags(), "home", "HULLMARKD_HOME", ".hullmarkd", "directory of the node")
	return root
}
