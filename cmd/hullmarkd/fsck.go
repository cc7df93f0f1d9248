package main

import (
	"errors"

	"github.com/spf13/cobra"

	"hullmark/app"
	"hullmark/internal/cli"
	"hullmark/printable"
)

// errDamaged is what fsck ends with when it found anything.
var errDamaged = errors.New("the node's data is damaged")

func newFsck(home func() (app.Home, error)) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "fsck",
		Short: "Check everything a stopped node has on disk",
		Long: `Fsck reads all that a stopped node has on disk and changes nothing: keys, databases to
the last byte, every hash and record of the ledger with the signatures on it, every
block with its signatures, and whether ledger, blocks, engine and the record of what
the validator signed agree. It prints what is damaged and what to do about it. It
takes time in proportion to the history of the ledger.

JSON: home, damaged, checks [{name, ok, detail, error, advice}], error.

Exit status: 0 nothing is damaged, 1 couldn't check (such as while the node runs),
4 something is damaged.`,
		Example: `  hullmarkd fsck
  hullmarkd fsck --home /var/lib/hullmarkd --output json`,
		Args: cli.Args(cobra.NoArgs),
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		progress := func(text string) { cmd.PrintErrf("hullmarkd: %s\n", text) }
		if asJSON(cmd) {
			progress = func(string) {}
		}
		h, err := home()
		if err != nil {
			return err
		}
		checks, err := app.Fsck(cmd.Context(), h, progress)
		if err != nil {
			return err
		}
		a := newFsckAnswer(h, checks)
		if err := show(cmd, a); err != nil {
			return err
		}
		if a.Damaged {
			return cli.Shown(errDamaged)
		}
		return nil
	}
	return cmd
}

type fsckAnswer struct {
	Home    string       `json:"home"`
	Damaged bool         `json:"damaged"`
	Checks  []*fsckCheck `json:"checks"`
	Error   *cli.Failure `json:"error,omitempty"`
}

type fsckCheck struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
	Error  string `json:"error,omitempty"`
	Advice string `json:"advice,omitempty"`
}

func newFsckAnswer(h app.Home, checks []app.Check) *fsckAnswer {
	a := &fsckAnswer{Home: string(h), Checks: []*fsckCheck{}}
	for _, c := range checks {
		out := &fsckCheck{Name: c.Name, OK: c.Err == nil, Detail: c.Detail, Advice: c.Advice}
		if c.Err != nil {
			out.Error, a.Damaged = c.Err.Error(), true
		}
		a.Checks = append(a.Checks, out)
	}
	if a.Damaged {
		f := failure(errDamaged)
		a.Error = &f
	}
	return a
}

func (a *fsckAnswer) text(t *table) {
	for _, c := range a.Checks {
		if c.OK {
			t.line("ok       %-20s %s", c.Name, printable.Line(c.Detail))
			continue
		}
		t.line("DAMAGED  %-20s %s", c.Name, printable.Line(c.Error))
		t.line("         %-20s %s", "", c.Advice)
	}
}

func newResync(home func() (app.Home, error)) *cobra.Command {
	var discard bool
	cmd := &cobra.Command{
		Use:   "resync",
		Short: "Have a stopped node fetch all data again from the others",
		Long: `Resync puts the ledger, the blocks and the engine's state of a stopped node aside, into
data/old of its home. When the node is started it fetches every block from the other
nodes and checks it. Keys, configuration, genesis and priv_validator_state.json stay as
they are: what the validator has signed is never forgotten.

Remove data/old when the node has caught up, or do it at once with --discard.

JSON: home, put_aside (the directory), discarded.`,
		Example: `  hullmarkd resync
  hullmarkd start`,
		Args: cli.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := home()
			if err != nil {
				return err
			}
			if err := app.Resync(h, discard); err != nil {
				return err
			}
			a := &resyncAnswer{Home: string(h), Discarded: discard}
			if !discard {
				a.PutAside = app.OldData(h)
			}
			return show(cmd, a)
		},
	}
	cmd.Flags().BoolVar(&discard, "discard", false, "remove the data instead of putting it aside")
	return cmd
}

type resyncAnswer struct {
	Home string `json:"home"`
	// PutAside is where the data is now, empty if it was discarded.
	PutAside  string `json:"put_aside,omitempty"`
	Discarded bool   `json:"discarded"`
}

func (a *resyncAnswer) text(t *table) {
	if a.Discarded {
		t.row("data", "removed from %s", a.Home)
	} else {
		t.row("data", "put aside in %s; remove it when the node has caught up", a.PutAside)
	}
	t.line("\nNext: run `hullmarkd start`; `hullmarkd status` shows how far it has come.")
}
