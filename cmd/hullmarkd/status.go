package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"hullmark/app"
	"hullmark/internal/cli"
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
	var ready bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show where the running node stands",
		Long: `Status asks the node of this home where it stands. If that serves TLS, exactly the
certificate it is configured with is accepted; that of a node named with --node must
be one the system trusts. With --ready it fails unless the node's answers are fresh
and provable, which suits scripts and the health checks of containers.

JSON: node, ledger, operator, version, height, block_time, age_seconds, state_height,
records, peers, validator_peers, validators, validator, catching_up, ready, not_ready
(why, as /readyz says it), moniker, node_id, earliest_height, pending, app_hash,
double_signs [{operator, address, height}]. Names are those of "hullmark status".

Exit status: 0 the node answers, 1 it answers and is not ready (with --ready), 6 it
does not answer.`,
		Example: `  hullmarkd status
  hullmarkd status --ready --output json
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
			unready, err := r.Unready(ctx)
			if err != nil {
				return err
			}
			return show(cmd, newStatusAnswer(r.URL(), s, unready, time.Now()))
		},
	}
	cmd.Flags().BoolVar(&ready, "ready", false, "fail unless the node is ready")
	nodeFlag(cmd, &node)
	return cmd
}

// statusAnswer is what a node says of itself, with what only its operator asks for.
type statusAnswer struct {
	cli.NodeStatus
	Moniker        string           `json:"moniker"`
	NodeID         string           `json:"node_id"`
	EarliestHeight uint64           `json:"earliest_height"`
	Pending        uint32           `json:"pending"`
	AppHash        string           `json:"app_hash,omitempty"`
	DoubleSigns    []doubleSignJSON `json:"double_signs,omitempty"`

	message *proto.StatusResponse
}

type doubleSignJSON struct {
	Operator string `json:"operator"`
	Address  string `json:"address"`
	Height   uint64 `json:"height"`
}

// newStatusAnswer returns the answer of the node at a URL; unready is why it calls itself
// not ready, or empty.
func newStatusAnswer(url string, s *proto.StatusResponse, unready string, now time.Time) *statusAnswer {
	a := &statusAnswer{
		NodeStatus: cli.NewNodeStatus(url, s, now),
		Moniker:    s.GetMoniker(), NodeID: s.GetNodeId(), EarliestHeight: s.GetEarliestHeight(), Pending: s.GetPending(),
		AppHash: hex.EncodeToString(s.GetAppHash()), message: s,
	}
	a.Ready, a.NotReady = unready == "", unready
	for _, d := range s.GetDoubleSigns() {
		a.DoubleSigns = append(a.DoubleSigns, doubleSignJSON{d.GetOperator(), d.GetAddress(), d.GetHeight()})
	}
	return a
}

func (a *statusAnswer) text(t *table) {
	state := "ready"
	if !a.Ready {
		state = "NOT READY: " + a.NotReady
	}
	role := "follows"
	if a.Validator {
		role = "validator of " + a.Operator
	}
	if a.CatchingUp {
		role += ", catching up"
	}
	age := ""
	if a.AgeSeconds != nil {
		age = fmt.Sprintf(" (%s ago)", time.Duration(*a.AgeSeconds*float64(time.Second)).Round(100*time.Millisecond))
	}
	t.row("ledger", "%s", a.Ledger)
	t.row("node", "%s (%s)", a.Moniker, role)
	t.row("state", "%s", state)
	t.row("version", "%s", a.Version)
	t.row("height", "%d", a.Height)
	t.row("block time", "%s%s", a.message.GetBlockTime(), age)
	t.row("provable", "%d to %d", a.EarliestHeight, a.StateHeight)
	t.row("records", "%d", a.Records)
	t.row("peers", "%s", peersOf(a.message))
	t.row("pending", "%d", a.Pending)
	for _, d := range a.DoubleSigns {
		t.row("double sign", "operator %s signed two blocks of height %d (validator %s)", d.Operator, d.Height, d.Address)
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
	var node, file string
	cmd := &cobra.Command{
		Use:   "trust-anchor",
		Short: "Write the trust anchor that clients of this network import",
		Long: `Trust-anchor writes trust.json: the ledger id, the newest block with the
signatures of more than two thirds of the validators, and the operators' keys. It
is all a client needs to verify every answer of any node. Hand it out over a
channel your users trust, such as your web site or your configuration management.

JSON: file, ledger, height; without --file the anchor itself, which is JSON.`,
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
			if file == "-" {
				cmd.Print(string(b))
				return nil
			}
			if err := cli.WriteFile(file, b, 0o644); err != nil {
				return fmt.Errorf("couldn't write trust anchor: %w", err)
			}
			return show(cmd, &anchorAnswer{File: file, Ledger: a.Ledger, Height: a.Block.Height})
		},
	}
	nodeFlag(cmd, &node)
	cmd.Flags().StringVarP(&file, "file", "o", "-", "file to write, - for standard output")
	return cmd
}

type anchorAnswer struct {
	File   string `json:"file"`
	Ledger string `json:"ledger"`
	Height int64  `json:"height"`
}

func (a *anchorAnswer) text(t *table) {
	t.line("wrote %s: ledger %s at height %d", a.File, a.Ledger, a.Height)
}

func newVersion() *cobra.Command {
	return cli.Version(func(cmd *cobra.Command, b cli.Build) error { return show(cmd, &versionAnswer{b}) })
}

type versionAnswer struct{ cli.Build }

func (a *versionAnswer) text(t *table) {
	t.line("hullmarkd %s", a.Version)
}
