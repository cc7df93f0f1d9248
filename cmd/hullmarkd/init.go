package main

import (
	"encoding/hex"
	"errors"
	"os"
	"strconv"
	"strings"

	cmtcfg "github.com/cometbft/cometbft/config"
	"github.com/spf13/cobra"

	"hullmark/app"
	"hullmark/internal/cli"
)

// maxPortOffset leaves room for the highest of a node's ports, 26680.
const maxPortOffset = 65535 - 26680

func newInit(home func() (app.Home, error)) *cobra.Command {
	var moniker, genesis, remoteSigner string
	var offset int
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make a home for a node: keys and commented configuration",
		Long: `Init makes the home of a node with a new validator key and a new peer key, both
readable by this user alone, and commented configuration files. With --genesis
it also installs the consortium's genesis and connects to its founding members.
Run it again with --genesis on a home that has none yet. In a home where
operator-card made a card, a genesis that does not hold what the card says is
refused. A home without a card takes any genesis: its node follows the ledger.

With --remote-signer the home gets no validator key: the node waits at that address
for the process that has it. With --port-offset several nodes fit on one machine;
their offsets must lie 50 apart, for a node has ports 26656 to 26680.

JSON: home, node_id, validator_key, ledger, digest, operator.`,
		Example: `  hullmarkd init
  hullmarkd init --genesis genesis.json
  hullmarkd init --remote-signer unix:///run/signer.sock`,
		Args: cli.Args(cobra.NoArgs),
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if offset < 0 || offset > maxPortOffset {
			return cli.Usage("port offset %d; from 0 to %d are possible", offset, maxPortOffset)
		}
		h, err := home()
		if err != nil {
			return err
		}
		var doc []byte
		if genesis != "" {
			var err error
			if doc, err = readFile(genesis, maxGenesisFile); err != nil {
				return err
			}
			// A home is not made for a genesis that is no good.
			if _, err := app.DecodeGenesis(doc); err != nil {
				return err
			}
		}
		a := &initAnswer{Home: string(h)}
		identity, err := app.Init(h, initOptions(moniker, remoteSigner, offset))
		switch {
		case err == nil:
			a.NodeID = identity.NodeID
			if remoteSigner == "" {
				a.ValidatorKey = hex.EncodeToString(identity.ValidatorKey[:])
			}
		case remoteSigner != "" && errors.Is(err, app.ErrConfig):
			return cli.UsageError(err)
		case genesis == "" || !errors.Is(err, app.ErrHomeExists):
			return err
		}
		if genesis != "" {
			if err := a.install(h, doc); err != nil {
				return err
			}
		}
		return show(cmd, a)
	}
	name, err := os.Hostname()
	if err != nil {
		name = "node"
	}
	cmd.Flags().StringVar(&moniker, "moniker", name, "name of the node in logs of its peers")
	cmd.Flags().StringVar(&genesis, "genesis", "", "genesis file to install")
	cmd.Flags().StringVar(&remoteSigner, "remote-signer", "", "address at which to wait for the process with the validator key: tcp://HOST:PORT, unix://PATH or noise://PEER@HOST:PORT")
	cmd.Flags().IntVar(&offset, "port-offset", 0, "number to add to all ports, for several nodes on one machine")
	return cmd
}

func initOptions(moniker, remoteSigner string, offset int) app.InitOptions {
	o := app.InitOptions{Moniker: moniker, Config: app.DefaultConfig(), RemoteSigner: remoteSigner}
	if offset == 0 {
		return o
	}
	o.Config.HTTP.Address = shift(o.Config.HTTP.Address, offset)
	o.Config.HTTP.MetricsAddress = shift(o.Config.HTTP.MetricsAddress, offset)
	o.Engine = func(c *cmtcfg.Config) {
		for _, a := range []*string{&c.RPC.ListenAddress, &c.P2P.ListenAddress, &c.Instrumentation.PrometheusListenAddr} {
			*a = shift(*a, offset)
		}
	}
	return o
}

// shift adds an offset to the port of an address, HOST:PORT or tcp://HOST:PORT.
func shift(address string, offset int) string {
	i := strings.LastIndexByte(address, ':')
	port, err := strconv.Atoi(address[i+1:])
	if err != nil {
		return address
	}
	return address[:i+1] + strconv.Itoa(port+offset)
}

type initAnswer struct {
	Home         string `json:"home"`
	NodeID       string `json:"node_id,omitempty"`
	ValidatorKey string `json:"validator_key,omitempty"`
	Ledger       string `json:"ledger,omitempty"`
	Digest       string `json:"digest,omitempty"`
	Operator     string `json:"operator,omitempty"`
}

// install puts the genesis into the home and connects the node to the founders.
func (a *initAnswer) install(h app.Home, doc []byte) error {
	g, err := app.InstallGenesis(h, doc)
	if err != nil {
		return err
	}
	if err := app.SetPeers(h, g); err != nil {
		return err
	}
	founder, err := app.Founder(h, g)
	if err != nil {
		return err
	}
	shown := newGenesisAnswer(g)
	a.Ledger, a.Digest, a.Operator = shown.Ledger, shown.Digest, founder
	return nil
}

func (a *initAnswer) text(t *table) {
	t.row("home", "%s", a.Home)
	if a.NodeID != "" {
		t.row("node id", "%s", a.NodeID)
	}
	if a.ValidatorKey != "" {
		t.row("validator key", "%s", a.ValidatorKey)
	}
	if a.Ledger == "" {
		t.line("\nNext: make the operator's card with `hullmarkd operator-card` and give it to the\nconsortium, then install its genesis with `hullmarkd init --genesis FILE`.")
		return
	}
	t.row("ledger", "%s", a.Ledger)
	t.row("digest", "%s", spoken(a.Digest))
	if a.Operator != "" {
		t.row("validator of", "%s", a.Operator)
	} else {
		t.row("role", "follows; no operator of the genesis has this node")
	}
	t.line("\nNext: compare the digest with the other operators, then run `hullmarkd start`.")
}
