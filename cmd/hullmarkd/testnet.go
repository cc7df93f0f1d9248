package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
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
		Use:   "testnet --dir DIR",
		Short: "Write the homes of a network, for this machine or for containers",
		Long: `Testnet writes the homes of N validators that find each other, the operators' keys
and the passphrase that opens them, and a client home that knows the nodes. It is
for trying things out: real operators make their homes themselves, each on its own
machine, so that no key lies beside another's.

On one machine the nodes share the loopback address: node i adds 10*i to the ports.
Testnet runs them until they have made their first blocks, for the trust anchor of
the client. With --hostname every node has a host of its own, such as a container,
and all use the same ports; the trust anchor comes from one of them when they run.

JSON: dir, ledger, nodes [{url, home}], operators [{id, namespaces, key_file}],
passphrase_file, client, trust_anchor (whether the client has one).`,
		Example: `  hullmarkd testnet --validators 4 --dir net
  hullmarkd start --home net/node0

  hullmarkd testnet --validators 4 --hostname node%d --dir net    # for containers`,
		Args: cli.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Dir == "" {
				return cli.Usage("name the directory to make with --dir")
			}
			n, err := createNetwork(cmd, o)
			if err != nil {
				return err
			}
			here := o.Hostname == ""
			if here {
				err = firstBlocks(cmd, n)
			} else {
				err = n.ConfigureClient()
			}
			if err != nil {
				return err
			}
			a := newNetworkAnswer(n, here)
			if err := show(cmd, a); err != nil {
				return err
			}
			next(cmd, "\nNext: start each node, with \"hullmarkd start --home %s\" and so on.", n.Nodes[0].Home)
			if a.TrustAnchor {
				next(cmd, " Then, in another\nterminal:\n\n")
			} else {
				next(cmd, " Then give the\nclient its trust anchor, with a URL at which this machine reaches a node:\n\n  hullmarkd trust-anchor --home %s --node URL --file trust.json\n", n.Nodes[0].Home)
			}
			next(cmd, "  export HULLMARK_HOME=%s HULLMARK_PASSPHRASE_FILE=%s\n", n.ClientHome(), n.PassphraseFile)
			if !a.TrustAnchor {
				next(cmd, "  hullmark trust import trust.json --node URL\n")
			}
			next(cmd, "  hullmark status\n")
			return nil
		},
	}
	networkFlags(cmd, &o)
	cmd.Flags().StringVar(&o.Dir, "dir", "", "directory to make")
	cmd.Flags().StringVar(&o.Hostname, "hostname", "", "pattern with %d for the names of the nodes' hosts, such as node%d")
	return cmd
}

// firstBlocks runs the nodes of a new network until a client can trust one of their
// blocks, and prepares the client.
func firstBlocks(cmd *cobra.Command, n *testnet.Network) error {
	cmd.PrintErrf("making the first blocks\n")
	r, err := runNetwork(cmd.Context(), n)
	if err != nil {
		return err
	}
	return r.Stop()
}

// createNetwork makes a network as the flags say.
func createNetwork(cmd *cobra.Command, o testnet.Options) (*testnet.Network, error) {
	first, err := cmd.Flags().GetInt(startingPort)
	if err != nil {
		return nil, err
	}
	o.Ports, o.GenesisTime = testnet.PortsFrom(first), time.Now()
	var n *testnet.Network
	if err = testnet.Check(o); err == nil {
		n, err = testnet.Create(o)
	}
	switch {
	case errors.Is(err, testnet.ErrOptions):
		return nil, cli.UsageError(err)
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, &app.Advised{Err: err, Advice: otherPorts(o, first)}
	case errors.Is(err, fs.ErrPermission):
		return nil, &app.Advised{Err: err, Advice: "this user may not write there; name another directory with --dir"}
	}
	return n, err
}

// otherPorts says what to do where the ports of a network are taken.
func otherPorts(o testnet.Options, first int) string {
	advice := "stop what listens there (`ss -ltnp` shows it), or choose other ports with --" + startingPort
	if free, ok := testnet.FreePorts(o.Validators, first); ok {
		advice += fmt.Sprintf(", such as --%s %d", startingPort, free)
	}
	return advice
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

// networkAnswer is a network on this machine's disk.
type networkAnswer struct {
	Dir            string         `json:"dir"`
	Ledger         string         `json:"ledger"`
	Nodes          []nodeJSON     `json:"nodes"`
	Operators      []operatorJSON `json:"operators"`
	PassphraseFile string         `json:"passphrase_file"`
	Client         string         `json:"client"`
	TrustAnchor    bool           `json:"trust_anchor"`
}

type nodeJSON struct {
	URL  string `json:"url"`
	Home string `json:"home"`
}

type operatorJSON struct {
	ID         string   `json:"id"`
	Namespaces []string `json:"namespaces"`
	KeyFile    string   `json:"key_file"`
}

func newNetworkAnswer(n *testnet.Network, anchor bool) *networkAnswer {
	a := &networkAnswer{Dir: n.Dir, Ledger: n.Ledger, PassphraseFile: n.PassphraseFile, Client: n.ClientHome(), TrustAnchor: anchor}
	for _, node := range n.Nodes {
		a.Nodes = append(a.Nodes, nodeJSON{node.URL, string(node.Home)})
	}
	for _, op := range n.Operators {
		a.Operators = append(a.Operators, operatorJSON{op.ID, op.Namespaces, op.KeyFile})
	}
	return a
}

func (a *networkAnswer) text(t *table) {
	t.row("ledger", "%s", a.Ledger)
	for i, node := range a.Nodes {
		t.row(fmt.Sprintf("node %d", i), "%s  %s", node.URL, node.Home)
	}
	for _, op := range a.Operators {
		t.row(op.ID, "owns %v, key %s", op.Namespaces, op.KeyFile)
	}
	t.row("passphrase", "%s", a.PassphraseFile)
	if a.TrustAnchor {
		t.row("client", "%s  (trust anchor and nodes are in place)", a.Client)
	} else {
		t.row("client", "%s  (nodes are in place; it has no trust anchor yet)", a.Client)
	}
	t.row("logs", "%s/node*/node.log", a.Dir)
}

// runNetwork runs the nodes of a network in this process, each with its log in its home,
// until they prove a state that they have not proven before, and prepares the network's
// client.
func runNetwork(ctx context.Context, n *testnet.Network) (*testnet.Running, error) {
	r, err := testnet.Run(n, buildinfo.Version(), func(i int) io.Writer { return nodeLog(n.Nodes[i].Home) })
	if err != nil {
		return nil, err
	}
	// What a network that was here before can prove says nothing of its working now.
	if err := testnet.WaitProvable(ctx, r.Nodes[0].Status().GetStateHeight()+1, n.URLs()...); err != nil {
		return nil, errors.Join(err, r.Stop())
	}
	anchor, err := r.Nodes[0].Anchor()
	if err == nil {
		err = n.PrepareClient(ctx, n.ClientHome(), anchor)
	}
	if err != nil {
		return nil, errors.Join(err, r.Stop())
	}
	return r, nil
}

// nodeLog is the log in a node's home. It is opened for each line: somebody may have
// moved it away.
type nodeLog app.Home

// Write implements io.Writer.
func (l nodeLog) Write(b []byte) (int, error) {
	f, err := os.OpenFile(filepath.Join(string(l), "node.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, fmt.Errorf("couldn't open log: %w", err)
	}
	n, err := f.Write(b)
	return n, errors.Join(err, f.Close())
}
