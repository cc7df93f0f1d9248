package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hullmark/app"
	"hullmark/internal/buildinfo"
	"hullmark/internal/cli"
	"hullmark/internal/testnet"
)

// The pace of networks on one machine, where messages take no time.
const localTimeoutCommit = 500 * time.Millisecond

func newTestnet() *cobra.Command {
	o := testnet.Options{TimeoutCommit: localTimeoutCommit, Log: app.DefaultConfig().Log}
	cmd := &cobra.Command{
		Use:   "testnet --output DIR",
		Short: "Write the homes of a network, for this machine or for containers",
		Long: `Testnet writes the homes of N validators that find each other, the operators' keys
and the passphrase that opens them. It is for trying things out: real operators make
their homes themselves, each on its own machine, so that no key lies beside another's.

On one machine the nodes share the loopback address: node i adds 10*i to the ports.
With --hostname every node has a host of its own, such as a container, and all use
the same ports.`,
		Example: `  hullmarkd testnet --validators 4 --output net
  hullmarkd start --home net/node0

  hullmarkd testnet --validators 4 --hostname node%d --output net    # for containers`,
		Args: cli.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Dir == "" {
				return cli.Usage("name the directory to make with --output")
			}
			if o.Dir == outputText || o.Dir == outputJSON {
				return cli.Usage("--output names the directory to make; for one that is called %s write ./%s", o.Dir, o.Dir)
			}
			n, err := createNetwork(cmd, o)
			if err != nil {
				return err
			}
			printNetwork(cmd, n)
			cmd.Printf(`
Next: start each node with "hullmarkd start --home %s/node0" and so on, then make a client:

  hullmarkd trust-anchor --home %s/node0 --file trust.json
  hullmark trust import trust.json --node %s
`, n.Dir, n.Dir, n.Nodes[0].URL)
			return nil
		},
	}
	networkFlags(cmd, &o)
	cmd.Flags().StringVar(&o.Dir, "output", "", "directory to make")
	cmd.Flags().StringVar(&o.Hostname, "hostname", "", "pattern with %d for the names of the nodes' hosts, such as node%d")
	return cmd
}

// createNetwork makes a network as the flags say.
func createNetwork(cmd *cobra.Command, o testnet.Options) (*testnet.Network, error) {
	first, err := cmd.Flags().GetInt(startingPort)
	if err != nil {
		return nil, err
	}
	o.Ports, o.GenesisTime = testnet.PortsFrom(first), time.Now()
	n, err := testnet.Create(o)
	if errors.Is(err, testnet.ErrOptions) {
		return nil, cli.UsageError(err)
	}
	return n, err
}

// startingPort is the flag for the first port.
const startingPort = "starting-port"

func networkFlags(cmd *cobra.Command, o *testnet.Options) {
	cmd.Flags().IntVar(&o.Validators, "validators", 4, "number of validators, each of its own operator")
	cmd.Flags().StringVar(&o.Name, "name", "devnet", "name of the ledger, before the hash")
	cmd.Flags().StringArrayVar(&o.Namespaces, "namespace", []string{"localhost:5000", "registry.example.com"}, "namespaces of the first operator")
	d := testnet.DefaultPorts()
	cmd.Flags().Int(startingPort, d.P2P, fmt.Sprintf("first port of node 0, for its peers; HTTP is %d above it", d.HTTP-d.P2P))
}

func printNetwork(cmd *cobra.Command, n *testnet.Network) {
	cmd.Printf("ledger      %s\n", n.Ledger)
	for i, node := range n.Nodes {
		cmd.Printf("node %d      %s  %s\n", i, node.URL, node.Home)
	}
	for _, op := range n.Operators {
		cmd.Printf("%-11s owns %v, key %s\n", op.ID, op.Namespaces, op.KeyFile)
	}
	cmd.Printf("passphrase  %s\n", n.PassphraseFile)
}

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
to what one address asks of them.`,
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
	var logs []io.Writer
	for _, node := range n.Nodes {
		f, err := os.OpenFile(filepath.Join(string(node.Home), "node.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("couldn't open log: %w", err)
		}
		defer func() { _ = f.Close() }()
		logs = append(logs, f)
	}
	cmd.PrintErrf("starting %d validators\n", len(n.Nodes))
	r, err := testnet.Run(n, buildinfo.Version(), func(i int) io.Writer { return logs[i] })
	if err != nil {
		return err
	}
	ctx := cmd.Context()
	// What a network that was here before can prove says nothing of its working now.
	next := r.Nodes[0].Status().GetStateHeight() + 1
	if err := testnet.WaitProvable(ctx, next, n.URLs()...); err != nil {
		return errors.Join(err, r.Stop())
	}
	anchor, err := r.Nodes[0].Anchor()
	if err != nil {
		return errors.Join(err, r.Stop())
	}
	if err := n.PrepareClient(ctx, n.ClientHome(), anchor); err != nil {
		return errors.Join(err, r.Stop())
	}
	printNetwork(cmd, n)
	cmd.Printf(`client      %s  (trust anchor and nodes are in place)
logs        %s/node*/node.log

In another terminal:

  export HULLMARK_HOME=%s
  export HULLMARK_PASSPHRASE_FILE=%s
  hullmark status
  hullmark key generate offline && hullmark key generate tagging
  root=$(hullmark repo init %s/demo/app --root-key offline --targets-key tagging -o app.request --quiet)
  hullmark operator register app.request --key %s --expect-digest "$root"
  hullmark publish %s/demo/app:v1 --digest sha256:$(printf hello | sha256sum | cut -c-64) --size 5
  hullmark verify %s/demo/app:v1

Press Ctrl-C to stop; the same command goes on from here.
`, n.ClientHome(), n.Dir, n.ClientHome(), n.PassphraseFile,
		n.Operators[0].Namespaces[0], n.Operators[0].KeyFile, n.Operators[0].Namespaces[0], n.Operators[0].Namespaces[0])
	if err := r.Wait(ctx); err != nil {
		return err
	}
	cmd.PrintErrln("stopping")
	return r.Stop()
}
