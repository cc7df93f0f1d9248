package main

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"hullmark/app"
	"hullmark/internal/cli"
	"hullmark/internal/testnet"
)

func newDevnet() *cobra.Command {
	var dir cli.Dir
	o := testnet.Options{TimeoutCommit: localTimeoutCommit, Log: app.DefaultConfig().Log, Unlimited: true}
	cmd := &cobra.Command{
		Use:   "devnet",
		Short: "Run a network on this machine, with a client home ready to use",
		Long: `Devnet runs a network of validators in this process until it is interrupted, and
prepares a client home with trust anchor and nodes. The network is kept in a
directory: the next devnet with the same --dir goes on where this one stopped.
It is for trying things out: all keys lie in one place, and the nodes set no limits
to what one address asks of them.

JSON: as "testnet", one object when the network runs.`,
		Example: `  hullmarkd devnet
  hullmarkd devnet --validators 7 --dir /tmp/devnet --starting-port 30000`,
		Args: cli.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if o.Dir, err = dir.Path(); err != nil {
				return err
			}
			return runDevnet(cmd, o)
		},
	}
	networkFlags(cmd, &o)
	dir.Var(cmd.Flags(), "dir", "", ".hullmark-devnet", "directory of the network")
	return cmd
}

// madeWith returns the flags on the command line that say how a network is made, and
// mean nothing for one that is there.
func madeWith(cmd *cobra.Command) (flags []string) {
	for _, name := range []string{"validators", "name", "namespace", startingPort} {
		if cmd.Flags().Changed(name) {
			flags = append(flags, "--"+name)
		}
	}
	return flags
}

func runDevnet(cmd *cobra.Command, o testnet.Options) (err error) {
	var n *testnet.Network
	if testnet.Exists(o.Dir) {
		if ignored := madeWith(cmd); len(ignored) > 0 {
			return cli.Usage("the network in %s is made already, and %s would change it; leave that out, or name another --dir", o.Dir, strings.Join(ignored, ", "))
		}
		n, err = testnet.Load(o.Dir)
	} else {
		n, err = createNetwork(cmd, o)
	}
	if err != nil {
		return err
	}
	cmd.PrintErrf("starting %d validators\n", len(n.Nodes))
	r, err := runNetwork(cmd.Context(), n)
	if errors.Is(err, syscall.EADDRINUSE) {
		return &app.Advised{Err: err, Advice: fmt.Sprintf("stop what listens there (`ss -ltnp` shows it; another devnet, perhaps), or make another network with --dir and --%s", startingPort)}
	}
	if err != nil {
		return err
	}
	if err := show(cmd, newNetworkAnswer(n, true)); err != nil {
		return errors.Join(err, r.Stop())
	}
	next(cmd, "%s", firstSteps(n))
	if err := r.Wait(cmd.Context()); err != nil {
		return err
	}
	cmd.PrintErrln("stopping")
	return r.Stop()
}

// firstSteps says what to type next: as long as the client has no keys, how to publish
// something.
func firstSteps(n *testnet.Network) string {
	text := fmt.Sprintf(`
In another terminal:

  export HULLMARK_HOME=%s
  export HULLMARK_PASSPHRASE_FILE=%s
  hullmark status
`, n.ClientHome(), n.PassphraseFile)
	if n.ClientHasKeys() {
		text += `  hullmark key list

Keys and repositories are as they were.
`
	} else {
		name := n.Operators[0].Namespaces[0]
		text += fmt.Sprintf(`  hullmark key generate offline && hullmark key generate tagging
  root=$(hullmark repo init %s/demo/app --root-key offline --targets-key tagging -o app.request --quiet)
  hullmark operator register app.request --key %s --expect-digest "$root"
  hullmark publish %s/demo/app:v1 --digest sha256:$(printf hello | sha256sum | cut -c-64) --size 5
  hullmark verify %s/demo/app:v1
`, name, n.Operators[0].KeyFile, name, name)
	}
	return text + "\nPress Ctrl-C to stop; the same command goes on from here.\n"
}
