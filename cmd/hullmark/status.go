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
		if n.Err != nil {
			failures = append(failures, fmt.Errorf("node %s: %w", n.Node, n.Err))
			out.Nodes = append(out.Nodes, cli.NodeStatus{Node: n.Node, Error: printable.Line(cli.Message(n.Err))})
			continue
		}
		line := cli.NewNodeStatus(n.Node, n.Status, now)
		standing := bundle.Standing{CatchingUp: line.CatchingUp, Provable: line.StateHeight > 0}
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
func (s *session) warnOtherLedgers(nodes []cli.NodeStatus) {
	a, err := s.anchor()
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
	Nodes []cli.NodeStatus `json:"nodes"`
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
