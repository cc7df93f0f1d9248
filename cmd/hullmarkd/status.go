package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"hullmark/app"
	"hullmark/internal/atomicfile"
	"hullmark/internal/buildinfo"
	"hullmark/internal/cli"
	"hullmark/printable"
	"hullmark/proto"
)

// requestTimeout bounds a question to the operator's own node.
const requestTimeout = 10 * time.Second

// remote returns the node at an address, or the one a home runs if none is named.
func remote(home func() (app.Home, error), named string) (*app.Remote, error) {
	if named != "" {
		return app.NewRemote(named), nil
	}
	h, err := home()
	if err != nil {
		return nil, err
	}
	c, err := app.LoadConfig(h)
	if err != nil {
		return nil, err
	}
	return app.OwnRemote(c.HTTP)
}

// nodeFlag defines the flag that names a node.
func nodeFlag(cmd *cobra.Command, node *string) {
	cmd.Flags().StringVar(node, "node", "", "URL of the node, instead of the one this home configures")
}

func newStatus(home func() (app.Home, error)) *cobra.Command {
	var node string
	var output *string
	var ready bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show where the running node stands",
		Long: `Status asks the node of this home where it stands. If that serves TLS, exactly the
certificate it is configured with is accepted; that of a node named with --node must
be one the system trusts. With --ready it fails unless the node's answers are fresh
and provable, which suits scripts and the health checks of containers.`,
		Example: `  hullmarkd status
  hullmarkd status --node https://hullmark.acme.example --output json`,
		Args: cli.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := remote(home, node)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), requestTimeout)
			defer cancel()
			if ready {
				if err := r.Ready(ctx); err != nil {
					return err
				}
			}
			s, err := r.Status(ctx)
			if err != nil {
				return err
			}
			if *output == outputText {
				unready, err := r.Unready(ctx)
				if err != nil {
					return err
				}
				printStatus(cmd, s, unready)
				return nil
			}
			b, err := proto.MarshalJSON(s)
			if err != nil {
				return err
			}
			cmd.Println(string(printable.JSON(b)))
			return nil
		},
	}
	output = outputFlag(cmd)
	cmd.Flags().BoolVar(&ready, "ready", false, "fail unless the node is ready")
	nodeFlag(cmd, &node)
	return cmd
}

// printStatus prints what a node says of itself; unready is why it calls itself not
// ready, or empty.
func printStatus(cmd *cobra.Command, s *proto.StatusResponse, unready string) {
	state := "ready"
	if unready != "" {
		state = "NOT READY: " + unready
	}
	role := "follows"
	if s.GetValidator() {
		role = "validator of " + s.GetOperator()
	}
	if s.GetCatchingUp() {
		role += ", catching up"
	}
	age := ""
	if t, err := time.Parse(time.RFC3339Nano, s.GetBlockTime()); err == nil {
		age = fmt.Sprintf(" (%s ago)", time.Since(t).Round(100*time.Millisecond))
	}
	cmd.Printf("ledger       %s\nnode         %s (%s)\nstate        %s\nversion      %s\nheight       %d\nblock time   %s%s\nprovable     %d to %d\nrecords      %d\npeers        %s\npending      %d\n",
		printable.Line(s.GetLedger()), printable.Line(s.GetMoniker()), printable.Line(role), printable.Line(state), printable.Line(s.GetVersion()),
		s.GetHeight(), printable.Line(s.GetBlockTime()), age,
		s.GetEarliestHeight(), s.GetStateHeight(), s.GetLogSize(), peersOf(s), s.GetPending())
	for _, d := range s.GetDoubleSigns() {
		cmd.Printf("double sign  operator %s signed two blocks of height %d (validator %s)\n",
			printable.Line(d.GetOperator()), d.GetHeight(), printable.Line(d.GetAddress()))
	}
}

// peersOf tells peers from validators: a node that only answers is a peer, too.
func peersOf(s *proto.StatusResponse) string {
	others := s.GetValidators()
	if s.GetValidator() && others > 0 {
		others--
	}
	return fmt.Sprintf("%d; %d of the %d other validators", s.GetPeers(), s.GetValidatorPeers(), others)
}

func newTrustAnchor(home func() (app.Home, error)) *cobra.Command {
	var node, output string
	cmd := &cobra.Command{
		Use:   "trust-anchor",
		Short: "Write the trust anchor that clients of this network import",
		Long: `Trust-anchor writes trust.json: the ledger id, the newest block with the
signatures of more than two thirds of the validators, and the operators' keys. It
is all a client needs to verify every answer of any node. Hand it out over a
channel your users trust, such as your web site or your configuration management.`,
		Example: `  hullmarkd trust-anchor -o trust.json
  hullmark trust import trust.json --node https://hullmark.acme.example`,
		Args: cli.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := remote(home, node)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), requestTimeout)
			defer cancel()
			h, err := home()
			if err != nil {
				return err
			}
			a, err := r.Anchor(ctx, h)
			if err != nil {
				return err
			}
			b, err := a.Encode()
			if err != nil {
				return err
			}
			if output == "-" {
				cmd.Print(string(b))
				return nil
			}
			if err := atomicfile.Write(output, b, 0o644); err != nil {
				return fmt.Errorf("couldn't write trust anchor: %w", err)
			}
			cmd.Printf("wrote %s: ledger %s at height %d\n", output, a.Ledger, a.Block.Height)
			return nil
		},
	}
	nodeFlag(cmd, &node)
	cmd.Flags().StringVarP(&output, "file", "o", "-", "file to write, - for standard output")
	return cmd
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Show the version of this program", Args: cli.Args(cobra.NoArgs),
		Run: func(cmd *cobra.Command, _ []string) { cmd.Println("hullmarkd", buildinfo.Version()) },
	}
}
