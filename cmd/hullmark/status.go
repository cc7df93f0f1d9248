package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"hullmark/bundle"
	"hullmark/client"
	"hullmark/internal/cli"
	"hullmark/printable"
)

func newStatus(s *session) *cobra.Command {
	return &cobra.Command{
		Use:         "status",
		Annotations: limit(readTimeout),
		Short:       "Show where each node stands",
		Long: `Status asks every node where it stands. It is what nodes say of themselves: nothing
here is proven. A node is ready if it has a state that can be proven, follows the
network, and has a newest block that is at most a minute old by this machine's clock:
older answers are refused.

JSON: nodes [{node, error, ledger, operator, version, height, block_time,
age_seconds, state_height, records, peers, validator_peers, validators, validator, catching_up, ready,
not_ready}].

Exit status: 0 at least one node answers, 6 none does.`,
		Args: cli.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := s.client(bundle.DefaultPolicy())
			if err != nil {
				return err
			}
			done := s.progress("asking the nodes")
			nodes := c.Status(cmd.Context())
			done()
			return s.printStatus(nodes, time.Now())
		},
	}
}

func (s *session) printStatus(nodes []client.NodeStatus, now time.Time) error {
	out := &statusAnswer{}
	var failures []error
	for _, n := range nodes {
		line := nodeJSON{Node: n.Node}
		if n.Err != nil {
			failures = append(failures, fmt.Errorf("node %s: %w", n.Node, n.Err))
			line.Error = printable.Line(cli.Message(n.Err))
			out.Nodes = append(out.Nodes, line)
			continue
		}
		m := n.Status
		line.Ledger, line.Operator, line.Version = m.GetLedger(), m.GetOperator(), m.GetVersion()
		line.Height, line.StateHeight, line.Records = m.GetHeight(), m.GetStateHeight(), m.GetLogSize()
		line.Peers, line.ValidatorPeers, line.Validators = m.GetPeers(), m.GetValidatorPeers(), m.GetValidators()
		line.Validator, line.CatchingUp = m.GetValidator(), m.GetCatchingUp()
		if t, err := time.Parse(time.RFC3339Nano, m.GetBlockTime()); err == nil {
			seconds := now.Sub(t).Seconds()
			line.BlockTime, line.AgeSeconds = &t, &seconds
		}
		standing := bundle.Standing{CatchingUp: m.GetCatchingUp(), Provable: m.GetStateHeight() > 0}
		if line.BlockTime != nil {
			standing.Head = *line.BlockTime
		}
		line.NotReady = standing.Unready(now, bundle.DefaultMaxAge)
		line.Ready = line.NotReady == ""
		out.Nodes = append(out.Nodes, line)
	}
	s.warnOtherLedgers(out.Nodes)
	if len(failures) == len(nodes) {
		return fmt.Errorf("no node answers: %w", errors.Join(failures...))
	}
	return s.print(out)
}

// warnOtherLedgers warns of nodes that do not belong to the trusted ledger.
func (s *session) warnOtherLedgers(nodes []nodeJSON) {
	home, err := s.home()
	if err != nil {
		return
	}
	a, err := home.Anchor()
	if err != nil {
		return
	}
	for _, n := range nodes {
		if n.Ledger != "" && n.Ledger != a.Ledger {
			s.warn("node %s belongs to ledger %s, this client trusts %s", n.Node, n.Ledger, a.Ledger)
		}
	}
}

type statusAnswer struct {
	Nodes []nodeJSON `json:"nodes"`
}

type nodeJSON struct {
	Node        string     `json:"node"`
	Error       string     `json:"error,omitempty"`
	Ledger      string     `json:"ledger,omitempty"`
	Operator    string     `json:"operator,omitempty"`
	Version     string     `json:"version,omitempty"`
	Height      uint64     `json:"height"`
	BlockTime   *time.Time `json:"block_time,omitempty"`
	AgeSeconds  *float64   `json:"age_seconds,omitempty"`
	StateHeight uint64     `json:"state_height"`
	Records     uint64     `json:"records"`
	Peers       uint32     `json:"peers"`
	// ValidatorPeers are the validators among the peers, Validators all of the network.
	ValidatorPeers uint32 `json:"validator_peers"`
	Validators     uint32 `json:"validators"`
	Validator      bool   `json:"validator"`
	CatchingUp     bool   `json:"catching_up"`
	Ready          bool   `json:"ready"`
	NotReady       string `json:"not_ready,omitempty"` // why
}

func (a *statusAnswer) text(t *table) {
	ledgers := make(map[string]bool)
	for _, n := range a.Nodes {
		if n.Ledger != "" && !ledgers[n.Ledger] {
			ledgers[n.Ledger] = true
			t.row("ledger", "%s", n.Ledger)
		}
	}
	rows := [][]string{{"node", "operator", "height", "age", "peers", "records", "state"}}
	for _, n := range a.Nodes {
		if n.Error != "" {
			rows = append(rows, []string{n.Node, "-", "-", "-", "-", "-", "DOWN"})
			continue
		}
		since, state := "-", "ready"
		if n.AgeSeconds != nil {
			since = age(time.Duration(*n.AgeSeconds * float64(time.Second)))
		}
		if !n.Ready {
			state = "NOT READY"
		}
		rows = append(rows, []string{
			n.Node, n.Operator, fmt.Sprint(n.Height), since,
			fmt.Sprint(n.Peers), fmt.Sprint(n.Records), state,
		})
	}
	t.columns("nodes", rows)
	for _, n := range a.Nodes {
		if n.Error != "" {
			t.row("down", "%s: %s", n.Node, n.Error)
		} else if !n.Ready {
			t.row("not ready", "%s: %s", n.Node, n.NotReady)
		}
	}
}
