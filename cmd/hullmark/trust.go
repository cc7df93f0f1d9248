package main

import (
	"time"

	"github.com/spf13/cobra"

	"hullmark/bundle"
	"hullmark/client"
	"hullmark/internal/cli"
)

func newTrust(s *session) *cobra.Command {
	return cli.Group("trust", "Say what this client trusts", newTrustImport(s), newTrustShow(s))
}

func newTrustImport(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE|-",
		Short: "Start from a trust anchor, and keep the nodes named with --node",
		Long: `Import checks a trust anchor (trust.json) and makes this client start from it. The
anchor is all that is trusted without proof, so get it over a channel you trust,
such as an operator's web site or your configuration management. Nodes named with
--node are kept in client.toml. What this client has learnt of repositories stays.

JSON: ledger, height, block_time, expires, operators [{id, key_id, notary_key_id,
since}], nodes.

Exit status: 0 imported, 1 not a trust anchor, 4 of another ledger than what this
client knows.`,
		Args: cli.Args(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := s.readInput(args[0], bundle.MaxAnchorSize)
			if err != nil {
				return err
			}
			home, err := s.home()
			if err != nil {
				return err
			}
			c, err := client.LoadConfig(home.Dir())
			if err != nil && len(s.nodes) > 0 {
				return err // what it says beside the nodes would be lost
			}
			c.Nodes = s.nodes
			a, err := home.ImportAnchor(cmd.Context(), data)
			if err != nil {
				return err
			}
			if len(s.nodes) > 0 {
				if err := client.SaveConfig(home.Dir(), c); err != nil {
					return err
				}
			}
			return s.printTrust(a)
		},
	}
}

func newTrustShow(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "show",
		Short: "Show the trust anchor and the nodes",
		Long: `Show prints the trust anchor this client started from, and the nodes it asks.

JSON: as that of trust import.`,
		Args: cli.Args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			home, err := s.home()
			if err != nil {
				return err
			}
			a, err := home.Anchor()
			if err != nil {
				return err
			}
			return s.printTrust(a)
		},
	}
}

func (s *session) printTrust(a *bundle.Anchor) error {
	nodes, err := s.nodeList()
	if err != nil {
		return err
	}
	out := &trustAnswer{
		Ledger: a.Ledger, Height: uint64(a.Block.Height), BlockTime: a.Block.Time.UTC(),
		Expires: a.Block.Time.Add(a.TrustingPeriod).UTC(), Operators: []trustOperator{}, Nodes: append([]string{}, nodes...),
	}
	for _, o := range a.Operators {
		out.Operators = append(out.Operators, trustOperator{o.ID, o.Key.ID().String(), o.NotaryKey.ID().String(), o.Since})
	}
	if len(nodes) == 0 {
		s.warn("no nodes are configured; name them with --node")
	}
	if time.Now().After(out.Expires) {
		s.warn("the trust anchor expired on %s; it only helps a client that has verified newer blocks since", stamp(out.Expires))
	}
	return s.print(out)
}

type trustAnswer struct {
	Ledger    string          `json:"ledger"`
	Height    uint64          `json:"height"`
	BlockTime time.Time       `json:"block_time"`
	Expires   time.Time       `json:"expires"`
	Operators []trustOperator `json:"operators"`
	Nodes     []string        `json:"nodes"`
}

type trustOperator struct {
	ID          string `json:"id"`
	KeyID       string `json:"key_id"`
	NotaryKeyID string `json:"notary_key_id"`
	Since       uint64 `json:"since"`
}

func (a *trustAnswer) text(t *table) {
	t.row("ledger", "%s", a.Ledger)
	t.row("height", "%d", a.Height)
	t.row("block time", "%s", stamp(a.BlockTime))
	t.row("usable until", "%s, or longer when this client stays in use", stamp(a.Expires))
	var rows [][]string
	for _, o := range a.Operators {
		rows = append(rows, []string{o.ID, "key " + o.KeyID})
	}
	t.columns("operator", rows)
	for _, n := range a.Nodes {
		t.row("node", "%s", n)
	}
}
