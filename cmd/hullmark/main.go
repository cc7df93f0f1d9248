// Hullmark verifies, publishes and inspects container images on a Hullmark
// ledger.
package main

import (
	"context"
	"io"
	"os"

	"github.com/spf13/cobra"

	"hullmark/internal/cli"
)

func main() {
	cli.Main(func(ctx context.Context, args []string) int { return run(ctx, args, os.Stdin, os.Stdout, os.Stderr) })
}

// run is main without the process around it.
func run(ctx context.Context, args []string, stdin *os.File, stdout, stderr io.Writer) int {
	return newSession(stdin, stdout, stderr).run(ctx, args)
}

// run runs the command that args name and returns the exit status.
func (s *session) run(ctx context.Context, args []string) int {
	defer s.close()
	return s.program().Run(ctx, args)
}

func newRoot(s *session) *cobra.Command {
	root := cli.Root("hullmark", "Verify, publish and inspect container images on a Hullmark ledger", `Hullmark answers which image a tag means right now and who says so, with proof,
from a ledger that no single operator can forge, freeze, roll back or switch off.

The client's home holds what it trusts (trust.json, memory/), the nodes it
asks (client.toml) and its keys (keys/). Flags win over environment variables:
HULLMARK_HOME, HULLMARK_NODES (separated by commas), HULLMARK_PASSPHRASE_FILE and
HULLMARK_PASSPHRASE.

With --output json every command writes one JSON object to standard output; its
help names the fields. An error is written there too, besides standard error, as
{"error": {"code", "message", "hint", "exit_code"}}; not-adopted adds "inherited",
outcome-unknown "tx_hash" and "repositories".

Exit status: 0 verified or done, 1 other error, 2 usage, 3 not trusted (absent,
withdrawn, revoked, not effective, another digest), 4 verification failed (possible
attack), 5 rejected by the ledger, 6 no node reachable or answer too old, 7 sent to the ledger
and perhaps committed, 130 interrupted (JSON: outcome-unknown where 7 would be).`,
		newTrustGroup(s), newKey(s), newRepo(s), newOperator(s), newPublish(s), newWithdraw(s),
		newRevoke(s), newLift(s),
		newSign(s), newSubmit(s), newVerify(s), newBundle(s),
		newInspect(s), newHistory(s), newStatus(s), newVersion(s),
	)
	root.PersistentPreRunE = s.open
	s.addFlags(root.PersistentFlags())
	s.addCompletion(root)
	return root
}
